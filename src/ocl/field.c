#include "ocl/ocl.h"

drift_status ocl_field(drift_context *ctx, tensor *v, tensor *loss, tensor *stats,
    const tensor *x, const tensor *gen, const tensor *neg, const tensor *pos,
    const tensor *w_gen, const tensor *w_neg, const tensor *w_pos,
    field_args args, size_t memory)
{
    (void)v;
    (void)loss;
    (void)stats;
    (void)x;
    (void)gen;
    (void)neg;
    (void)pos;
    (void)w_gen;
    (void)w_neg;
    (void)w_pos;
    (void)args;
    (void)memory;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, "field is not written yet");
}
