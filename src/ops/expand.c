/* Shape checks of expand: y [b,t,c], x [b,c]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x)
{
    if (!y || !x)
        return DRIFT_OK;
    const size_t *dim = y->shape.dim;
    if (y->shape.ndim != 3 || !shape_equal(x->shape, SHAPE(dim[0], dim[2])))
        return check_failed(ctx, "expand", "not [b,t,c] and [b,c]", y, x, NULL);
    return DRIFT_OK;
}

drift_status check_expand_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    return check(ctx, y, x);
}

drift_status check_expand_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    return check(ctx, dy, dx);
}
