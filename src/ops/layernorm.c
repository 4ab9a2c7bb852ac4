/* Shape checks of layernorm. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *x,
                          const tensor *mean, const tensor *rstd)
{
    size_t c = last_dim(x);
    if (x->shape.ndim < 1 || !c)
        return check_failed(ctx, "layernorm", "x is not [...,c]", x, NULL);
    if (tensor_count(mean) != tensor_count(x) / c ||
        tensor_count(rstd) != tensor_count(x) / c)
        return check_failed(ctx, "layernorm", "mean and rstd are not [rows]", x,
                            mean, rstd, NULL);
    return DRIFT_OK;
}

static int per_channel(const tensor *w, const tensor *x)
{
    return !w || tensor_count(w) == last_dim(x);
}

drift_status check_layernorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                                 tensor *rstd, const tensor *x, const tensor *w,
                                 const tensor *b, float eps, float eps_std)
{
    (void)eps;
    (void)eps_std;
    if (!same_shape(y, x))
        return check_failed(ctx, "layernorm", "y and x differ", y, x, NULL);
    if (!per_channel(w, x) || !per_channel(b, x))
        return check_failed(ctx, "layernorm", "w or b is not [c]", x, w ? w : b,
                            w ? b : NULL, NULL);
    return check(ctx, x, mean, rstd);
}

drift_status check_layernorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                                 tensor *db, const tensor *dy, const tensor *x,
                                 const tensor *w, const tensor *mean,
                                 const tensor *rstd, float eps_std)
{
    (void)eps_std;
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "layernorm", "dy or dx differs from x", x, dy,
                            dx, NULL);
    if (!per_channel(w, x) || !per_channel(dw, x) || !per_channel(db, x))
        return check_failed(ctx, "layernorm", "w, dw or db is not [c]", x,
                            NULL);
    return check(ctx, x, mean, rstd);
}
