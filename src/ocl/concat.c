/* concat: writes one part into y's [start ... start+len) along an axis. */
#include "ocl/split.h"

drift_status ocl_concat_fwd(drift_context *ctx, tensor *y, const tensor *part,
                            int axis, size_t start)
{
    return ocl_whole_from_part(ctx, y, part, axis, start, 0);
}

drift_status ocl_concat_bwd(drift_context *ctx, tensor *dpart, const tensor *dy,
                            int axis, size_t start)
{
    if (!dpart)
        return DRIFT_OK;
    return ocl_part_from_whole(ctx, dpart, dy, axis, start, !dpart->fresh);
}
