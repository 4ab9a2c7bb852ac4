/* The entry points op_<name>: check, count, call the backend with the context's
 * number of threads, whichever thread calls. */
#include "base/threads.h"
#include "ops/backend.h"
#include "ops/profile.h"

const char *const op_names[OP_COUNT] = {
#define OP(name, params, args) #name,
#include "ops/ops.def"
#undef OP
};

/* A line an op, unless the backend has one a kernel. */
static drift_status count(drift_context *ctx, op_id op, double begin)
{
    size_t line;
    if (!ctx->profile || ctx->backend->profile)
        return DRIFT_OK;
    drift_status status = profile_line(ctx, op_names[op], &line);
    if (status != DRIFT_OK)
        return status;
    ctx->profile->lines[line].seconds += clock_seconds() - begin;
    ctx->profile->lines[line].calls++;
    return DRIFT_OK;
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
            double begin = profile_now(ctx);                                   \
            threads_set(ctx->threads);                                         \
            status = named(ctx, ctx->backend->name args, OP_##name);           \
            if (status == DRIFT_OK)                                            \
                status = count(ctx, OP_##name, begin);                         \
        }                                                                      \
        return status;                                                         \
    }
#include "ops/ops.def"
#undef OP
