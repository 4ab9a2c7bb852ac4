/* The nearest real images: see neighbours.h. */
#include "eval/neighbours.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/distances.h"

/* Real images that are compared at once, and their numbers. */
#define PIECE         ((size_t)4096)
#define PIECE_NUMBERS ((size_t)1 << 24)

static void hear(neighbours *v, float far, size_t which, int32_t label)
{
    size_t at = NEIGHBOURS;
    while (at && v->far[at - 1] > far)
        at--;
    if (at == NEIGHBOURS)
        return;
    for (size_t k = NEIGHBOURS - 1; k > at; k--) {
        v->far[k] = v->far[k - 1];
        v->which[k] = v->which[k - 1];
        v->label[k] = v->label[k - 1];
    }
    v->far[at] = far;
    v->which[at] = which;
    v->label[at] = label;
}

drift_status neighbours_find(images *x, size_t n, images *real, neighbours *out)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = x->ctx;
    size_t d = images_numbers(x), b;
    size_t piece = images_at_once(real, PIECE, PIECE_NUMBERS);
    float *pixels = mem_alloc(ctx, n * d, sizeof *pixels);
    float *near = mem_alloc(ctx, piece * d, sizeof *near);
    float *far = mem_alloc(ctx, n * piece, sizeof *far);
    int32_t *asked = mem_alloc(ctx, n, sizeof *asked);
    int32_t *labels = mem_alloc(ctx, piece, sizeof *labels);
    if (!pixels || !near || !far || !asked || !labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(images_read_spread(x, n, pixels, asked));
    for (size_t i = 0; i < n; i++)
        out[i] = (neighbours){.far = {INFINITY, INFINITY, INFINITY},
                              .label = {-1, -1, -1},
                              .asked = asked[i]};
    for (size_t first = 0; first < real->count; first += b) {
        b = real->count - first < piece ? real->count - first : piece;
        TRY(real->read(real, first, b, near, labels));
        TRY(distances(ctx, pixels, n, near, b, d, far));
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < b; k++)
                hear(&out[i], far[i * b + k], first + k, labels[k]);
    }
out:
    mem_free(pixels);
    mem_free(near);
    mem_free(far);
    mem_free(asked);
    mem_free(labels);
    return status;
}

double neighbours_vote(const neighbours *all, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t *l = all[i].label;
        right += (l[1] == l[2] ? l[1] : l[0]) == all[i].asked;
    }
    return (double)right / (double)n;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double neighbours_median(const neighbours *all, size_t n, size_t numbers)
{
    float *far = mem_alloc(NULL, n, sizeof *far);
    if (!far)
        return NAN;
    for (size_t i = 0; i < n; i++)
        far[i] = all[i].far[0];
    qsort(far, n, sizeof *far, by_size);
    double median = ((double)far[(n - 1) / 2] + (double)far[n / 2]) / 2;
    mem_free(far);
    return 127.5 * median / sqrt((double)numbers);
}
