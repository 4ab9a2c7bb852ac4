/* Checks of index. */
#include "ops/check.h"

drift_status check_index(drift_context *ctx, tensor *y, rng_stream stream,
                         uint64_t first, int n)
{
    (void)stream;
    (void)first;
    if (y->type != DTYPE_I32)
        return check_failed(ctx, "index", "y is not i32", y, NULL);
    if (n < 1)
        return check_failed(ctx, "index", "n is not 1 or more", y, NULL);
    return DRIFT_OK;
}
