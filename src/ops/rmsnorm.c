/* Shape checks of rmsnorm: w may cover a part of x's last dimension. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *x, const tensor *w,
                          const tensor *rstd)
{
    size_t c = tensor_count(w);
    if (x->shape.ndim < 1 || !c || last_dim(x) % c)
        return check_failed(ctx, "rmsnorm",
                            "w does not divide x's last dimension", x, w, NULL);
    if (tensor_count(rstd) != tensor_count(x) / c)
        return check_failed(ctx, "rmsnorm", "rstd is not [rows]", x, w, rstd,
                            NULL);
    return DRIFT_OK;
}

drift_status check_rmsnorm_fwd(drift_context *ctx, tensor *y, tensor *rstd,
                               const tensor *x, const tensor *w, float eps)
{
    (void)eps;
    if (!same_shape(y, x))
        return check_failed(ctx, "rmsnorm", "y and x differ", y, x, NULL);
    return check(ctx, x, w, rstd);
}

drift_status check_rmsnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               const tensor *dy, const tensor *x,
                               const tensor *w, const tensor *rstd)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "rmsnorm", "dy or dx differs from x", x, dy,
                            dx, NULL);
    if (dw && tensor_count(dw) != tensor_count(w))
        return check_failed(ctx, "rmsnorm", "dw differs from w", dw, w, NULL);
    return check(ctx, x, w, rstd);
}
