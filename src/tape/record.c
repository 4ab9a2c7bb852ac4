/* The recorded operations: each computes its value by op_<name>_fwd and gives
 * the walk back its op_<name>_bwd. */
#include "tape/internal.h"

/* Gradient of output i; a step runs only when out[0] or out[1] has one. */
#define GRAD(v) var_grad(ctx, v, &status)

static drift_status linear_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    TRY(status);
    TRY(op_linear_bwd(ctx, dx, dw, db, &n->out[0]->grad, &n->in[0]->value,
                      &n->in[1]->value));
out:
    return status;
}

var *tape_linear(tape *t, var *x, var *w, var *b)
{
    node *n = node_new(t, linear_back, x, w, b, NULL);
    if (!n)
        return NULL;
    shape s = x->value.shape;
    s.dim[s.ndim - 1] = w->value.shape.dim[1];
    var *y = node_output(t, n, 0, DTYPE_F32, s);
    drift_status status =
        y ? op_linear_fwd(t->ctx, &y->value, &x->value, &w->value,
                          b ? &b->value : NULL)
          : t->status;
    return node_done(t, n, status, 1 << 0 | 1 << 1, 0);
}
