/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */
#include "cpu/channels.h"
#include "cpu/cpu.h"
#include "cpu/row.h"

drift_status cpu_gate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *r, const tensor *gate)
{
    (void)ctx;
    channel_units s = channel_units_of(r, 1);
#pragma omp parallel for if (tensor_count(r) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        channels_gate(f32(y) + u.at, x ? f32(x) + u.at : NULL, f32(r) + u.at,
                      f32(gate) + u.row, u.map);
    }
    return DRIFT_OK;
}

drift_status cpu_gate_bwd(drift_context *ctx, tensor *dx, tensor *dr,
                          tensor *dgate, const tensor *dy, const tensor *r,
                          const tensor *gate)
{
    (void)ctx;
    channel_units s = channel_units_of(dy, 1);
    cpu_begin_all(dx);
    cpu_begin_all(dgate);
#pragma omp parallel for if (tensor_count(dy) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        const float *dyp = f32(dy) + u.at;
        if (dgate) {
            double sum[CHANNELS_MOST] = {0}, dot[CHANNELS_MOST] = {0};
            channels_dots(sum, dot, dyp, f32(r) + u.at, NULL, u.map);
            for (size_t c = 0; c < u.map.width; c++)
                f32(dgate)[u.row + c] += (float)dot[c];
        }
        if (dr) {
            float *drp = f32(dr) + u.at;
            channels_gate(drp, dr->fresh ? NULL : drp, dyp, f32(gate) + u.row,
                          u.map);
        }
        for (size_t k = 0; dx && k < u.map.rows; k++)
            row_add(f32(dx) + u.at + k * u.map.stride, dyp + k * u.map.stride,
                    u.map.width);
    }
    return DRIFT_OK;
}
