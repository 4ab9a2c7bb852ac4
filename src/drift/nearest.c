/* The nearest positives: see nearest.h. */
#include "drift/nearest.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define PIECE ((size_t)32 << 20) /* bytes for candidates of one piece */

typedef struct choice {
    drift_context *ctx;
    const nearest_input *in;
    size_t n, d;      /* generated samples, numbers of each */
    float *distances; /* [N,count] */
    size_t *left;     /* candidates not taken, ascending */
    size_t left_count;
} choice;

static void choice_free(choice *c)
{
    mem_free(c->distances);
    mem_free(c->left);
}

static drift_status check(drift_context *ctx, const nearest_input *in, size_t p)
{
    drift_status status = DRIFT_OK;
    const shape *s = &in->gen->shape;
    size_t d = feature_store_numbers(in->store, in->family);
    if (s->ndim != 3 || !s->dim[0] || s->dim[1] * s->dim[2] != d)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "nearest: generated features that are not [N,F,C] of %zu numbers",
             d);
    if (!(in->share >= 0 && in->share <= 1))
        FAIL(ctx, DRIFT_ERROR_USAGE, "nearest: the share %g is not in [0,1]",
             (double)in->share);
    if (in->count < p)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "nearest: %zu positives cannot be chosen from %zu images", p,
             in->count);
    for (size_t i = 1; i < in->count; i++)
        if (in->candidates[i] <= in->candidates[i - 1])
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "nearest: the candidates are not in ascending order");
out:
    return status;
}

static drift_status choice_open(drift_context *ctx, const nearest_input *in,
                                choice *c)
{
    *c = (choice){.ctx = ctx, .in = in, .n = in->gen->shape.dim[0]};
    c->d = feature_store_numbers(in->store, in->family);
    c->left_count = in->count;
    c->distances = mem_alloc(ctx, c->n * in->count, sizeof *c->distances);
    c->left = mem_alloc(ctx, in->count, sizeof *c->left);
    if (!c->distances || !c->left)
        return DRIFT_ERROR_MEMORY;
    for (size_t t = 0; t < in->count; t++)
        c->left[t] = t;
    return DRIFT_OK;
}

/* Distances to the candidates first ... first + t - 1; host [t,D] and [N,t] is
 * for what is on its way. */
static drift_status measure_piece(choice *c, size_t first, size_t t,
                                  float *host)
{
    drift_status status = DRIFT_OK;
    const nearest_input *in = c->in;
    tensor x = tensor_reshape(in->gen, SHAPE(1, c->n, c->d));
    tensor y = {0}, distances = {0};
    float *row = host + t * c->d;
    TRY(feature_store_gather(in->store, in->family, in->candidates + first, t,
                             host));
    TRY(tensor_new(c->ctx, &y, DTYPE_F32, SHAPE(1, t, c->d)));
    TRY(tensor_new(c->ctx, &distances, DTYPE_F32, SHAPE(1, c->n, t)));
    TRY(tensor_upload(c->ctx, &y, host));
    TRY(op_distance_fwd(c->ctx, &distances, &x, &y));
    TRY(tensor_read(c->ctx, &distances, row));
    for (size_t i = 0; i < c->n; i++, row += t)
        memcpy(c->distances + i * in->count + first, row, t * sizeof *row);
out:
    tensor_free(c->ctx, &y);
    tensor_free(c->ctx, &distances);
    return status;
}

/* A candidate of a piece is gathered, on the device, and there less the mean;
 * and its distances are on the device and read. */
static drift_status measure(choice *c)
{
    drift_status status = DRIFT_OK;
    size_t count = c->in->count;
    size_t piece = PIECE / sizeof(float) / (3 * c->d + 2 * c->n);
    piece = piece < 1 ? 1 : piece < count ? piece : count;
    float *host = mem_alloc(c->ctx, piece * (c->d + c->n), sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    for (size_t first = 0; first < count; first += piece)
        TRY(measure_piece(c, first,
                          count - first < piece ? count - first : piece, host));
    for (size_t i = 0; i < c->n * count; i++)
        if (!isfinite(c->distances[i]))
            FAIL(c->ctx, DRIFT_ERROR_NUMBER,
                 "the distance of generated sample %zu to image %lld is not "
                 "finite",
                 i / count, (long long)c->in->candidates[i % count]);
out:
    mem_free(host);
    return status;
}

/* Take place k of those left, which stay in order. */
static int64_t take(choice *c, size_t k)
{
    int64_t row = c->in->candidates[c->left[k]];
    c->left_count--;
    memmove(c->left + k, c->left + k + 1,
            (c->left_count - k) * sizeof *c->left);
    return row;
}

static int64_t take_nearest(choice *c, size_t sample)
{
    const float *distance = c->distances + sample * c->in->count;
    size_t best = 0;
    for (size_t k = 1; k < c->left_count; k++)
        if (distance[c->left[k]] < distance[c->left[best]])
            best = k;
    return take(c, best);
}

drift_status nearest_positives(drift_context *ctx, const nearest_input *in,
                               rng_stream stream, uint64_t first, int64_t *out,
                               size_t p)
{
    drift_status status = DRIFT_OK;
    choice c = {0};
    TRY(check(ctx, in, p));
    TRY(choice_open(ctx, in, &c));
    size_t drawn = (size_t)lround((double)in->share * (double)p);
    if (drawn < p)
        TRY(measure(&c));
    for (size_t i = 0; i < p - drawn; i++)
        out[i] = take_nearest(&c, i % c.n);
    for (size_t i = p - drawn; i < p; i++) {
        uint32_t k = rng_below(stream, first++, (uint32_t)c.left_count);
        out[i] = take(&c, k);
    }
out:
    choice_free(&c);
    return status;
}
