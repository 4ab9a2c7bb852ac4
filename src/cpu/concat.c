/* concat: writes one part into y's [start ... start+len) along an axis. */
#include "cpu/split.h"

drift_status cpu_concat_fwd(drift_context *ctx, tensor *y, const tensor *part,
                            int axis, size_t start)
{
    (void)ctx;
    whole_from_part(y, part, axis, start, 0);
    return DRIFT_OK;
}

drift_status cpu_concat_bwd(drift_context *ctx, tensor *dpart, const tensor *dy,
                            int axis, size_t start)
{
    (void)ctx;
    if (dpart)
        part_from_whole(dpart, dy, axis, start, !dpart->fresh);
    return DRIFT_OK;
}
