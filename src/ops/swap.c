/* Shape checks of swap: y [a,c,b,d], x [a,b,c,d]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x)
{
    if (!y || !x)
        return DRIFT_OK;
    const size_t *dim = x->shape.dim;
    if (x->shape.ndim != 4 ||
        !shape_equal(y->shape, SHAPE(dim[0], dim[2], dim[1], dim[3])))
        return check_failed(ctx, "swap", "not [a,b,c,d] and [a,c,b,d]", x, y,
                            NULL);
    return DRIFT_OK;
}

drift_status check_swap_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    return check(ctx, y, x);
}

drift_status check_swap_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    return check(ctx, dx, dy);
}
