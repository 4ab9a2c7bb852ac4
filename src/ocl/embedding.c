#include "ocl/ocl.h"

drift_status ocl_embedding_fwd(drift_context *ctx, tensor *y, const tensor *table, const tensor *index)
{
    (void)y;
    (void)table;
    (void)index;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "embedding_fwd is not written yet");
}

drift_status ocl_embedding_bwd(drift_context *ctx, tensor *dtable, const tensor *dy,
    const tensor *index)
{
    (void)dtable;
    (void)dy;
    (void)index;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "embedding_bwd is not written yet");
}
