/* Shape checks of upsample_nearest: y [n,h*i,w*j,c] of x [n,h,w,c]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x)
{
    if (!y || !x)
        return DRIFT_OK;
    const size_t *big = y->shape.dim, *small = x->shape.dim;
    int fits = y->shape.ndim == 4 && x->shape.ndim == 4 && big[0] == small[0] &&
               big[3] == small[3];
    for (int i = 1; fits && i < 3; i++)
        fits = small[i] && big[i] && big[i] % small[i] == 0;
    if (!fits)
        return check_failed(ctx, "upsample_nearest",
                            "y is not a whole multiple of x", x, y, NULL);
    return DRIFT_OK;
}

drift_status check_upsample_nearest_fwd(drift_context *ctx, tensor *y,
                                        const tensor *x)
{
    return check(ctx, y, x);
}

drift_status check_upsample_nearest_bwd(drift_context *ctx, tensor *dx,
                                        const tensor *dy)
{
    return check(ctx, dy, dx);
}
