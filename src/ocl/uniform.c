/* uniform: element i uniform in [low,high), from number first+i of the
 * stream. */
#include "ocl/ocl.h"

#include <math.h>

drift_status ocl_uniform(drift_context *ctx, tensor *y, rng_stream stream,
                         uint64_t first, float low, float high)
{
    size_t n = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "uniform", "uniform_fill");
    ocl_tensor(&l, y);
    ocl_size(&l, n);
    ocl_stream(&l, stream, first);
    ocl_float(&l, low);
    ocl_float(&l, high - low);
    ocl_float(&l, nextafterf(high, low));
    return ocl_each(&l, ocl_stream_blocks(first, n));
}
