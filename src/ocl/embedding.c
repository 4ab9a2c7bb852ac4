/* embedding: y[b,c] = sum_j table[index[b,j],c].
 *
 * An index out of range is an error of this call, so the forward reads the
 * indices back and looks at them before anything is launched: the one op that
 * waits for the queue. It is a few kilobytes, once a forward, at its beginning;
 * a kernel that counts wrong ones would need the same wait to tell. The
 * backward trusts the forward, and skips what is out of range. */
#include "ocl/ocl.h"

#include <limits.h>

#include "base/mem.h"

static drift_status check_range(drift_context *ctx, const tensor *index,
                                size_t rows)
{
    drift_status status = DRIFT_OK;
    size_t count = tensor_count(index);
    int *at = mem_alloc(ctx, count + 1, sizeof *at);
    if (!at)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_read(ctx, index, at));
    for (size_t i = 0; i < count; i++)
        if (at[i] < 0 || (size_t)at[i] >= rows)
            FAIL(ctx, DRIFT_ERROR_SHAPE,
                 "embedding: index %d at %zu is not in 0 ... %zu", at[i], i,
                 rows - 1);
out:
    mem_free(at);
    return status;
}

drift_status ocl_embedding_fwd(drift_context *ctx, tensor *y,
                               const tensor *table, const tensor *index)
{
    drift_status status = DRIFT_OK;
    size_t samples = y->shape.dim[0], c = y->shape.dim[1];
    TRY(check_range(ctx, index, table->shape.dim[0]));
    ocl_launch l = ocl_begin(ctx, "embedding", "embedding_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, table);
    ocl_tensor(&l, index);
    ocl_size(&l, samples);
    ocl_size(&l, index->shape.dim[1]);
    ocl_size(&l, c);
    TRY(ocl_box(&l, c, samples, 1));
out:
    return status;
}

/* Indices repeat, so an item owns four numbers of the table; it finds what to
 * add in a list of the places that name its row. */
drift_status ocl_embedding_bwd(drift_context *ctx, tensor *dtable,
                               const tensor *dy, const tensor *index)
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
