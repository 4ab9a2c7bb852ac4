/* Shape checks of rope: x [b,t,h,d], tables [t,d/2]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x,
                          const tensor *cosine, const tensor *sine)
{
    if (x->shape.ndim != 4 || x->shape.dim[3] % 2)
        return check_failed(ctx, "rope", "x is not [b,t,h,d] with an even d", x,
                            NULL);
    if (y && !same_shape(y, x))
        return check_failed(ctx, "rope", "y and x differ", y, x, NULL);
    shape table = SHAPE(x->shape.dim[1], x->shape.dim[3] / 2);
    if (!shape_equal(cosine->shape, table) || !shape_equal(sine->shape, table))
        return check_failed(ctx, "rope", "a table is not [t,d/2]", x, cosine,
                            sine, NULL);
    return DRIFT_OK;
}

drift_status check_rope_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *cosine, const tensor *sine)
{
    return check(ctx, y, x, cosine, sine);
}

drift_status check_rope_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                            const tensor *cosine, const tensor *sine)
{
    return check(ctx, dx, dy, cosine, sine);
}
