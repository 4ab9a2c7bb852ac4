/* Shape checks of attention. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *o,
                          const tensor *lse, const tensor *q, const tensor *k,
                          const tensor *v)
{
    const size_t *n = q->shape.dim;
    if (q->shape.ndim != 4 || !same_shape(o, q))
        return check_failed(ctx, "attention", "q, o are not [b,t,h,d]", q, o,
                            NULL);
    if (!same_shape(k, v) || k->shape.ndim != 4 || k->shape.dim[0] != n[0] ||
        k->shape.dim[2] != n[2] || k->shape.dim[3] != n[3] || !k->shape.dim[1])
        return check_failed(ctx, "attention",
                            "k, v are not [b,s,h,d] of q's b, h, d", q, k, v,
                            NULL);
    if (!shape_equal(lse->shape, SHAPE(n[0], n[2], n[1])))
        return check_failed(ctx, "attention", "lse is not [b,h,t]", lse, q,
                            NULL);
    return DRIFT_OK;
}

drift_status check_attention_fwd(drift_context *ctx, tensor *o, tensor *lse,
                                 const tensor *q, const tensor *k,
                                 const tensor *v, float scale)
{
    (void)scale;
    return check(ctx, o, lse, q, k, v);
}

drift_status check_attention_bwd(drift_context *ctx, tensor *dq, tensor *dk,
                                 tensor *dv, const tensor *dout,
                                 const tensor *q, const tensor *k,
                                 const tensor *v, const tensor *o,
                                 const tensor *lse, float scale)
{
    (void)scale;
    if (!same_shape(dout, q) || (dq && !same_shape(dq, q)) ||
        (dk && !same_shape(dk, k)) || (dv && !same_shape(dv, v)))
        return check_failed(ctx, "attention",
                            "a gradient's shape is not its operand's", dout, q,
                            k, v, NULL);
    return check(ctx, o, lse, q, k, v);
}
