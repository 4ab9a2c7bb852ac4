/* field_torch: the field as the public PyTorch re-implementations compute it,
 * where that is one of ours. Not ours, so without a line: their class losses
 * (features on the unit sphere, or scales a class) and feature sets, weights
 * inside the softmax of `xy`, and the sum over temperatures, which divides by
 * sqrt(m + 1e-8) where the release has sqrt(max(m, 1e-8)). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift/field.h"
#include "drift/guidance.h"
#include "golden.h"

/* No scales, no floor: V is the plain force at one temperature. */
static field_args plain(int normalization, double temperature)
{
    return (field_args){.variant = FIELD_PAPER,
                        .normalization = normalization,
                        .temperatures = 1,
                        .r = {(float)temperature},
                        .attraction = 1,
                        .repulsion = 1};
}

/* [n,d] of the file as one group. */
static drift_status load_group(golden *g, const char *name, tensor *view)
{
    drift_status status = DRIFT_OK;
    tensor *t;
    TRY(golden_load(g, &t, NULL, "%s", name));
    *view = tensor_reshape(t, SHAPE(1, t->shape.dim[0], t->shape.dim[1]));
out:
    return status;
}

/* The force on `queries`, which are the negatives too where args say so. */
static drift_status force(golden *g, const tensor *x, const tensor *neg,
                          const tensor *pos, const tensor *w_neg,
                          field_args args, tensor **v)
{
    drift_status status = DRIFT_OK;
    tensor *loss, *stats;
    size_t count = FIELD_STATS(args.temperatures);
    TRY(golden_output(g, v, x->shape));
    TRY(golden_output(g, &loss, SHAPE(1)));
    TRY(golden_output(g, &stats, SHAPE(count)));
    TRY(op_field(g->ctx, *v, loss, stats, x, NULL, neg, pos, NULL, w_neg, NULL,
                 args, (size_t)64 << 20));
out:
    return status;
}

/* tyfeld: softmax over both axes on raw distances. */
static drift_status check_ty(golden *g)
{
    static const char *const taus[] = {"0.05", "0.2", "1.0"};
    drift_status status = DRIFT_OK;
    tensor x, pos, other, *v;
    TRY(load_group(g, "x", &x));
    TRY(load_group(g, "y_pos", &pos));
    TRY(load_group(g, "y_uncond", &other));
    for (size_t i = 0; i < sizeof taus / sizeof *taus; i++) {
        field_args args = plain(FIELD_XY, strtod(taus[i], NULL));
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "ty.other.tau%s", taus[i]));
        if (golden_find(g, "ty.swapped.tau%s", taus[i])) {
            TRY(force(g, &x, &pos, &other, NULL, args, &v));
            TRY(golden_near(g, v, NULL, "ty.swapped.tau%s", taus[i]));
        }
        args.queries_are_targets = 1;
        TRY(force(g, &x, NULL, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "ty.self.tau%s", taus[i]));
    }
out:
    return status;
}

/* jiaxi98 at temperature 0.3: its `y` is our `separate`, its gaussian
 * exp(-d^2/0.3). */
static drift_status check_jx(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor x, pos, other, *v, *w;
    TRY(load_group(g, "x", &x));
    TRY(load_group(g, "y_pos", &pos));
    TRY(load_group(g, "y_uncond", &other));
    TRY(golden_load(g, &w, NULL, "neg_weights"));
    size_t n = x.shape.dim[1], m = other.shape.dim[1];
    tensor weights = tensor_view(w, n, SHAPE(1, m)); /* the first n are 1 */
    for (int gaussian = 0; gaussian < 2; gaussian++) {
        const char *kernel = gaussian ? "gaussian" : "l2";
        double r = gaussian ? sqrt(0.3 / 2) : 0.3;
        field_args args = plain(FIELD_XY, r);
        args.shape = gaussian ? FIELD_GAUSSIAN : FIELD_LAPLACE;
        args.queries_are_targets = 1;
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "jx.xy.%s.now.V", kernel));
        args.normalization = FIELD_SEPARATE;
        TRY(force(g, &x, &other, &pos, NULL, args, &v));
        TRY(golden_near(g, v, NULL, "jx.y.%s.now.V", kernel));
        TRY(force(g, &x, &other, &pos, &weights, args, &v));
        TRY(golden_near(g, v, NULL, "jx.y.%s.w.V", kernel));
    }
    golden_ignore(g, "jx.xy.*.w*");
    golden_ignore(g, "jx.*.a_???");
out:
    return status;
}

/* A step of 2-D points: points + 0.1 V at temperature 0.1. */
static drift_status check_toy(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor points, data, *v, *y;
    TRY(load_group(g, "toy.points", &points));
    TRY(load_group(g, "toy.data", &data));
    field_args args = plain(FIELD_XY, 0.1);
    args.queries_are_targets = 1;
    TRY(force(g, &points, NULL, &data, NULL, args, &v));
    TRY(golden_output(g, &y, points.shape));
    TRY(op_add_fwd(g->ctx, y, &points, v, 1, 0.1f));
    TRY(golden_near(g, y, NULL, "toy.out"));
out:
    return status;
}

/* alpha in [1,4] for given u: density alpha^-power, power 0 the uniform one;
 * the weight of 4 negatives beside 8 samples. */
static drift_status check_alpha(golden *g)
{
    drift_status status = DRIFT_OK;
    double *u, *alpha = NULL;
    size_t count;
    char name[32];
    TRY(golden_numbers(g, &u, &count, "alpha.u"));
    alpha = calloc(count + 1, sizeof *alpha);
    if (!alpha)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (int power = 0; power < 10; power++) {
        guidance_config c = {1, 4, (float)power, 0};
        snprintf(name, sizeof name, power ? "alpha.power%d" : "alpha.uniform",
                 power);
        if (!golden_find(g, "%s", name))
            continue;
        for (size_t i = 0; i < count; i++)
            alpha[i] = (double)guidance_alpha(&c, (float)u[i], 1);
        TRY(golden_near_host(g, alpha, count, "%s", name));
        for (size_t i = 0; i < count; i++)
            alpha[i] = (double)guidance_weight((float)alpha[i], 8, 4);
        if (power == 3) /* the draw that the file's weights belong to */
            TRY(golden_near_host(g, alpha, count, "alpha.weight_n8_u4"));
    }
out:
    free(alpha);
    return status;
}

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    TRY(check_ty(g));
    TRY(check_jx(g));
    TRY(check_toy(g));
    TRY(check_alpha(g));
    golden_ignore(g, "ty.multi");
    golden_ignore(g, "loss.*");
    golden_ignore(g, "feat.*");
out:
    return status;
}

const golden_family check_field_torch[] = {
    {"field_torch.safetensors", check_file, 1e-5}, {0}};
