/* normal: element i = mean + std * normal number first+i of the stream. */
#include "ocl/ocl.h"

drift_status ocl_normal(drift_context *ctx, tensor *y, rng_stream stream,
                        uint64_t first, float mean, float std)
{
    size_t n = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "normal", "normal_fill");
    ocl_tensor(&l, y);
    ocl_size(&l, n);
    ocl_stream(&l, stream, first);
    ocl_float(&l, mean);
    ocl_float(&l, std);
    return ocl_each(&l, ocl_stream_blocks(first, n));
}
