/* step_*: three steps of the optimizer from given gradients. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "golden.h"
#include "train/optimizer.h"

#define STEPS 3

/* The README's columns for the moments and the schedule; p and ema have the
 * family's. */
#define MOMENT_LIMIT 1e-5
#define RATE_LIMIT   1e-9 /* absolute */

enum {
    BETA1,
    BETA2,
    EPS,
    WEIGHT_DECAY,
    EMA,
    CLIP,
    LR,
    WARMUP,
    TOTAL,
    FIRST_LR,
    HYPER
};

/* Parameters of the names, shapes and values of p0.*. */
static drift_status make_params(golden *g, params *p)
{
    drift_status status = DRIFT_OK;
    p->ctx = g->ctx;
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        const char *name = g->file.arrays.items[i].name;
        tensor *t;
        if (strncmp(name, "p0.", 3) != 0)
            continue;
        TRY(golden_load(g, &t, NULL, "%s", name));
        float *values = mem_alloc(g->ctx, tensor_count(t), sizeof *values);
        if (!values) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        status = tensor_read(g->ctx, t, values);
        if (status == DRIFT_OK)
            params_add_values(p, "all", t->shape, values, name + 3);
        mem_free(values);
        TRY(status);
    }
    TRY(params_allocate(p, 1, 0));
out:
    return status;
}

static drift_status set_gradient(golden *g, params *p, int s)
{
    drift_status status = DRIFT_OK;
    TRY(op_fill(g->ctx, &p->grad, 0));
    for (size_t i = 0; i < p->count; i++) {
        tensor *t, to = params_view(p, &p->grad, (int)i);
        TRY(golden_load(g, &t, NULL, "g%d.%s", s, p->list[i].name));
        TRY(op_add_fwd(g->ctx, &to, t, NULL, 1, 0));
    }
out:
    return status;
}

static drift_status compare(golden *g, const params *p, const tensor *flat,
                            const char *set, int s)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < p->count; i++) {
        tensor view = params_view(p, flat, (int)i);
        TRY(golden_near(g, &view, NULL, "%s%d.%s", set, s, p->list[i].name));
    }
out:
    return status;
}

static drift_status compare_rates(golden *g, const optimizer_config *c)
{
    drift_status status = DRIFT_OK;
    double *table, rates[STEPS], *all = NULL;
    size_t count;
    TRY(golden_numbers(g, &table, &count, "lr_table"));
    all = mem_alloc(g->ctx, count, sizeof *all);
    if (!all) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t n = 0; n < count; n++)
        all[n] = optimizer_rate(c, (int64_t)n);
    for (int n = 0; n < STEPS; n++)
        rates[n] = optimizer_rate(c, n);
    TRY(golden_absolute(g, all, count, RATE_LIMIT, "lr_table"));
    TRY(golden_absolute(g, rates, STEPS, RATE_LIMIT, "lr"));
out:
    mem_free(all);
    return status;
}

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    params p = {0};
    optimizer o = {0};
    double *h, norms[STEPS], limit = g->limit;
    size_t count;
    TRY(golden_numbers(g, &h, &count, "hyper"));
    if (count != HYPER)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "hyper has %zu numbers, not %d", count,
             HYPER);
    optimizer_config c = {
        .lr = h[LR],
        .warmup_steps = (int64_t)h[WARMUP],
        .total_steps = (int64_t)h[TOTAL],
        .schedule = strcmp(golden_meta(g, "schedule"), "const")
                        ? SCHEDULE_COSINE
                        : SCHEDULE_CONSTANT,
        .beta1 = h[BETA1],
        .beta2 = h[BETA2],
        .eps = h[EPS],
        .weight_decay = h[WEIGHT_DECAY],
        .clip_norm = h[CLIP],
        .ema = {(float)h[EMA]},
        .ema_count = 1,
    };
    TRY(make_params(g, &p));
    TRY(optimizer_new(g->ctx, &p, &c, &o));
    for (int s = 1; s <= STEPS; s++) {
        TRY(set_gradient(g, &p, s));
        TRY(optimizer_norms(&o));
        TRY(optimizer_read(&o));
        norms[s - 1] = o.grad_norm;
        TRY(optimizer_step(&o, s - 1));
        TRY(compare(g, &p, &p.value, "p", s));
        TRY(compare(g, &p, &o.ema[0], "ema", s));
    }
    TRY(golden_near_host(g, norms, STEPS, "g_norm"));
    g->limit = MOMENT_LIMIT;
    TRY(compare(g, &p, &o.m, "mu", STEPS));
    TRY(compare(g, &p, &o.v, "nu", STEPS));
    TRY(compare_rates(g, &c));
out:
    g->limit = limit;
    optimizer_free(&o);
    params_free(&p);
    return status;
}

const golden_family check_step[] = {{"step_*.safetensors", check_file, 2e-6},
                                    {0}};
