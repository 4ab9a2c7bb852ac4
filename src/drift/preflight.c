/* Preflight: see preflight.h. All points are small multiples of 1/64, so that
 * a translation by a whole number is exact. */
#include "drift/preflight.h"

#include <string.h>

#include "base/rng.h"

#define N      12 /* queries */
#define SET    20 /* points of each set */
#define D      16
#define POINTS ((size_t)SET * D)
#define SHIFT  8
#define MEMORY ((size_t)16 << 20)

/* Of rounding in a field of blunt kernels. */
#define TOLERANCE 2e-3

typedef struct check {
    drift_context *ctx;
    field_args args;
    float x[N * D], a[SET * D], b[SET * D];
} check;

static drift_status copy_in(drift_context *ctx, tensor *t, size_t n,
                            const float *host)
{
    drift_status status = tensor_new(ctx, t, DTYPE_F32, SHAPE(1, n, D));
    return status == DRIFT_OK ? tensor_write(ctx, t, host) : status;
}

/* The field at x of positives pos against negatives neg. */
static drift_status field(const check *c, const float *x, const float *pos,
                          const float *neg, float *v)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = c->ctx;
    tensor tx = {0}, tp = {0}, tn = {0}, tv = {0}, loss = {0}, stats = {0};
    TRY(copy_in(ctx, &tx, N, x));
    TRY(copy_in(ctx, &tp, SET, pos));
    TRY(copy_in(ctx, &tn, SET, neg));
    TRY(tensor_new(ctx, &tv, DTYPE_F32, tx.shape));
    TRY(tensor_new(ctx, &loss, DTYPE_F32, SHAPE(1)));
    TRY(tensor_new(ctx, &stats, DTYPE_F32,
                   SHAPE(FIELD_STATS(c->args.temperatures))));
    TRY(op_field(ctx, &tv, &loss, &stats, &tx, NULL, &tn, &tp, NULL, NULL, NULL,
                 c->args, MEMORY));
    TRY(tensor_read(ctx, &tv, v));
out:
    tensor_free(ctx, &tx);
    tensor_free(ctx, &tp);
    tensor_free(ctx, &tn);
    tensor_free(ctx, &tv);
    tensor_free(ctx, &loss);
    tensor_free(ctx, &stats);
    return status;
}

/* Largest |v + sign w| against the largest |v|; not finite is the worst, and
 * so is a field that vanishes: all points are within reach of the kernel. */
static double mismatch(const float *v, const float *w, float sign)
{
    double most = 0, size = 0;
    for (size_t i = 0; i < (size_t)N * D; i++) {
        double e = fabs((double)v[i] + (double)sign * (double)w[i]);
        if (!isfinite(e))
            return INFINITY;
        most = fmax(most, e);
        size = fmax(size, fabs((double)v[i]));
    }
    return size > 0 ? most / size : INFINITY;
}

/* Logits are d/R or d^2/(2 R^2), d about 1: their rounding is that of the
 * affinities. */
static double tolerance(const field_args *args)
{
    double sharpest = 0;
    for (int j = 0; j < args->temperatures; j++) {
        double r = (double)args->r[j];
        sharpest = fmax(sharpest,
                        args->shape == FIELD_LAPLACE ? 1 / r : 1 / (r * r));
    }
    return fmax(TOLERANCE, 64 * 0x1p-24 * sharpest);
}

static drift_status demand(const check *c, const char *what, double error)
{
    double allowed = tolerance(&c->args);
    if (!(error <= allowed))
        return ERROR(c->ctx, DRIFT_ERROR_DEVICE,
                     "preflight: the field is not right on this device: %s "
                     "is violated by %.2g of the field, allowed is %.2g",
                     what, error, allowed);
    return DRIFT_OK;
}

static void draw(float *points, size_t count, rng_stream s, float unit)
{
    for (size_t i = 0; i < count; i++)
        points[i] = unit * ((float)rng_below(s, i, 129) - 64) / 64;
}

static void moved(float *out, const float *points, size_t count, float by)
{
    for (size_t i = 0; i < count; i++)
        out[i] = points[i] + by;
}

static void reversed(float *out, const float *points)
{
    for (size_t i = 0; i < SET; i++)
        memcpy(out + i * D, points + (SET - 1 - i) * D, D * sizeof *out);
}

drift_status preflight_run(drift_context *ctx, const field_args *args)
{
    drift_status status = DRIFT_OK;
    check c = {.ctx = ctx, .args = *args};
    float v[N * D], w[N * D], x[N * D], a[SET * D], b[SET * D];
    float unit = 1;
    c.args.queries_are_targets = 0;
    c.args.scale_drift = 0;
    c.args.attraction = c.args.repulsion = 1;
    /* On raw distances the points must lie within reach of the kernel. */
    for (int j = 0; !field_scales_features(args) && j < args->temperatures; j++)
        while (unit > args->r[j])
            unit /= 2;
    draw(c.x, (size_t)N * D, (rng_stream){1, RNG_TEST, 0}, unit);
    draw(c.a, POINTS, (rng_stream){1, RNG_TEST, 1}, unit);
    draw(c.b, POINTS, (rng_stream){1, RNG_TEST, 2}, unit);

    TRY(field(&c, c.x, c.a, c.b, v));
    TRY(field(&c, c.x, c.b, c.a, w));
    TRY(demand(&c, "antisymmetry", mismatch(v, w, 1)));

    /* Of the size of v. */
    TRY(field(&c, c.x, c.a, c.a, w));
    for (size_t i = 0; i < (size_t)N * D; i++)
        w[i] += v[i];
    TRY(demand(&c, "equilibrium of equal sets", mismatch(v, w, -1)));

    moved(x, c.x, (size_t)N * D, SHIFT * unit);
    moved(a, c.a, POINTS, SHIFT * unit);
    moved(b, c.b, POINTS, SHIFT * unit);
    TRY(field(&c, x, a, b, w));
    TRY(demand(&c, "invariance under translation", mismatch(v, w, -1)));

    reversed(a, c.a);
    reversed(b, c.b);
    TRY(field(&c, c.x, a, b, w));
    TRY(demand(&c, "invariance under permutation", mismatch(v, w, -1)));
out:
    return status;
}
