/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */
#include "ocl/ocl.h"

drift_status ocl_gate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *r, const tensor *gate)
{
    size_t n = tensor_count(r), all = tensor_count(gate);
    ocl_launch l = ocl_begin(ctx, "gate", "gate_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, r);
    ocl_tensor(&l, gate);
    ocl_size(&l, n);
    ocl_size(&l, all ? n / all : 0);
    ocl_size(&l, gate->shape.dim[1]);
    return ocl_each(&l, n);
}

drift_status ocl_gate_bwd(drift_context *ctx, tensor *dx, tensor *dr,
                          tensor *dgate, const tensor *dy, const tensor *r,
                          const tensor *gate)
{
    size_t samples = gate->shape.dim[0], c = gate->shape.dim[1];
    size_t all = samples * c;
    ocl_launch l = ocl_begin(ctx, "gate", "gate_bwd");
    ocl_gradient(&l, dx);
    ocl_gradient(&l, dr);
    ocl_gradient(&l, dgate);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, r);
    ocl_tensor(&l, gate);
    ocl_size(&l, all ? tensor_count(dy) / all : 0);
    ocl_size(&l, c);
    return ocl_columns(&l, samples, c);
}
