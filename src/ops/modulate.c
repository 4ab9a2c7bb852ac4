/* Shape checks of modulate. */
#include "ops/check.h"

static int per_sample(const tensor *v, const tensor *x)
{
    return !v || (v->shape.ndim == 2 && v->shape.dim[0] == x->shape.dim[0] &&
                  v->shape.dim[1] == last_dim(x));
}

static drift_status check(drift_context *ctx, const tensor *x,
                          const tensor *shift, const tensor *scale)
{
    if (x->shape.ndim < 2)
        return check_failed(ctx, "modulate", "x is not [b,...,c]", x, NULL);
    if (!per_sample(shift, x) || !per_sample(scale, x))
        return check_failed(ctx, "modulate", "shift or scale is not [b,c]", x,
                            shift ? shift : scale, shift ? scale : NULL, NULL);
    return DRIFT_OK;
}

drift_status check_modulate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                                const tensor *shift, const tensor *scale)
{
    if (!same_shape(y, x))
        return check_failed(ctx, "modulate", "y and x differ", y, x, NULL);
    return check(ctx, x, shift, scale);
}

drift_status check_modulate_bwd(drift_context *ctx, tensor *dx, tensor *dshift,
                                tensor *dscale, const tensor *dy,
                                const tensor *x, const tensor *scale)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "modulate", "dy or dx differs from x", x, dy,
                            dx, NULL);
    drift_status status = check(ctx, x, NULL, scale);
    return status == DRIFT_OK ? check(ctx, x, dshift, dscale) : status;
}
