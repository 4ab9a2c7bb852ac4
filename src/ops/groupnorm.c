/* Shape checks of groupnorm. */
#include "ops/check.h"

static int per_channel(const tensor *w, const tensor *x)
{
    return !w || tensor_count(w) == last_dim(x);
}

static drift_status check(drift_context *ctx, const tensor *x, const tensor *w,
                          const tensor *b, const tensor *mod,
                          const tensor *mean, const tensor *rstd, int groups,
                          int kind)
{
    if (x->shape.ndim < 2)
        return check_failed(ctx, "groupnorm", "x is not [n,...,c]", x, NULL);
    if (groups < 1 || !last_dim(x) || last_dim(x) % (size_t)groups)
        return check_failed(ctx, "groupnorm",
                            "the channels do not divide into the groups", x,
                            NULL);
    if (!per_channel(w, x) || !per_channel(b, x))
        return check_failed(ctx, "groupnorm", "w or b is not [c]", x, w ? w : b,
                            w ? b : NULL, NULL);
    if (mod && (mod->shape.ndim != 2 || mod->shape.dim[0] != x->shape.dim[0] ||
                mod->shape.dim[1] != 2 * last_dim(x)))
        return check_failed(ctx, "groupnorm", "mod is not [n,2c]", x, mod,
                            NULL);
    size_t count = x->shape.dim[0] * (size_t)groups;
    if (tensor_count(mean) != count || tensor_count(rstd) != count)
        return check_failed(ctx, "groupnorm",
                            "mean and rstd are not [n,groups]", x, mean, rstd,
                            NULL);
    if (kind < ACT_NONE || kind >= ACT_COUNT)
        return check_failed(ctx, "groupnorm", "an unknown activation", x, NULL);
    return DRIFT_OK;
}

drift_status check_groupnorm_fwd(drift_context *ctx, tensor *y, tensor *mean,
                                 tensor *rstd, const tensor *x, const tensor *w,
                                 const tensor *b, const tensor *mod, int groups,
                                 float eps, int kind)
{
    (void)eps;
    if (!same_shape(y, x))
        return check_failed(ctx, "groupnorm", "y and x differ", y, x, NULL);
    return check(ctx, x, w, b, mod, mean, rstd, groups, kind);
}

drift_status check_groupnorm_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                                 tensor *db, tensor *dmod, const tensor *dy,
                                 const tensor *x, const tensor *w,
                                 const tensor *b, const tensor *mod,
                                 const tensor *mean, const tensor *rstd,
                                 int groups, int kind)
{
    if (!same_shape(dy, x) || (dx && !same_shape(dx, x)))
        return check_failed(ctx, "groupnorm", "dy or dx differs from x", x, dy,
                            dx, NULL);
    if (!per_channel(dw, x) || !per_channel(db, x))
        return check_failed(ctx, "groupnorm", "dw or db is not [c]", x, NULL);
    if (dmod && (!mod || !same_shape(dmod, mod)))
        return check_failed(ctx, "groupnorm", "dmod differs from mod", dmod,
                            mod, NULL);
    return check(ctx, x, w, b, mod, mean, rstd, groups, kind);
}
