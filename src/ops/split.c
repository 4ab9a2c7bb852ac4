/* Shape checks of split and concat: the part fits into the whole along the
 * axis and is its equal elsewhere. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const char *op,
                          const tensor *whole, const tensor *part, int axis,
                          size_t start)
{
    if (!whole || !part)
        return DRIFT_OK;
    int fits = axis >= 0 && axis < whole->shape.ndim &&
               whole->shape.ndim == part->shape.ndim;
    for (int i = 0; fits && i < whole->shape.ndim; i++) {
        size_t all = whole->shape.dim[i], some = part->shape.dim[i];
        fits = i == axis ? start <= all && some <= all - start : some == all;
    }
    if (!fits)
        return check_failed(ctx, op, "the part does not fit into the whole",
                            whole, part, NULL);
    return DRIFT_OK;
}

drift_status check_split_fwd(drift_context *ctx, tensor *part, const tensor *x,
                             int axis, size_t start)
{
    return check(ctx, "split", x, part, axis, start);
}

drift_status check_split_bwd(drift_context *ctx, tensor *dx,
                             const tensor *dpart, int axis, size_t start)
{
    return check(ctx, "split", dx, dpart, axis, start);
}

drift_status check_concat_fwd(drift_context *ctx, tensor *y, const tensor *part,
                              int axis, size_t start)
{
    return check(ctx, "concat", y, part, axis, start);
}

drift_status check_concat_bwd(drift_context *ctx, tensor *dpart,
                              const tensor *dy, int axis, size_t start)
{
    return check(ctx, "concat", dy, dpart, axis, start);
}
