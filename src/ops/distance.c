/* Shape checks of distance: d [g,n,t], x [g,n,d], y [g,t,d]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *d, const tensor *x,
                          const tensor *y)
{
    const size_t *a = x->shape.dim, *b = y->shape.dim;
    if (x->shape.ndim != 3 || y->shape.ndim != 3 || a[0] != b[0] ||
        a[2] != b[2])
        return check_failed(ctx, "distance", "x [g,n,d] and y [g,t,d] differ",
                            x, y, NULL);
    if (!shape_equal(d->shape, SHAPE(a[0], a[1], b[1])))
        return check_failed(ctx, "distance", "the distances are not [g,n,t]", d,
                            x, y, NULL);
    return DRIFT_OK;
}

drift_status check_distance_fwd(drift_context *ctx, tensor *d, const tensor *x,
                                const tensor *y)
{
    return check(ctx, d, x, y);
}

drift_status check_distance_bwd(drift_context *ctx, tensor *dx, tensor *dy,
                                const tensor *dd, const tensor *x,
                                const tensor *y, const tensor *d)
{
    if (!same_shape(dd, d))
        return check_failed(ctx, "distance", "dd and d differ", dd, d, NULL);
    if (dx && !same_shape(dx, x))
        return check_failed(ctx, "distance", "dx and x differ", dx, x, NULL);
    if (dy && !same_shape(dy, y))
        return check_failed(ctx, "distance", "dy and y differ", dy, y, NULL);
    return check(ctx, d, x, y);
}
