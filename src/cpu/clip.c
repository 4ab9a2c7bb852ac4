/* clip: the factor that bounds the norm of a gradient. */
#include <math.h>

#include "cpu/cpu.h"

drift_status cpu_clip(drift_context *ctx, tensor *scale, const tensor *squares,
                      float max)
{
    (void)ctx;
    double sum = 0;
    for (size_t i = 0; i < tensor_count(squares); i++)
        sum += (double)f32(squares)[i];
    double norm = sqrt(sum), by = 1;
    if (max > 0 && norm >= (double)max)
        by = (double)max / norm;
    if (!isfinite(norm))
        by = NAN;
    f32(scale)[0] = (float)by;
    return DRIFT_OK;
}
