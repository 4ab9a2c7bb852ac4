/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */
#include "ocl/map.h"

static size_t positions_of(const tensor *map, const tensor *gate)
{
    size_t all = tensor_count(gate);
    return all ? tensor_count(map) / all : 0;
}

drift_status ocl_gate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *r, const tensor *gate)
{
    size_t samples = gate->shape.dim[0], c = gate->shape.dim[1];
    size_t positions = positions_of(r, gate);
    ocl_launch l = ocl_begin(ctx, "gate", "gate_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, r);
    ocl_tensor(&l, gate);
    ocl_size(&l, samples);
    ocl_size(&l, positions);
    ocl_size(&l, c);
    return ocl_box(&l, c, positions, samples);
}

drift_status ocl_gate_bwd(drift_context *ctx, tensor *dx, tensor *dr,
                          tensor *dgate, const tensor *dy, const tensor *r,
                          const tensor *gate)
{
    size_t samples = gate->shape.dim[0], c = gate->shape.dim[1];
    size_t positions = positions_of(dy, gate);
    ocl_launch l = ocl_begin(ctx, "gate", "gate_bwd");
    ocl_gradient(&l, dx);
    ocl_gradient(&l, dr);
    ocl_gradient(&l, dgate);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, r);
    ocl_tensor(&l, gate);
    ocl_size(&l, positions);
    ocl_size(&l, c);
    return ocl_columns(&l, samples, positions, c);
}
