/* Shape checks of resize_bilinear: [n,.,.,c] of any sizes but 0. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x,
                          resize_args args)
{
    if (!y || !x)
        return DRIFT_OK;
    const size_t *a = y->shape.dim, *b = x->shape.dim;
    if (y->shape.ndim != 4 || x->shape.ndim != 4 || a[0] != b[0] ||
        a[3] != b[3] || !a[1] || !a[2] || !b[1] || !b[2])
        return check_failed(ctx, "resize_bilinear",
                            "not [n,h,w,c] and [n,h',w',c]", y, x, NULL);
    if (args.antialias && args.align_corners)
        return check_failed(ctx, "resize_bilinear",
                            "antialias and align_corners exclude each other", y,
                            x, NULL);
    return DRIFT_OK;
}

drift_status check_resize_bilinear_fwd(drift_context *ctx, tensor *y,
                                       const tensor *x, resize_args args)
{
    return check(ctx, y, x, args);
}

drift_status check_resize_bilinear_bwd(drift_context *ctx, tensor *dx,
                                       const tensor *dy, resize_args args)
{
    return check(ctx, dy, dx, args);
}
