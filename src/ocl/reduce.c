/* reduce: one number from all of x, in two stages of a fixed order. */
#include "ocl/ocl.h"

#define PARTS 4096 /* at most */
#define LEAST 4    /* times four numbers an item */

drift_status ocl_reduce(drift_context *ctx, tensor *y, const tensor *x,
                        int kind)
{
    drift_status status = DRIFT_OK;
    tensor parts = {0};
    size_t n = tensor_count(x), unit = 4 * ocl_of(ctx)->shape.group;
    size_t part = (n / PARTS / unit + 1) * unit;
    if (part < LEAST * unit)
        part = LEAST * unit;
    size_t count = (n + part - 1) / part;
    TRY(tensor_new(ctx, &parts, DTYPE_F32, SHAPE(count, 8)));
    ocl_launch first = ocl_begin(ctx, "reduce", "reduce_parts");
    ocl_tensor(&first, &parts);
    ocl_tensor(&first, x);
    ocl_size(&first, n);
    ocl_size(&first, part);
    ocl_int(&first, kind);
    TRY(ocl_groups(&first, count));
    ocl_launch end = ocl_begin(ctx, "reduce", "reduce_end");
    ocl_tensor(&end, y);
    ocl_tensor(&end, &parts);
    ocl_size(&end, count);
    ocl_int(&end, kind);
    TRY(ocl_groups(&end, 1));
out:
    tensor_free(ctx, &parts);
    return status;
}
