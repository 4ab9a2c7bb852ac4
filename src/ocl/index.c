#include "ocl/ocl.h"

drift_status ocl_index(drift_context *ctx, tensor *y, rng_stream stream, uint64_t first, int n)
{
    (void)y;
    (void)stream;
    (void)first;
    (void)n;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "index is not written yet");
}
