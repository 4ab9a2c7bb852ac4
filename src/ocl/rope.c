/* rope: the halves of each head's numbers turned by sequence index. */
#include "ocl/ocl.h"

static drift_status turn(drift_context *ctx, tensor *y, const tensor *x,
                         const tensor *cosine, const tensor *sine, int add,
                         float way)
{
    const size_t *dim = x->shape.dim;
    size_t rows = dim[0] * dim[1], pairs = dim[3] / 2;
    ocl_launch l = ocl_begin(ctx, "rope", "rope");
    ocl_target(&l, y, add);
    ocl_tensor(&l, x);
    ocl_tensor(&l, cosine);
    ocl_tensor(&l, sine);
    ocl_size(&l, rows);
    ocl_size(&l, dim[1]);
    ocl_size(&l, dim[2]);
    ocl_size(&l, pairs);
    ocl_float(&l, way);
    return ocl_box(&l, pairs, dim[2], rows);
}

drift_status ocl_rope_fwd(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *cosine, const tensor *sine)
{
    return turn(ctx, y, x, cosine, sine, 0, 1);
}

drift_status ocl_rope_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                          const tensor *cosine, const tensor *sine)
{
    return dx ? turn(ctx, dx, dy, cosine, sine, !dx->fresh, -1) : DRIFT_OK;
}
