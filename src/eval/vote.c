/* A vote of the nearest real images: see vote.h. */
#include "eval/vote.h"

#include <math.h>

#include "base/mem.h"
#include "eval/distances.h"

#define NEAR 3
/* Real images that are compared at once, and their numbers. */
#define PIECE         ((size_t)4096)
#define PIECE_NUMBERS ((size_t)1 << 24)

typedef struct voters {
    float far[NEAR]; /* nearest first */
    int32_t label[NEAR];
} voters;

static void hear(voters *v, float far, int32_t label)
{
    size_t at = NEAR;
    while (at && v->far[at - 1] > far)
        at--;
    if (at == NEAR)
        return;
    for (size_t k = NEAR - 1; k > at; k--) {
        v->far[k] = v->far[k - 1];
        v->label[k] = v->label[k - 1];
    }
    v->far[at] = far;
    v->label[at] = label;
}

static int32_t majority(const voters *v)
{
    return v->label[1] == v->label[2] ? v->label[1] : v->label[0];
}

drift_status vote_share(images *x, size_t n, images *real, double *share)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = x->ctx;
    size_t d = images_numbers(x), right = 0, b;
    size_t piece = images_at_once(real, PIECE, PIECE_NUMBERS);
    float *pixels = mem_alloc(ctx, n * d, sizeof *pixels);
    float *near = mem_alloc(ctx, piece * d, sizeof *near);
    float *far = mem_alloc(ctx, n * piece, sizeof *far);
    int32_t *asked = mem_alloc(ctx, n, sizeof *asked);
    int32_t *labels = mem_alloc(ctx, piece, sizeof *labels);
    voters *all = mem_alloc(ctx, n, sizeof *all);
    if (!pixels || !near || !far || !asked || !labels || !all) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = (voters){{INFINITY, INFINITY, INFINITY}, {-1, -1, -1}};
    TRY(images_read_spread(x, n, pixels, asked));
    for (size_t first = 0; first < real->count; first += b) {
        b = real->count - first < piece ? real->count - first : piece;
        TRY(images_read(real, first, b, near, labels));
        TRY(distances(ctx, pixels, n, near, b, d, far));
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < b; k++)
                hear(&all[i], far[i * b + k], labels[k]);
    }
    for (size_t i = 0; i < n; i++)
        right += majority(&all[i]) == asked[i];
    *share = (double)right / (double)n;
out:
    mem_free(pixels);
    mem_free(near);
    mem_free(far);
    mem_free(asked);
    mem_free(labels);
    mem_free(all);
    return status;
}
