/* embedding: y[b,c] = sum_j table[j stride + index[b,j],c].
 *
 * Nothing waits here for a look at the indices: the forward's kernel writes
 * the first wrong one into the device's `fault`, and the next read tells
 * (transfer.c). The backward passes over wrong ones. */
#include "ocl/ocl.h"

#include <limits.h>

drift_status ocl_embedding_fwd(drift_context *ctx, tensor *y,
                               const tensor *table, const tensor *index,
                               size_t stride)
{
    size_t samples = y->shape.dim[0], c = y->shape.dim[1];
    size_t rows = table->shape.dim[0];
    ocl_launch l = ocl_begin(ctx, "embedding", "embedding_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, table);
    ocl_tensor(&l, index);
    ocl_fault(&l);
    ocl_size(&l, samples);
    ocl_size(&l, index->shape.dim[1]);
    ocl_size(&l, c);
    ocl_size(&l, stride);
    ocl_size(&l, stride ? stride : rows);
    return ocl_box(&l, c, samples, 1);
}

/* Indices repeat, so an item owns four numbers of the table; it finds what to
 * add in a list of the places that name its row. */
drift_status ocl_embedding_bwd(drift_context *ctx, tensor *dtable,
                               const tensor *dy, const tensor *index,
                               size_t stride)
{
    if (!dtable)
        return DRIFT_OK;
    drift_status status = DRIFT_OK;
    tensor order = {0}, begin = {0};
    size_t count = tensor_count(index);
    size_t rows = dtable->shape.dim[0], c = dtable->shape.dim[1];
    if (count > INT_MAX)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "embedding: more than %d indices",
             INT_MAX);
    TRY(tensor_new(ctx, &order, DTYPE_I32, SHAPE(count)));
    TRY(tensor_new(ctx, &begin, DTYPE_I32, SHAPE(rows + 1)));
    ocl_launch sort = ocl_begin(ctx, "embedding", "embedding_sort");
    ocl_tensor(&sort, &order);
    ocl_tensor(&sort, &begin);
    ocl_tensor(&sort, index);
    ocl_size(&sort, count);
    ocl_size(&sort, rows);
    ocl_size(&sort, index->shape.dim[1]);
    ocl_size(&sort, stride);
    ocl_size(&sort, stride ? stride : rows);
    TRY(ocl_each(&sort, rows));
    ocl_launch l = ocl_begin(ctx, "embedding", "embedding_bwd");
    ocl_gradient(&l, dtable);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, &order);
    ocl_tensor(&l, &begin);
    ocl_size(&l, rows);
    ocl_size(&l, index->shape.dim[1]);
    ocl_size(&l, c);
    TRY(ocl_box(&l, (c + 3) / 4, rows, 1));
out:
    tensor_free(ctx, &begin);
    tensor_free(ctx, &order);
    return status;
}
