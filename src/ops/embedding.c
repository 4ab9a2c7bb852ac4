/* Shape checks of embedding: y [b,c], table [rows,c], index i32 [b,j]. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y,
                          const tensor *table, const tensor *index)
{
    if (y->shape.ndim != 2 || index->shape.ndim != 2 ||
        y->shape.dim[0] != index->shape.dim[0] || !index->shape.dim[1])
        return check_failed(ctx, "embedding", "y [b,c] and index [b,j] differ",
                            y, index, NULL);
    if (index->type != DTYPE_I32)
        return check_failed(ctx, "embedding", "the index is not of integers",
                            index, NULL);
    if (table && (table->shape.ndim != 2 || last_dim(table) != last_dim(y)))
        return check_failed(ctx, "embedding", "y and the table differ", y,
                            table, NULL);
    return DRIFT_OK;
}

drift_status check_embedding_fwd(drift_context *ctx, tensor *y,
                                 const tensor *table, const tensor *index)
{
    return check(ctx, y, table, index);
}

drift_status check_embedding_bwd(drift_context *ctx, tensor *dtable,
                                 const tensor *dy, const tensor *index)
{
    return check(ctx, dy, dtable, index);
}
