/* field_gradient: y = factor v / s. */
#include "cpu/cpu.h"
#include "ops/field.h"

drift_status cpu_field_gradient(drift_context *ctx, tensor *y, const tensor *v,
                                const tensor *stats, field_args args,
                                float factor)
{
    (void)ctx;
    size_t count = tensor_count(v), d = v->shape.dim[v->shape.ndim - 1];
    double scale = (double)f32(stats)[FIELD_STAT_SCALE];
    float by = (float)((double)factor / field_feature_scale(&args, scale, d));
    int finite = isfinite(scale);
    for (int j = 0; j < args.temperatures; j++)
        finite = finite &&
                 isfinite(f32(stats)[FIELD_STAT_RAW(args.temperatures, j)]);
    if (!finite)
        by = NAN;
    float *yp = f32(y);
    const float *vp = f32(v);
#pragma omp parallel for simd if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i++)
        yp[i] = by * vp[i];
    return DRIFT_OK;
}
