/* Tensors and the pool of device memory they live in.
 *
 * The pool keeps freed blocks and hands the smallest that fits out again, when
 * it is no more than a quarter too large: training repeats the same sizes, so
 * after the first step the device is not asked any more. A step leaves
 * thousands of idle blocks of a few dozen sizes, so the list is one of sizes:
 * the blocks of a size hang behind its first by `same`. */
#include "ops/tensor.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "ops/backend.h"
#include "ops/profile.h"

#define ALIGN 256 /* bytes: every block is a multiple of it */

struct pool {
    block *idle; /* one of each size, smallest first */
    pool_stats stats;
    size_t limit; /* of bytes held; 0: none */
};

size_t shape_count(shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.ndim; i++)
        n *= s.dim[i];
    return n;
}

int shape_equal(shape a, shape b)
{
    if (a.ndim != b.ndim)
        return 0;
    for (int i = 0; i < a.ndim; i++)
        if (a.dim[i] != b.dim[i])
            return 0;
    return 1;
}

char *shape_text(shape s, char text[SHAPE_TEXT])
{
    size_t used = (size_t)snprintf(text, SHAPE_TEXT, "[");
    for (int i = 0; i < s.ndim; i++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, "%s%zu",
                                 i ? "," : "", s.dim[i]);
    snprintf(text + used, SHAPE_TEXT - used, "]");
    return text;
}

size_t tensor_count(const tensor *t)
{
    return shape_count(t->shape);
}

/* The first size of at least so many bytes. */
static block **idle_from(struct pool *pool, size_t bytes)
{
    block **at = &pool->idle;
    while (*at && (*at)->bytes < bytes)
        at = &(*at)->next;
    return at;
}

/* The block of that size that was given back last. */
static block *idle_take(struct pool *pool, block **at)
{
    block *b = *at;
    if (b->same)
        b->same->next = b->next;
    *at = b->same ? b->same : b->next;
    pool->stats.idle -= b->bytes;
    return b;
}

/* Give idle blocks back, the largest first, until no more than so many bytes
 * are held. */
static void pool_shrink(drift_context *ctx, size_t bytes)
{
    struct pool *pool = ctx->pool;
    while (pool->idle && pool->stats.used + pool->stats.idle > bytes) {
        block **at = &pool->idle;
        while ((*at)->next)
            at = &(*at)->next;
        block *b = idle_take(pool, at);
        ctx->backend->block_free(ctx, b);
        mem_free(b);
    }
}

static drift_status pool_get(drift_context *ctx, size_t bytes, block **out)
{
    drift_status status = DRIFT_OK;
    block *b = NULL;
    *out = NULL;
    if (!ctx->pool) {
        ctx->pool = mem_alloc(ctx, 1, sizeof *ctx->pool);
        if (!ctx->pool)
            return DRIFT_ERROR_MEMORY;
    }
    struct pool *pool = ctx->pool;
    bytes = (bytes + !bytes + ALIGN - 1) / ALIGN * ALIGN;
    block **at = idle_from(pool, bytes);
    if (*at && (*at)->bytes <= bytes + bytes / 4) {
        b = idle_take(pool, at);
    } else {
        if (pool->limit)
            pool_shrink(ctx, pool->limit > bytes ? pool->limit - bytes : 0);
        b = mem_alloc(ctx, 1, sizeof *b);
        if (!b)
            return DRIFT_ERROR_MEMORY;
        b->bytes = bytes;
        TRY(ctx->backend->block_new(ctx, b));
        pool->stats.device_allocations++;
    }
    b->next = b->same = NULL;
    b->count = 1;
    pool->stats.used += b->bytes;
    if (pool->stats.used > pool->stats.peak)
        pool->stats.peak = pool->stats.used;
    if (pool->stats.used + pool->stats.idle > pool->stats.held)
        pool->stats.held = pool->stats.used + pool->stats.idle;
    *out = b;
    b = NULL;
out:
    mem_free(b);
    return status;
}

static void pool_put(drift_context *ctx, block *b)
{
    struct pool *pool = ctx->pool;
    block **at = idle_from(pool, b->bytes);
    b->next = *at;
    if (*at && (*at)->bytes == b->bytes) {
        b->same = *at;
        b->next = b->same->next;
    }
    *at = b;
    pool->stats.used -= b->bytes;
    pool->stats.idle += b->bytes;
}

pool_stats pool_get_stats(const drift_context *ctx)
{
    return ctx->pool ? ctx->pool->stats : (pool_stats){0};
}

void pool_reset_peak(drift_context *ctx)
{
    struct pool *pool = ctx->pool;
    if (!pool)
        return;
    pool->stats.peak = pool->stats.used;
    pool->stats.held = pool->stats.used + pool->stats.idle;
}

void pool_trim(drift_context *ctx)
{
    if (ctx->pool)
        pool_shrink(ctx, 0);
}

void pool_limit(drift_context *ctx, size_t bytes)
{
    if (!ctx->pool)
        return;
    ctx->pool->limit = bytes;
    if (bytes)
        pool_shrink(ctx, bytes);
}

static int poison_new;

void pool_poison(int on)
{
    poison_new = on;
}

static drift_status poison(drift_context *ctx, block *b)
{
    drift_status status = DRIFT_OK;
    float nan[1024];
    size_t count = b->bytes / sizeof *nan, most = sizeof nan / sizeof *nan;
    for (size_t i = 0; i < most; i++)
        nan[i] = NAN;
    for (size_t at = 0; at < count && status == DRIFT_OK; at += most) {
        size_t n = count - at < most ? count - at : most;
        tensor part = {.shape = SHAPE(n), .offset = at, .block = b};
        status = tensor_write(ctx, &part, nan);
    }
    return status;
}

void pool_free(drift_context *ctx)
{
    pool_trim(ctx);
    mem_free(ctx->pool);
    ctx->pool = NULL;
}

drift_status tensor_new(drift_context *ctx, tensor *out, dtype type, shape s)
{
    size_t count = 1;
    char text[SHAPE_TEXT];
    *out = (tensor){0};
    for (int i = 0; i < s.ndim; i++) {
        if (s.dim[i] && count > SIZE_MAX / 8 / s.dim[i])
            return ERROR(ctx, DRIFT_ERROR_SHAPE, "tensor too large: %s",
                         shape_text(s, text));
        count *= s.dim[i];
    }
    block *b;
    drift_status status = pool_get(ctx, count * 4, &b);
    if (status != DRIFT_OK)
        return error_prefix(ctx, status, "tensor %s", shape_text(s, text));
    *out = (tensor){.type = type, .shape = s, .block = b};
    return poison_new ? poison(ctx, b) : DRIFT_OK;
}

void tensor_free(drift_context *ctx, tensor *t)
{
    if (t->block && --t->block->count == 0)
        pool_put(ctx, t->block);
    *t = (tensor){0};
}

tensor tensor_view(const tensor *t, size_t offset, shape s)
{
    tensor view = *t;
    view.offset += offset;
    view.shape = s;
    return view;
}

tensor tensor_reshape(const tensor *t, shape s)
{
    return tensor_view(t, 0, s);
}

tensor tensor_share(const tensor *t)
{
    t->block->count++;
    return *t;
}

drift_status tensor_write(drift_context *ctx, tensor *t, const void *host)
{
    return ctx->backend->write(ctx, t, host);
}

drift_status tensor_read(drift_context *ctx, const tensor *t, void *host)
{
    double begin = profile_now(ctx);
    drift_status status = ctx->backend->read(ctx, t, host);
    profile_waited(ctx, begin);
    return status;
}

drift_status tensors_finish(drift_context *ctx)
{
    double begin = profile_now(ctx);
    drift_status status = ctx->backend->finish(ctx);
    profile_waited(ctx, begin);
    return status;
}

drift_status tensor_upload(drift_context *ctx, tensor *t, const void *host)
{
    const backend *b = ctx->backend;
    return b->upload ? b->upload(ctx, t, host) : b->write(ctx, t, host);
}

drift_status tensor_fetch(drift_context *ctx, const tensor *t, void *host,
                          fetch *f)
{
    const backend *b = ctx->backend;
    *f = (fetch){.host = host, .bytes = tensor_count(t) * 4};
    return b->fetch ? b->fetch(ctx, t, f) : b->read(ctx, t, host);
}

drift_status fetch_wait(drift_context *ctx, fetch *f)
{
    double begin = profile_now(ctx);
    drift_status status =
        f->handle ? ctx->backend->fetch_wait(ctx, f) : DRIFT_OK;
    profile_waited(ctx, begin);
    *f = (fetch){0};
    return status;
}
