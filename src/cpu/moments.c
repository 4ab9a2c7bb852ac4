/* moments: mean and std = sqrt(population variance + eps) of patches of
 * ph x pw locations of x [n,h,w,c]. Two passes, sums in double: features have
 * means far above their spread. */
#include <math.h>

#include "cpu/cpu.h"
#include "cpu/row.h"

#define COLUMNS 64 /* channels a task works on */

/* One patch, and the channels of one task. */
typedef struct patch {
    size_t out;    /* first number in mean and std */
    size_t at;     /* first number in x */
    size_t stride; /* between lines of x */
    size_t lines, across, c, n;
} patch;

typedef struct patch_grid {
    size_t n, h, w, c, ph, pw, tasks;
} patch_grid;

static patch_grid find_grid(const tensor *x, int ph, int pw)
{
    const size_t *dim = x->shape.dim;
    patch_grid g = {dim[0], dim[1], dim[2], dim[3], (size_t)ph, (size_t)pw, 0};
    g.tasks = (g.c + COLUMNS - 1) / COLUMNS;
    return g;
}

static size_t grid_count(const patch_grid *g)
{
    return g->n * (g->h / g->ph) * (g->w / g->pw) * g->tasks;
}

static patch find_patch(const patch_grid *g, size_t task)
{
    size_t column = task % g->tasks * COLUMNS, index = task / g->tasks;
    size_t across = g->w / g->pw, down = g->h / g->ph;
    size_t j = index % across, i = index / across % down;
    size_t n = index / across / down;
    size_t pixel = (n * g->h + i * g->ph) * g->w + j * g->pw;
    size_t channels = g->c - column < COLUMNS ? g->c - column : COLUMNS;
    return (patch){index * g->c + column,
                   pixel * g->c + column,
                   g->w * g->c,
                   g->ph,
                   g->pw,
                   g->c,
                   channels};
}

static CPU_SIMD void sum_squares(double *restrict sum, const float *restrict x,
                                 const double *restrict mean, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double difference = (double)x[i] - mean[i];
        sum[i] += difference * difference;
    }
}

static void patch_moments(float *mean, float *std, const float *x, patch p,
                          double eps)
{
    double average[COLUMNS] = {0}, squares[COLUMNS] = {0};
    double count = (double)(p.lines * p.across);
    for (size_t i = 0; i < p.lines; i++)
        for (size_t j = 0; j < p.across; j++)
            row_sum(average, x + i * p.stride + j * p.c, p.n);
    for (size_t k = 0; k < p.n; k++)
        average[k] /= count;
    for (size_t k = 0; mean && k < p.n; k++)
        mean[k] = (float)average[k];
    for (size_t i = 0; std && i < p.lines; i++)
        for (size_t j = 0; j < p.across; j++)
            sum_squares(squares, x + i * p.stride + j * p.c, average, p.n);
    for (size_t k = 0; std && k < p.n; k++)
        std[k] = (float)sqrt(squares[k] / count + eps);
}

drift_status cpu_moments_fwd(drift_context *ctx, tensor *mean, tensor *std,
                             const tensor *x, int ph, int pw, float eps)
{
    (void)ctx;
    patch_grid g = find_grid(x, ph, pw);
    float *meanp = f32(mean), *stdp = f32(std);
    const float *xp = f32(x);
    size_t tasks = grid_count(&g);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t task = 0; task < tasks; task++) {
        patch p = find_patch(&g, task);
        patch_moments(meanp ? meanp + p.out : NULL, stdp ? stdp + p.out : NULL,
                      xp + p.at, p, (double)eps);
    }
    return DRIFT_OK;
}

static CPU_SIMD void add_gradient(float *restrict dx, const float *restrict x,
                                  const float *restrict mean,
                                  const float *restrict shift,
                                  const float *restrict slope, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] += shift[i] + slope[i] * (x[i] - mean[i]);
}

drift_status cpu_moments_bwd(drift_context *ctx, tensor *dx,
                             const tensor *dmean, const tensor *dstd,
                             const tensor *x, const tensor *mean,
                             const tensor *std, int ph, int pw)
{
    (void)ctx;
    if (!dx)
        return DRIFT_OK;
    patch_grid g = find_grid(x, ph, pw);
    cpu_begin_all(dx);
    float *dxp = f32(dx);
    const float *xp = f32(x), *meanp = f32(mean), *stdp = f32(std);
    const float *dmeanp = f32(dmean), *dstdp = f32(dstd);
    float share = 1 / (float)(ph * pw);
    size_t tasks = grid_count(&g);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t task = 0; task < tasks; task++) {
        patch p = find_patch(&g, task);
        float shift[COLUMNS], slope[COLUMNS];
        for (size_t k = 0; k < p.n; k++) {
            /* A constant patch without eps has std 0 and no slope. */
            float s = stdp[p.out + k];
            shift[k] = dmeanp ? share * dmeanp[p.out + k] : 0;
            slope[k] = dstdp && s > 0 ? share * dstdp[p.out + k] / s : 0;
        }
        for (size_t i = 0; i < p.lines; i++)
            for (size_t j = 0; j < p.across; j++) {
                size_t at = p.at + i * p.stride + j * p.c;
                add_gradient(dxp + at, xp + at, meanp + p.out, shift, slope,
                             p.n);
            }
    }
    return DRIFT_OK;
}
