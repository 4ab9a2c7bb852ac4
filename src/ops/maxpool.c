/* Shape checks of maxpool and avgpool: y, and maxpool's index, [n,oh,ow,c] of x
 * [n,h,w,c]. */
#include "ops/check.h"

/* The size of y of a size of x; 0 = none fits. */
static size_t pooled(size_t size, pool_args args)
{
    size_t all = size + 2 * (size_t)args.pad, window = (size_t)args.size;
    return all < window ? 0 : (all - window) / (size_t)args.stride + 1;
}

static drift_status check(drift_context *ctx, const char *op, const tensor *y,
                          const tensor *x, pool_args args)
{
    const size_t *to = y->shape.dim, *from = x ? x->shape.dim : NULL;
    /* With less padding than half a window each window sees a number. */
    if (args.size < 1 || args.stride < 1 || args.pad < 0 ||
        args.pad > args.size / 2)
        return check_failed(ctx, op,
                            "size and stride from 1, padding from 0 to half "
                            "the size",
                            y, NULL);
    if (y->shape.ndim != 4 || (x && x->shape.ndim != 4))
        return check_failed(ctx, op, "y, x are not all 4-D", y, x, NULL);
    if (x && (to[0] != from[0] || to[3] != from[3] ||
              to[1] != pooled(from[1], args) || to[2] != pooled(from[2], args)))
        return check_failed(ctx, op, "y and x do not fit", y, x, NULL);
    return DRIFT_OK;
}

static drift_status check_indexed(drift_context *ctx, const tensor *y,
                                  const tensor *index, const tensor *x,
                                  pool_args args)
{
    if (index->type != DTYPE_I32 || !same_shape(y, index))
        return check_failed(ctx, "maxpool", "y and the index differ", y, index,
                            NULL);
    return check(ctx, "maxpool", y, x, args);
}

drift_status check_maxpool_fwd(drift_context *ctx, tensor *y, tensor *index,
                               const tensor *x, pool_args args)
{
    return check_indexed(ctx, y, index, x, args);
}

drift_status check_maxpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                               const tensor *index, pool_args args)
{
    return check_indexed(ctx, dy, index, dx, args);
}

drift_status check_avgpool_fwd(drift_context *ctx, tensor *y, const tensor *x,
                               pool_args args)
{
    return check(ctx, "avgpool", y, x, args);
}

drift_status check_avgpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                               pool_args args)
{
    return check(ctx, "avgpool", dy, dx, args);
}
