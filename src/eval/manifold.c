/* Precision, recall, density and coverage: see manifold.h. */
#include "eval/manifold.h"

#include <math.h>
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

/* The k-th smallest of the distances [n] without the point itself; near has
 * room for k. */
static float kth(const float *far, size_t n, size_t self, size_t k, float *near)
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
    return near[k - 1];
}

drift_status manifold_radii(drift_context *ctx, const float *x, size_t n,
                            size_t d, size_t k, float *radius)
{
    drift_status status = DRIFT_OK;
    size_t strip = strip_of(n, n), rows;
    float *far = mem_alloc(ctx, strip * n, sizeof *far);
    float *near = mem_alloc(ctx, k, sizeof *near);
    if (!far || !near) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!k || k >= n)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "%zu samples have no neighbour of number %zu", n, k);
    for (size_t first = 0; first < n; first += rows) {
        rows = n - first < strip ? n - first : strip;
        TRY(distances(ctx, x + first * d, rows, x, n, d, far));
        for (size_t i = 0; i < rows; i++)
            radius[first + i] = kth(far + i * n, n, first + i, k, near);
    }
out:
    mem_free(far);
    mem_free(near);
    return status;
}

drift_status manifold(drift_context *ctx, const float *real, size_t n,
                      const float *generated, size_t m, size_t d, size_t k,
                      manifold_result *out)
{
    drift_status status = DRIFT_OK;
    size_t strip = strip_of(n, m), rows;
    size_t precise = 0, recalled = 0, covered = 0, held = 0;
    float *real_radius = mem_alloc(ctx, n, sizeof *real_radius);
    float *radius = mem_alloc(ctx, m, sizeof *radius);
    float *far = mem_alloc(ctx, strip * m, sizeof *far);
    unsigned char *inside = mem_alloc(ctx, m, 1);
    if (!real_radius || !radius || !far || !inside) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(manifold_radii(ctx, real, n, d, k, real_radius));
    TRY(manifold_radii(ctx, generated, m, d, k, radius));
    memset(inside, 0, m);
    for (size_t first = 0; first < n; first += rows) {
        rows = n - first < strip ? n - first : strip;
        TRY(distances(ctx, real + first * d, rows, generated, m, d, far));
        for (size_t i = 0; i < rows; i++) {
            size_t in_generated = 0, holds = 0;
            for (size_t j = 0; j < m; j++) {
                int in = far[i * m + j] <= real_radius[first + i];
                holds += (size_t)in;
                inside[j] |= (unsigned char)in;
                in_generated |= far[i * m + j] <= radius[j];
            }
            held += holds;
            covered += holds > 0;
            recalled += in_generated;
        }
    }
    for (size_t j = 0; j < m; j++)
        precise += inside[j];
    *out = (manifold_result){
        .precision = (double)precise / (double)m,
        .recall = (double)recalled / (double)n,
        .density = (double)held / (double)k / (double)m,
        .coverage = (double)covered / (double)n};
out:
    mem_free(real_radius);
    mem_free(radius);
    mem_free(far);
    mem_free(inside);
    return status;
}
