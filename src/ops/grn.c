/* Shape checks of grn: x [n,...,c], w, b [c], norm [n,c]. */
#include "ops/check.h"

static int per_channel(const tensor *w, const tensor *x)
{
    return !w || tensor_count(w) == last_dim(x);
}

static drift_status check(drift_context *ctx, const tensor *x,
                          const tensor *norm, const tensor *w, const tensor *b)
{
    if (x->shape.ndim < 2 || !last_dim(x))
        return check_failed(ctx, "grn", "x is not [n,...,c]", x, NULL);
    if (norm->shape.ndim != 2 || norm->shape.dim[0] != x->shape.dim[0] ||
        norm->shape.dim[1] != last_dim(x))
        return check_failed(ctx, "grn", "the norm is not [n,c]", x, norm, NULL);
    if (!per_channel(w, x) || !per_channel(b, x))
        return check_failed(ctx, "grn", "w or b is not [c]", x, w ? w : b,
                            w ? b : NULL, NULL);
    return DRIFT_OK;
}

drift_status check_grn_fwd(drift_context *ctx, tensor *y, tensor *norm,
                           const tensor *x, const tensor *w, const tensor *b,
                           float eps)
{
    (void)eps;
    if (!same_shape(y, x))
        return check_failed(ctx, "grn", "y and x differ", y, x, NULL);
    return check(ctx, x, norm, w, b);
}

drift_status check_grn_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                           tensor *db, const tensor *dy, const tensor *x,
                           const tensor *w, const tensor *norm)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "grn", "dy or dx differs from x", x, dy, dx,
                            NULL);
    drift_status status = check(ctx, x, norm, dw, db);
    return status == DRIFT_OK ? check(ctx, x, norm, w, NULL) : status;
}
