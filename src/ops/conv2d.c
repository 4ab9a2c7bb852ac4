/* Shape checks of conv2d. The output may be as small as one likes, and as
 * large as windows still touch the input or the padding of near sides. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x,
                          const tensor *w, const tensor *b, conv_args args)
{
    const size_t *yd = y->shape.dim, *xd = x->shape.dim, *wd = w->shape.dim;
    if (y->shape.ndim != 4 || x->shape.ndim != 4 || w->shape.ndim != 4)
        return check_failed(ctx, "conv2d", "y, x, w are not all 4-D", y, x, w,
                            NULL);
    if (args.stride_h < 1 || args.stride_w < 1 || args.dilation_h < 1 ||
        args.dilation_w < 1 || args.groups < 1 || args.pad_top < 0 ||
        args.pad_left < 0)
        return check_failed(ctx, "conv2d",
                            "stride, dilation, groups from 1, padding from 0",
                            y, x, w, NULL);
    size_t groups = (size_t)args.groups;
    if (!wd[0] || !wd[1] || !yd[1] || !yd[2] || yd[0] != xd[0] ||
        xd[3] != wd[2] * groups || yd[3] != wd[3] || yd[3] % groups)
        return check_failed(ctx, "conv2d", "y, x, w do not fit", y, x, w, NULL);
    if (b && (b->shape.ndim != 1 || b->shape.dim[0] != yd[3]))
        return check_failed(ctx, "conv2d", "b is not [co]", b, w, NULL);
    return DRIFT_OK;
}

drift_status check_conv2d_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *w, const tensor *b, conv_args args)
{
    return check(ctx, y, x, w, b, args);
}

drift_status check_conv2d_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                              tensor *db, const tensor *dy, const tensor *x,
                              const tensor *w, conv_args args)
{
    if ((dx && !same_shape(dx, x)) || (dw && !same_shape(dw, w)))
        return check_failed(ctx, "conv2d",
                            "a gradient's shape is not its operand's", x, w,
                            dx ? dx : dw, NULL);
    return check(ctx, dy, x, w, db, args);
}
