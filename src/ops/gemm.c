/* Shape check of gemm. */
#include "ops/check.h"

drift_status check_gemm(drift_context *ctx, tensor *c, const tensor *a,
                        const tensor *b, int transpose_a, int transpose_b,
                        float alpha, float beta)
{
    (void)alpha;
    (void)beta;
    const tensor *all[] = {c, a, b};
    size_t g = c->shape.ndim == 3 ? c->shape.dim[0] : 1;
    for (int i = 0; i < 3; i++) {
        int ndim = all[i]->shape.ndim;
        if (ndim != 2 &&
            (ndim != 3 || all[i]->shape.dim[0] != g || c->shape.ndim != 3))
            return check_failed(ctx, "gemm",
                                "2-D matrices, or 3-D under c's "
                                "first dimension, are wanted",
                                c, a, b, NULL);
    }
    const size_t *ad = a->shape.dim + (a->shape.ndim - 2);
    const size_t *bd = b->shape.dim + (b->shape.ndim - 2);
    const size_t *cd = c->shape.dim + (c->shape.ndim - 2);
    size_t m = ad[transpose_a ? 1 : 0], k = ad[transpose_a ? 0 : 1];
    size_t n = bd[transpose_b ? 0 : 1], kb = bd[transpose_b ? 1 : 0];
    if (cd[0] != m || cd[1] != n || k != kb)
        return check_failed(ctx, "gemm", "c, op(a), op(b) do not fit", c, a, b,
                            NULL);
    return DRIFT_OK;
}
