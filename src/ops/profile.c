/* The profile of a context: lines by name. */
#include "ops/profile.h"

#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "ops/backend.h"

drift_status profile_new(drift_context *ctx)
{
    ctx->profile = mem_alloc(ctx, 1, sizeof *ctx->profile);
    if (!ctx->profile)
        return DRIFT_ERROR_MEMORY;
    ctx->profile->begin = clock_seconds();
    return DRIFT_OK;
}

void profile_free(drift_context *ctx)
{
    if (ctx->profile)
        mem_free(ctx->profile->lines);
    mem_free(ctx->profile);
}

drift_status profile_line(drift_context *ctx, const char *name, size_t *line)
{
    profile *p = ctx->profile;
    for (*line = 0; *line < p->count; ++*line)
        if (!strcmp(p->lines[*line].name, name))
            return DRIFT_OK;
    if (p->count == p->room) {
        size_t room = 2 * p->room + 64;
        void *lines = mem_resize(ctx, p->lines, room, sizeof *p->lines);
        if (!lines)
            return DRIFT_ERROR_MEMORY;
        p->lines = lines;
        p->room = room;
    }
    p->lines[p->count++] = (drift_profile_line){.name = name};
    return DRIFT_OK;
}

double profile_now(const drift_context *ctx)
{
    return ctx->profile ? clock_seconds() : 0;
}

void profile_waited(drift_context *ctx, double begin)
{
    if (ctx->profile)
        ctx->profile->waited += clock_seconds() - begin;
}

/* All that was asked for is done and counted. */
static drift_status settle(drift_context *ctx)
{
    const backend *b = ctx->backend;
    if (!ctx->profile || !b || !b->profile)
        return DRIFT_OK;
    drift_status status = tensors_finish(ctx);
    return status == DRIFT_OK ? b->profile(ctx) : status;
}

drift_status drift_context_profile(drift_context *ctx, drift_profile *out)
{
    profile *p = ctx->profile;
    *out = (drift_profile){0};
    drift_status status = settle(ctx);
    if (!p || status != DRIFT_OK)
        return status;
    out->seconds = clock_seconds() - p->begin;
    out->kernels = ctx->backend && ctx->backend->profile;
    out->waited = out->kernels ? p->waited : 0;
    out->count = p->count;
    out->lines = p->lines;
    for (size_t i = 0; i < p->count; i++)
        out->busy += p->lines[i].seconds;
    return DRIFT_OK;
}

drift_status drift_context_profile_restart(drift_context *ctx)
{
    profile *p = ctx->profile;
    drift_status status = settle(ctx);
    if (!p || status != DRIFT_OK)
        return status;
    for (size_t i = 0; i < p->count; i++)
        p->lines[i] = (drift_profile_line){.name = p->lines[i].name};
    p->waited = 0;
    p->begin = clock_seconds();
    return DRIFT_OK;
}
