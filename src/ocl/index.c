/* index: element i uniform in 0 ... n-1, from number first+i of the stream. */
#include "ocl/ocl.h"

drift_status ocl_index(drift_context *ctx, tensor *y, rng_stream stream,
                       uint64_t first, int n)
{
    size_t count = tensor_count(y);
    ocl_launch l = ocl_begin(ctx, "index", "index_fill");
    ocl_tensor(&l, y);
    ocl_size(&l, count);
    ocl_stream(&l, stream, first);
    ocl_int(&l, n);
    return ocl_each(&l, ocl_stream_blocks(first, count));
}
