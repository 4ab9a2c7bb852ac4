/* Shape checks of swiglu. */
#include "ops/check.h"

drift_status check_swiglu_fwd(drift_context *ctx, tensor *y, const tensor *a,
                              const tensor *b)
{
    if (!same_shape(y, a) || !same_shape(y, b))
        return check_failed(ctx, "swiglu", "y, a and b differ", y, a, b, NULL);
    return DRIFT_OK;
}

drift_status check_swiglu_bwd(drift_context *ctx, tensor *da, tensor *db,
                              const tensor *dy, const tensor *a,
                              const tensor *b)
{
    if (!same_shape(dy, a) || !same_shape(dy, b))
        return check_failed(ctx, "swiglu", "dy, a and b differ", dy, a, b,
                            NULL);
    if ((da && !same_shape(da, a)) || (db && !same_shape(db, b)))
        return check_failed(ctx, "swiglu", "da or db differs from a", a,
                            da ? da : db, NULL);
    return DRIFT_OK;
}
