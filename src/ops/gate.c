/* Shape checks of gate. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *r,
                          const tensor *gate)
{
    if (r->shape.ndim < 2)
        return check_failed(ctx, "gate", "r is not [b,...,c]", r, NULL);
    if (gate &&
        (gate->shape.ndim != 2 || gate->shape.dim[0] != r->shape.dim[0] ||
         gate->shape.dim[1] != last_dim(r)))
        return check_failed(ctx, "gate", "gate is not [b,c]", r, gate, NULL);
    return DRIFT_OK;
}

drift_status check_gate_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *r, const tensor *gate)
{
    if (!same_shape(y, r) || (x && !same_shape(x, r)))
        return check_failed(ctx, "gate", "y or x differs from r", r, y, x,
                            NULL);
    return check(ctx, r, gate);
}

drift_status check_gate_bwd(drift_context *ctx, tensor *dx, tensor *dr,
                            tensor *dgate, const tensor *dy, const tensor *r,
                            const tensor *gate)
{
    if (!same_shape(dy, r) || (dx && !same_shape(dx, r)) ||
        (dr && !same_shape(dr, r)))
        return check_failed(ctx, "gate", "dy, dx or dr differs from r", r, dy,
                            NULL);
    drift_status status = check(ctx, r, gate);
    return status == DRIFT_OK ? check(ctx, r, dgate) : status;
}
