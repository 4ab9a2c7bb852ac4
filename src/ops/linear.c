/* Shape checks of linear. dw has w's shape. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *x,
                          const tensor *w, const tensor *b)
{
    if (w->shape.ndim != 2)
        return check_failed(ctx, "linear", "w is not [in,out]", w, NULL);
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    int fits = x->shape.ndim == y->shape.ndim && x->shape.ndim > 0 &&
               last_dim(x) == in && last_dim(y) == out;
    for (int i = 0; fits && i + 1 < x->shape.ndim; i++)
        fits = x->shape.dim[i] == y->shape.dim[i];
    if (!fits)
        return check_failed(ctx, "linear", "y, x, w do not fit", y, x, w, NULL);
    if (b && (b->shape.ndim != 1 || b->shape.dim[0] != out))
        return check_failed(ctx, "linear", "b is not [out]", b, w, NULL);
    return DRIFT_OK;
}

drift_status check_linear_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *w, const tensor *b)
{
    return check(ctx, y, x, w, b);
}

drift_status check_linear_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                              tensor *db, const tensor *dy, const tensor *x,
                              const tensor *w)
{
    if (dx && !same_shape(dx, x))
        return check_failed(ctx, "linear", "dx and x differ", dx, x, NULL);
    if (dw && !same_shape(dw, w))
        return check_failed(ctx, "linear", "dw and w differ", dw, w, NULL);
    return check(ctx, dy, x, w, db);
}
