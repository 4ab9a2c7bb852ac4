/* split: part = x[start ... start+len) along an axis. */
#include "ocl/split.h"

/* The arguments that both kernels end with, then the launch. */
static drift_status move(ocl_launch *l, const tensor *whole, const tensor *part,
                         int axis, size_t start)
{
    size_t rows = 1, inner = 1;
    for (int i = 0; i < axis; i++)
        rows *= whole->shape.dim[i];
    for (int i = axis + 1; i < whole->shape.ndim; i++)
        inner *= whole->shape.dim[i];
    size_t length = part->shape.dim[axis] * inner;
    ocl_size(l, rows);
    ocl_size(l, length);
    ocl_size(l, whole->shape.dim[axis] * inner);
    ocl_size(l, start * inner);
    return ocl_box(l, length, rows, 1);
}

drift_status ocl_part_from_whole(drift_context *ctx, tensor *part,
                                 const tensor *whole, int axis, size_t start,
                                 int add)
{
    ocl_launch l = ocl_begin(ctx, "split", "split");
    tensor piece = tensor_view(whole, 0, part->shape); /* what is touched */
    ocl_target(&l, part, add);
    ocl_tensor(&l, &piece);
    return move(&l, whole, part, axis, start);
}

drift_status ocl_whole_from_part(drift_context *ctx, tensor *whole,
                                 const tensor *part, int axis, size_t start,
                                 int add)
{
    ocl_launch l = ocl_begin(ctx, "concat", "concat");
    tensor piece = tensor_view(whole, 0, part->shape);
    ocl_target(&l, &piece, add);
    ocl_tensor(&l, part);
    return move(&l, whole, part, axis, start);
}

drift_status ocl_split_fwd(drift_context *ctx, tensor *part, const tensor *x,
                           int axis, size_t start)
{
    return ocl_part_from_whole(ctx, part, x, axis, start, 0);
}

/* Where dx is fresh, its rest becomes 0. */
drift_status ocl_split_bwd(drift_context *ctx, tensor *dx, const tensor *dpart,
                           int axis, size_t start)
{
    if (!dx)
        return DRIFT_OK;
    drift_status status = ocl_begin_gradient(ctx, dx);
    if (status != DRIFT_OK)
        return status;
    return ocl_whole_from_part(ctx, dx, dpart, axis, start, !dx->fresh);
}
