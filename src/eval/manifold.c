/* Precision, recall, density and coverage: see manifold.h. */
#include "eval/manifold.h"

#include <string.h>

#include "base/mem.h"
#include "eval/distances.h"

/* Distances held at once: so many points by all of the other set. */
#define STRIP_NUMBERS ((size_t)1 << 24)

static size_t strip_of(size_t n, size_t others)
{
    size_t rows = STRIP_NUMBERS / others;
    return rows < 1 ? 1 : rows < n ? rows : n;
}

/* The k smallest of the distances [n] without the point's own, in order. */
static void find_nearest(const float *far, size_t n, size_t self, size_t k,
                         float *near)
{
    size_t have = 0;
    for (size_t j = 0; j < n; j++) {
        if (j == self || (have == k && far[j] >= near[k - 1]))
            continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at && near[at - 1] > far[j]; at--)
            near[at] = near[at - 1];
        near[at] = far[j];
    }
}

drift_status manifold_nearest(drift_context *ctx, const float *x, size_t n,
                              size_t d, size_t k, float *nearest)
{
    drift_status status = DRIFT_OK;
    size_t strip = strip_of(n, n), rows;
    if (!k || k >= n)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "%zu samples have no neighbour of number %zu", n, k);
    float *far = mem_alloc(ctx, strip * n, sizeof *far);
    if (!far)
        return DRIFT_ERROR_MEMORY;
    for (size_t first = 0; first < n; first += rows) {
        rows = n - first < strip ? n - first : strip;
        TRY(distances(ctx, x + first * d, rows, x, n, d, far));
#pragma omp parallel for
        for (size_t i = 0; i < rows; i++)
            find_nearest(far + i * n, n, first + i, k,
                         nearest + (first + i) * k);
    }
out:
    mem_free(far);
    return status;
}

drift_status manifold(drift_context *ctx, const float *real, size_t n,
                      const float *generated, size_t m, size_t d, size_t near,
                      size_t dense, manifold_result *out)
{
    drift_status status = DRIFT_OK;
    size_t strip = strip_of(n, m), k = near > dense ? near : dense, rows;
    size_t precise = 0, recalled = 0, covered = 0, held = 0;
    float *of_real = mem_alloc(ctx, n, k * sizeof *of_real);
    float *of_generated = mem_alloc(ctx, m, k * sizeof *of_generated);
    float *far = mem_alloc(ctx, strip * m, sizeof *far);
    unsigned char *inside = mem_alloc(ctx, m, 1);
    if (!of_real || !of_generated || !far || !inside) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(manifold_nearest(ctx, real, n, d, k, of_real));
    TRY(manifold_nearest(ctx, generated, m, d, k, of_generated));
    memset(inside, 0, m);
    for (size_t first = 0; first < n; first += rows) {
        rows = n - first < strip ? n - first : strip;
        TRY(distances(ctx, real + first * d, rows, generated, m, d, far));
        for (size_t i = 0; i < rows; i++) {
            const float *ball = of_real + (first + i) * k;
            size_t in_generated = 0, holds = 0;
            for (size_t j = 0; j < m; j++) {
                float gap = far[i * m + j];
                inside[j] |= gap <= ball[near - 1];
                holds += gap <= ball[dense - 1];
                in_generated |= gap <= of_generated[j * k + near - 1];
            }
            held += holds;
            covered += holds > 0;
            recalled += in_generated;
        }
    }
    for (size_t j = 0; j < m; j++)
        precise += inside[j];
    *out =
        (manifold_result){.precision = (double)precise / (double)m,
                          .recall = (double)recalled / (double)n,
                          .density = (double)held / (double)dense / (double)m,
                          .coverage = (double)covered / (double)n};
out:
    mem_free(of_real);
    mem_free(of_generated);
    mem_free(far);
    mem_free(inside);
    return status;
}
