/* The entry points op_<name>: check, count, call the backend with the context's
 * number of threads, whichever thread calls. */
#include "base/threads.h"
#include "ops/backend.h"

const char *const op_names[OP_COUNT] = {
#define OP(name, params, args) #name,
#include "ops/ops.def"
#undef OP
};

static double now(const drift_context *ctx)
{
    return ctx->profile ? clock_seconds() : 0;
}

static void count(drift_context *ctx, op_id op, double begin)
{
    if (!ctx->profile)
        return;
    ctx->profile->seconds[op] += clock_seconds() - begin;
    ctx->profile->calls[op]++;
}

/* What memory or a device refused is told with the op that wanted it. */
static drift_status named(drift_context *ctx, drift_status status, op_id op)
{
    if (status == DRIFT_ERROR_MEMORY || status == DRIFT_ERROR_DEVICE)
        return error_prefix(ctx, status, "%s", op_names[op]);
    return status;
}

#define OP(name, params, args)                                                 \
    drift_status op_##name params                                              \
    {                                                                          \
        drift_status status = check_##name args;                               \
        if (status == DRIFT_OK) {                                              \
            double begin = now(ctx);                                           \
            threads_set(ctx->threads);                                         \
            status = named(ctx, ctx->backend->name args, OP_##name);           \
            count(ctx, OP_##name, begin);                                      \
        }                                                                      \
        return status;                                                         \
    }
#include "ops/ops.def"
#undef OP

const char *drift_context_profile(const drift_context *ctx, size_t i,
                                  double *seconds, size_t *calls)
{
    if (i >= OP_COUNT || !ctx->profile)
        return NULL;
    *seconds = ctx->profile->seconds[i];
    *calls = ctx->profile->calls[i];
    return op_names[i];
}
