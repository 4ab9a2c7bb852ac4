/* Shape checks of groupnorm. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *x,
                          const tensor *mean, const tensor *rstd, int groups)
{
    if (x->shape.ndim < 2)
        return check_failed(ctx, "groupnorm", "x is not [n,...,c]", x, NULL);
    if (groups < 1 || last_dim(x) % (size_t)groups)
        return check_failed(ctx, "groupnorm",
                            "the channels do not divide into the groups", x,
                            NULL);
    size_t count = x->shape.dim[0] * (size_t)groups;
    if (tensor_count(mean) != count || tensor_count(rstd) != count)
        return check_failed(ctx, "groupnorm",
                            "mean and rstd are not [n,groups]", x, mean, rstd,
                            NULL);
    return DRIFT_OK;
}

static int per_channel(const tensor *w, const tensor *x)
{
    return !w || tensor_count(w) == last_dim(x);
}

drift_status check_groupnorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                                 tensor *rstd, const tensor *x, const tensor *w,
                                 const tensor *b, int groups, float eps)
{
    (void)eps;
    if (!same_shape(y, x))
        return check_failed(ctx, "groupnorm", "y and x differ", y, x, NULL);
    if (!per_channel(w, x) || !per_channel(b, x))
        return check_failed(ctx, "groupnorm", "w or b is not [c]", x, w ? w : b,
                            w ? b : NULL, NULL);
    return check(ctx, x, mean, rstd, groups);
}

drift_status check_groupnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                                 tensor *db, const tensor *dy, const tensor *x,
                                 const tensor *w, const tensor *mean,
                                 const tensor *rstd, int groups)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "groupnorm", "dy or dx differs from x", x, dy,
                            dx, NULL);
    if (!per_channel(w, x) || !per_channel(dw, x) || !per_channel(db, x))
        return check_failed(ctx, "groupnorm", "w, dw or db is not [c]", x,
                            NULL);
    return check(ctx, x, mean, rstd, groups);
}
