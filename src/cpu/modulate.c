/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */
#include "cpu/channels.h"
#include "cpu/cpu.h"

drift_status cpu_modulate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *shift, const tensor *scale)
{
    (void)ctx;
    channel_units s = channel_units_of(x, 1);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        float zero[CHANNELS_MOST], factor[CHANNELS_MOST];
        for (size_t c = 0; c < u.map.width; c++) {
            zero[c] = 0;
            factor[c] = 1 + f32(scale)[u.row + c];
        }
        channels_map(f32(y) + u.at, f32(x) + u.at, zero, factor,
                     f32(shift) + u.row, ACT_NONE, u.map);
    }
    return DRIFT_OK;
}

drift_status cpu_modulate_bwd(drift_context *ctx, tensor *dx, tensor *dshift,
                              tensor *dscale, const tensor *dy, const tensor *x,
                              const tensor *scale)
{
    (void)ctx;
    channel_units s = channel_units_of(dy, 1);
    cpu_begin_all(dshift);
    cpu_begin_all(dscale);
#pragma omp parallel for if (tensor_count(dy) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        const float *dyp = f32(dy) + u.at;
        if (dshift || dscale) {
            double sum[CHANNELS_MOST] = {0}, dot[CHANNELS_MOST] = {0};
            channels_dots(sum, dot, dyp, f32(x) + u.at, NULL, u.map);
            for (size_t c = 0; dshift && c < u.map.width; c++)
                f32(dshift)[u.row + c] += (float)sum[c];
            for (size_t c = 0; dscale && c < u.map.width; c++)
                f32(dscale)[u.row + c] += (float)dot[c];
        }
        if (dx) {
            float factor[CHANNELS_MOST];
            for (size_t c = 0; c < u.map.width; c++)
                factor[c] = 1 + f32(scale)[u.row + c];
            float *dxp = f32(dx) + u.at;
            channels_gate(dxp, dx->fresh ? NULL : dxp, dyp, factor, u.map);
        }
    }
    return DRIFT_OK;
}
