/* The self-test of a device that is being opened: a product, a norm, a
 * reduction and an attention, forward and backward, on a few fixed numbers. A
 * driver that miscompiles is refused before it spoils a run.
 *
 * Wanted are the plain formulas in double, and their differences for the
 * gradients. An element may be off by 8 * 2^-24 * sqrt(terms) * (|wanted| + rms
 * of all wanted), as in tests/ops/README.md. */
#include "ocl/ocl.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

#define MOST    3   /* inputs, outputs */
#define NUMBERS 360 /* of a tensor */
#define STEP    1e-5

/* One op: y[i] from x[j]. The gradients are of the sum of dy[i] y[i] over the
 * first `losses` outputs. */
typedef struct trial {
    const char *forward, *backward;
    const char *x_name[MOST], *y_name[MOST]; /* up to NULL */
    shape x[MOST], y[MOST];
    int losses;
    double terms;
    void (*formula)(double *const y[], const double *const x[]);
    drift_status (*run)(drift_context *ctx, tensor y[], const tensor x[]);
    drift_status (*run_back)(drift_context *ctx, tensor dx[], const tensor dy[],
                             const tensor x[], const tensor y[]);
} trial;

/* -- the ops ----------------------------------------------------------------
 */

enum { GEMM_M = 19, GEMM_N = 13, GEMM_K = 17 };

static void gemm_formula(double *const y[], const double *const x[])
{
    for (int i = 0; i < GEMM_M * GEMM_N; i++) {
        y[0][i] = 0;
        for (int k = 0; k < GEMM_K; k++)
            y[0][i] +=
                x[0][i / GEMM_N * GEMM_K + k] * x[1][k * GEMM_N + i % GEMM_N];
    }
}

static drift_status gemm_run(drift_context *ctx, tensor y[], const tensor x[])
{
    return ocl_gemm(ctx, &y[0], &x[0], &x[1], 0, 0, 1, 0);
}

static drift_status gemm_run_back(drift_context *ctx, tensor dx[],
                                  const tensor dy[], const tensor x[],
                                  const tensor y[])
{
    (void)y;
    drift_status status = ocl_gemm(ctx, &dx[0], &dy[0], &x[1], 0, 1, 1, 0);
    return status == DRIFT_OK ? ocl_gemm(ctx, &dx[1], &x[0], &dy[0], 1, 0, 1, 0)
                              : status;
}

enum { NORM_ROWS = 5, NORM_C = 37 };
#define NORM_EPS 1e-5f

static void norm_formula(double *const y[], const double *const x[])
{
    for (int r = 0; r < NORM_ROWS; r++) {
        const double *row = x[0] + r * NORM_C;
        double mean = 0, square = 0;
        for (int i = 0; i < NORM_C; i++)
            mean += row[i] / NORM_C;
        for (int i = 0; i < NORM_C; i++)
            square += (row[i] - mean) * (row[i] - mean) / NORM_C;
        y[1][r] = mean;
        y[2][r] = 1 / sqrt(square + (double)NORM_EPS);
        for (int i = 0; i < NORM_C; i++)
            y[0][r * NORM_C + i] =
                (row[i] - mean) * y[2][r] * x[1][i] + x[2][i];
    }
}

static drift_status norm_run(drift_context *ctx, tensor y[], const tensor x[])
{
    return ocl_layernorm_fwd(ctx, &y[0], &y[1], &y[2], &x[0], &x[1], &x[2],
                             NORM_EPS, 0);
}

static drift_status norm_run_back(drift_context *ctx, tensor dx[],
                                  const tensor dy[], const tensor x[],
                                  const tensor y[])
{
    return ocl_layernorm_bwd(ctx, &dx[0], &dx[1], &dx[2], &dy[0], &x[0], &x[1],
                             &y[1], &y[2], 0);
}

enum { MAP_N = 2, MAP_H = 4, MAP_W = 6, MAP_C = 5, MAP_PH = 2, MAP_PW = 3 };
#define MAP_PATCHES (MAP_H / MAP_PH * (MAP_W / MAP_PW))
#define MAP_EPS     1e-3f

static void moments_formula(double *const y[], const double *const x[])
{
    const int across = MAP_W / MAP_PW, count = MAP_PH * MAP_PW;
    for (int o = 0; o < MAP_N * MAP_PATCHES * MAP_C; o++) {
        int patch = o / MAP_C % MAP_PATCHES;
        int row = o / MAP_C / MAP_PATCHES * MAP_H + patch / across * MAP_PH;
        const double *at =
            x[0] + (row * MAP_W + patch % across * MAP_PW) * MAP_C + o % MAP_C;
        double mean = 0, square = 0;
        for (int i = 0; i < count; i++)
            mean += at[(i / MAP_PW * MAP_W + i % MAP_PW) * MAP_C] / count;
        for (int i = 0; i < count; i++) {
            double d = at[(i / MAP_PW * MAP_W + i % MAP_PW) * MAP_C] - mean;
            square += d * d / count;
        }
        y[0][o] = mean;
        y[1][o] = sqrt(square + (double)MAP_EPS);
    }
}

static drift_status moments_run(drift_context *ctx, tensor y[],
                                const tensor x[])
{
    return ocl_moments_fwd(ctx, &y[0], &y[1], &x[0], MAP_PH, MAP_PW, MAP_EPS);
}

static drift_status moments_run_back(drift_context *ctx, tensor dx[],
                                     const tensor dy[], const tensor x[],
                                     const tensor y[])
{
    return ocl_moments_bwd(ctx, &dx[0], &dy[0], &dy[1], &x[0], &y[0], &y[1],
                           MAP_PH, MAP_PW);
}

enum { QUERIES = 18, KEYS = 20, HEADS = 2, HEAD = 5 };
#define ATTENTION_SCALE .5f

static void attention_formula(double *const y[], const double *const x[])
{
    for (int t = 0; t < QUERIES; t++)
        for (int h = 0; h < HEADS; h++) {
            const double *q = x[0] + (t * HEADS + h) * HEAD;
            double *o = y[0] + (t * HEADS + h) * HEAD, sum = 0;
            for (int e = 0; e < HEAD; e++)
                o[e] = 0;
            for (int s = 0; s < KEYS; s++) {
                const double *k = x[1] + (s * HEADS + h) * HEAD;
                const double *v = x[2] + (s * HEADS + h) * HEAD;
                double logit = 0;
                for (int e = 0; e < HEAD; e++)
                    logit += (double)ATTENTION_SCALE * q[e] * k[e];
                double p = exp(logit);
                sum += p;
                for (int e = 0; e < HEAD; e++)
                    o[e] += p * v[e];
            }
            for (int e = 0; e < HEAD; e++)
                o[e] /= sum;
            y[1][h * QUERIES + t] = log(sum);
        }
}

static drift_status attention_run(drift_context *ctx, tensor y[],
                                  const tensor x[])
{
    return ocl_attention_fwd(ctx, &y[0], &y[1], &x[0], &x[1], &x[2],
                             ATTENTION_SCALE);
}

static drift_status attention_run_back(drift_context *ctx, tensor dx[],
                                       const tensor dy[], const tensor x[],
                                       const tensor y[])
{
    return ocl_attention_bwd(ctx, &dx[0], &dx[1], &dx[2], &dy[0], &x[0], &x[1],
                             &x[2], &y[0], &y[1], ATTENTION_SCALE);
}

#define DIMS(...)                                                              \
    {                                                                          \
        {__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)        \
    }

static const trial trials[] = {
    {"gemm",
     "gemm",
     {"a", "b"},
     {"c"},
     {DIMS(GEMM_M, GEMM_K), DIMS(GEMM_K, GEMM_N)},
     {DIMS(GEMM_M, GEMM_N)},
     1,
     GEMM_K + 2,
     gemm_formula,
     gemm_run,
     gemm_run_back},
    {"layernorm_fwd",
     "layernorm_bwd",
     {"x", "w", "b"},
     {"y", "mean", "rstd"},
     {DIMS(NORM_ROWS, NORM_C), DIMS(NORM_C), DIMS(NORM_C)},
     {DIMS(NORM_ROWS, NORM_C), DIMS(NORM_ROWS), DIMS(NORM_ROWS)},
     1,
     24,
     norm_formula,
     norm_run,
     norm_run_back},
    {"moments_fwd",
     "moments_bwd",
     {"x"},
     {"mean", "std"},
     {DIMS(MAP_N, MAP_H, MAP_W, MAP_C)},
     {DIMS(MAP_N, MAP_PATCHES, MAP_C), DIMS(MAP_N, MAP_PATCHES, MAP_C)},
     2,
     8,
     moments_formula,
     moments_run,
     moments_run_back},
    {"attention_fwd",
     "attention_bwd",
     {"q", "k", "v"},
     {"o", "lse"},
     {DIMS(1, QUERIES, HEADS, HEAD), DIMS(1, KEYS, HEADS, HEAD),
      DIMS(1, KEYS, HEADS, HEAD)},
     {DIMS(1, QUERIES, HEADS, HEAD), DIMS(1, HEADS, QUERIES)},
     1,
     KEYS + QUERIES + HEAD + 16,
     attention_formula,
     attention_run,
     attention_run_back},
};

/* -- running them -----------------------------------------------------------
 */

typedef struct numbers {
    double x[MOST][NUMBERS], y[MOST][NUMBERS], dy[MOST][NUMBERS];
    double want[NUMBERS];
} numbers;

/* What is exact in f32, within -1 and 1. */
static void draw(double *to, size_t n, uint32_t *state)
{
    for (size_t i = 0; i < n; i++) {
        *state = *state * 1664525u + 1013904223u;
        to[i] = (double)(*state >> 16) / 32768 - 1;
    }
}

static double loss(const trial *t, numbers *z)
{
    const double *const x[] = {z->x[0], z->x[1], z->x[2]};
    double *const y[] = {z->y[0], z->y[1], z->y[2]};
    double sum = 0;
    t->formula(y, x);
    for (int i = 0; i < t->losses; i++)
        for (size_t j = 0; j < shape_count(t->y[i]); j++)
            sum += z->dy[i][j] * z->y[i][j];
    return sum;
}

static void gradient(const trial *t, numbers *z, int input)
{
    for (size_t i = 0; i < shape_count(t->x[input]); i++) {
        double *x = &z->x[input][i], old = *x;
        *x = old + STEP;
        double above = loss(t, z);
        *x = old - STEP;
        z->want[i] = (above - loss(t, z)) / (2 * STEP);
        *x = old;
    }
}

static drift_status put(drift_context *ctx, tensor *to, shape s,
                        const double *from)
{
    float host[NUMBERS];
    drift_status status = tensor_new(ctx, to, DTYPE_F32, s);
    for (size_t i = 0; from && i < shape_count(s); i++)
        host[i] = (float)from[i];
    return status == DRIFT_OK && from ? tensor_write(ctx, to, host) : status;
}

static drift_status compare(drift_context *ctx, const trial *t, const char *op,
                            const char *name, const tensor *got,
                            const double *want)
{
    float host[NUMBERS];
    size_t n = tensor_count(got);
    double rms = 0;
    drift_status status = tensor_read(ctx, got, host);
    for (size_t i = 0; i < n; i++)
        rms += want[i] * want[i] / (double)n;
    for (size_t i = 0; status == DRIFT_OK && i < n; i++) {
        double limit =
            8 * 0x1p-24 * sqrt(t->terms) * (fabs(want[i]) + sqrt(rms));
        double off = fabs((double)host[i] - want[i]);
        if (!(off <= limit))
            status = ERROR(ctx, DRIFT_ERROR_DEVICE,
                           "%s fails its self-test and is not to be trusted: "
                           "element %zu of %s of %s is %.9g, wanted %.9g, "
                           "%.3g times what rounding explains",
                           ctx->device_text, i, name, op, (double)host[i],
                           want[i], off / limit);
    }
    return status;
}

static drift_status run(drift_context *ctx, const trial *t, numbers *z)
{
    drift_status status = DRIFT_OK;
    tensor x[MOST] = {{0}}, y[MOST] = {{0}}, dx[MOST] = {{0}}, dy[MOST] = {{0}};
    char name[16];
    uint32_t state = 1;
    for (int i = 0; i < MOST && t->x_name[i]; i++) {
        draw(z->x[i], shape_count(t->x[i]), &state);
        TRY(put(ctx, &x[i], t->x[i], z->x[i]));
        TRY(put(ctx, &dx[i], t->x[i], NULL));
        dx[i].fresh = 1;
    }
    for (int i = 0; i < MOST && t->y_name[i]; i++) {
        TRY(put(ctx, &y[i], t->y[i], NULL));
        draw(z->dy[i], shape_count(t->y[i]), &state);
        TRY(put(ctx, &dy[i], t->y[i], z->dy[i]));
    }
    TRY(t->run(ctx, y, x));
    (void)loss(t, z);
    for (int i = 0; i < MOST && t->y_name[i]; i++)
        TRY(compare(ctx, t, t->forward, t->y_name[i], &y[i], z->y[i]));
    TRY(t->run_back(ctx, dx, dy, x, y));
    for (int i = 0; i < MOST && t->x_name[i]; i++) {
        gradient(t, z, i);
        snprintf(name, sizeof name, "d%s", t->x_name[i]);
        TRY(compare(ctx, t, t->backward, name, &dx[i], z->want));
    }
out:
    for (int i = 0; i < MOST; i++) {
        tensor_free(ctx, &x[i]);
        tensor_free(ctx, &y[i]);
        tensor_free(ctx, &dx[i]);
        tensor_free(ctx, &dy[i]);
    }
    return status;
}

drift_status ocl_selftest(drift_context *ctx)
{
    drift_status status = DRIFT_OK;
    numbers *z = mem_alloc(ctx, 1, sizeof *z);
    if (!z)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; status == DRIFT_OK && i < sizeof trials / sizeof *trials;
         i++)
        status = run(ctx, &trials[i], z);
    mem_free(z);
    pool_free(ctx);
    return status;
}
