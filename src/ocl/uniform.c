#include "ocl/ocl.h"

drift_status ocl_uniform(drift_context *ctx, tensor *y, rng_stream stream, uint64_t first,
    float low, float high)
{
    (void)y;
    (void)stream;
    (void)first;
    (void)low;
    (void)high;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "uniform is not written yet");
}
