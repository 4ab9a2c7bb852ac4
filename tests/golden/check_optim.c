/* op_optim: AdamW with clipping and EMA, as PyTorch computes them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"

#define MOST_STEPS 16
#define TENSORS    3

static drift_status norm_of(golden *g, const tensor *t, double *sum)
{
    drift_status status = DRIFT_OK;
    tensor *y;
    float value;
    TRY(golden_output(g, &y, SHAPE(1)));
    TRY(op_reduce(g->ctx, y, t, REDUCE_SUMSQ));
    TRY(tensor_read(g->ctx, y, &value));
    *sum += (double)value;
out:
    return status;
}

/* "betas": [a, b] of the case's description. */
static void read_betas(const golden *g, const char *name, double beta[2])
{
    const char *at = strstr(golden_meta(g, name), "\"betas\":");
    if (!at || sscanf(at, "\"betas\": [%lf, %lf]", &beta[0], &beta[1]) != 2)
        beta[0] = beta[1] = NAN;
}

static drift_status check_case(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    tensor *p[TENSORS], *m[TENSORS], *v[TENSORS], *ema[TENSORS], *scale;
    double norms[MOST_STEPS] = {0}, beta[2];
    double clip = golden_option(g, name, "clip");
    int steps = (int)golden_option(g, name, "steps");
    if (!golden_find(g, "%s.p0", name)) /* g0 ...: the gradients */
        return DRIFT_OK;
    read_betas(g, name, beta);
    TRY(golden_output(g, &scale, SHAPE(1)));
    for (int i = 0; i < TENSORS; i++) {
        TRY(golden_load(g, &p[i], NULL, "p%d", i));
        TRY(golden_load(g, &ema[i], NULL, "p%d", i));
        TRY(golden_gradient(g, &m[i], p[i]->shape));
        TRY(golden_gradient(g, &v[i], p[i]->shape));
    }
    for (int s = 0; s < steps && s < MOST_STEPS; s++) {
        tensor *grad[TENSORS];
        for (int i = 0; i < TENSORS; i++) {
            TRY(golden_load(g, &grad[i], NULL, "g%d.%d", s, i));
            TRY(norm_of(g, grad[i], &norms[s]));
        }
        norms[s] = sqrt(norms[s]);
        adamw_args args =
            adamw_args_of(golden_option(g, name, "lr"), beta[0], beta[1],
                          golden_option(g, name, "eps"),
                          golden_option(g, name, "weight_decay"), (uint64_t)s);
        /* PyTorch's bound has its own rounding guard. */
        float by =
            clip > 0 ? (float)fmin(1, clip / (norms[s] + 1e-6)) : 1;
        TRY(tensor_write(g->ctx, scale, &by));
        float decay = (float)golden_option(g, name, "ema");
        for (int i = 0; i < TENSORS; i++) {
            TRY(op_adamw(g->ctx, p[i], m[i], v[i], grad[i], scale, args));
            TRY(op_ema(g->ctx, ema[i], p[i], NULL, decay));
        }
    }
    for (int i = 0; i < TENSORS; i++) {
        TRY(golden_near(g, p[i], NULL, "%s.p%d", name, i));
        TRY(golden_near(g, m[i], NULL, "%s.m%d", name, i));
        TRY(golden_near(g, v[i], NULL, "%s.v%d", name, i));
        TRY(golden_near(g, ema[i], NULL, "%s.ema%d", name, i));
    }
    if (clip > 0)
        TRY(golden_near_host(g, norms, (size_t)steps, "%s.grad_norm", name));
out:
    return status;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_optim[] = {{"op_optim.safetensors", check_file, 1e-5},
                                     {0}};
