/* Shape checks of sinusoid: y [b,2h], x [b,1], f [h]. */
#include "ops/check.h"

drift_status check_sinusoid(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *f)
{
    if (!shape_equal(y->shape, SHAPE(tensor_count(x), 2 * tensor_count(f))))
        return check_failed(ctx, "sinusoid", "not [b,2h], [b,1] and [h]", y, x,
                            f, NULL);
    return DRIFT_OK;
}
