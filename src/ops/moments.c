/* Shape checks of moments: x [n,h,w,c]; mean, std [n,(h/ph)(w/pw),c]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *x,
                          const tensor *const small[], size_t count, int ph,
                          int pw)
{
    const size_t *dim = x->shape.dim;
    if (x->shape.ndim != 4 || ph < 1 || pw < 1 || dim[1] % (size_t)ph ||
        dim[2] % (size_t)pw)
        return check_failed(ctx, "moments", "x is not of whole patches", x,
                            NULL);
    size_t patches = dim[1] / (size_t)ph * (dim[2] / (size_t)pw);
    for (size_t i = 0; i < count; i++)
        if (small[i] &&
            !shape_equal(small[i]->shape, SHAPE(dim[0], patches, dim[3])))
            return check_failed(ctx, "moments",
                                "x and a mean or std do not fit", x, small[i],
                                NULL);
    return DRIFT_OK;
}

drift_status check_moments_fwd(drift_context *ctx, tensor *mean, tensor *std,
                               const tensor *x, int ph, int pw, float eps)
{
    (void)eps;
    return check(ctx, x, (const tensor *const[]){mean, std}, 2, ph, pw);
}

drift_status check_moments_bwd(drift_context *ctx, tensor *dx,
                               const tensor *dmean, const tensor *dstd,
                               const tensor *x, const tensor *mean,
                               const tensor *std, int ph, int pw)
{
    if (dx && !same_shape(dx, x))
        return check_failed(ctx, "moments", "dx and x differ", dx, x, NULL);
    return check(ctx, x, (const tensor *const[]){dmean, dstd, mean, std}, 4, ph,
                 pw);
}
