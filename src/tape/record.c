/* The recorded operations that compute: each has a forward step, op_<name>_fwd
 * from the inputs, and a backward step, op_<name>_bwd into the gradients. A
 * step asks to keep only what its backward reads. Operations that move numbers
 * are in move.c. */
#include "tape/internal.h"

/* The gradient to add into; *status as in the function around. */
#define GRAD(v) var_grad(ctx, v, &status)

/* Stands for a value that an op does not read because the gradient it is
 * needed for is not wanted: the shape, on memory that is there. */
static tensor unread(const var *v, const tensor *there)
{
    tensor t = v->value;
    if (!t.block) {
        t.block = there->block;
        t.offset = there->offset;
    }
    return t;
}

static size_t last(const var *v)
{
    shape s = v->value.shape;
    return s.ndim ? s.dim[s.ndim - 1] : 1;
}

static shape with_last(const var *v, size_t n)
{
    shape s = v->value.shape;
    if (s.ndim)
        s.dim[s.ndim - 1] = n;
    return s;
}

/* -- products ----------------------------------------------------------- */

static drift_status linear_fore(drift_context *ctx, node *n)
{
    return op_linear_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                         &n->in[1]->value, value_of(n->in[2]));
}

static drift_status linear_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor x = unread(n->in[0], dy), w = unread(n->in[1], dy);
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    TRY(status);
    TRY(op_linear_bwd(ctx, dx, dw, db, dy, &x, &w));
out:
    return status;
}

var *tape_linear(tape *t, var *x, var *w, var *b)
{
    node *n = node_new(t, linear_fore, linear_back, x, w, b, NULL);
    if (!n)
        return NULL;
    node_output(t, n, 0, with_last(x, last(w)));
    return node_run(t, n, NEED_IF(w, 0) | NEED_IF(x, 1), 0);
}

static drift_status conv2d_fore(drift_context *ctx, node *n)
{
    return op_conv2d_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                         &n->in[1]->value, value_of(n->in[2]), n->args.conv);
}

static drift_status conv2d_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor x = unread(n->in[0], dy), w = unread(n->in[1], dy);
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    TRY(status);
    TRY(op_conv2d_bwd(ctx, dx, dw, db, dy, &x, &w, n->args.conv));
out:
    return status;
}

var *tape_conv2d(tape *t, var *x, var *w, var *b, conv_args args, size_t out_h,
                 size_t out_w)
{
    node *n = node_new(t, conv2d_fore, conv2d_back, x, w, b, NULL);
    if (!n)
        return NULL;
    n->args.conv = args;
    node_output(t, n, 0, SHAPE(x->value.shape.dim[0], out_h, out_w, last(w)));
    return node_run(t, n, NEED_IF(w, 0) | NEED_IF(x, 1), 0);
}

var *tape_conv2d_same(tape *t, var *x, var *w, var *b)
{
    if (t->status != DRIFT_OK)
        return NULL;
    const size_t *k = w->value.shape.dim, *size = x->value.shape.dim;
    conv_args args = {.stride_h = 1,
                      .stride_w = 1,
                      .pad_top = (int)(k[0] / 2),
                      .pad_left = (int)(k[1] / 2),
                      .dilation_h = 1,
                      .dilation_w = 1,
                      .groups = 1};
    return tape_conv2d(t, x, w, b, args, size[1], size[2]);
}

static drift_status attention_fore(drift_context *ctx, node *n)
{
    return op_attention_fwd(ctx, &n->out[0]->value, &n->saved[0],
                            &n->in[0]->value, &n->in[1]->value,
                            &n->in[2]->value, n->args.f[0]);
}

static drift_status attention_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dq = GRAD(n->in[0]), *dk = GRAD(n->in[1]), *dv = GRAD(n->in[2]);
    TRY(status);
    TRY(op_attention_bwd(ctx, dq, dk, dv, &n->out[0]->grad, &n->in[0]->value,
                         &n->in[1]->value, &n->in[2]->value, &n->out[0]->value,
                         &n->saved[0], n->args.f[0]));
out:
    return status;
}

var *tape_attention(tape *t, var *q, var *k, var *v, float scale)
{
    node *n = node_new(t, attention_fore, attention_back, q, k, v, NULL);
    if (!n)
        return NULL;
    const size_t *s = q->value.shape.dim; /* [b,t,h,d] */
    n->args.f[0] = scale;
    node_output(t, n, 0, q->value.shape);
    node_save(t, n, 0, SHAPE(s[0], s[2], s[1]));
    return node_run(t, n, NEED(0) | NEED(1) | NEED(2), NEED(0));
}

/* -- normalisation ------------------------------------------------------ */

static drift_status groupnorm_fore(drift_context *ctx, node *n)
{
    return op_groupnorm_fwd(ctx, &n->out[0]->value, &n->saved[0], &n->saved[1],
                            &n->in[0]->value, value_of(n->in[1]),
                            value_of(n->in[2]), value_of(n->in[3]),
                            n->args.norm.groups, n->args.norm.eps,
                            n->args.norm.kind);
}

static drift_status groupnorm_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    tensor *dmod = GRAD(n->in[3]), b;
    TRY(status);
    if (n->in[2])
        b = unread(n->in[2], dy);
    TRY(op_groupnorm_bwd(ctx, dx, dw, db, dmod, dy, &n->in[0]->value,
                         value_of(n->in[1]), n->in[2] ? &b : NULL,
                         value_of(n->in[3]), &n->saved[0], &n->saved[1],
                         n->args.norm.groups, n->args.norm.kind));
out:
    return status;
}

var *tape_groupnorm_act(tape *t, var *x, var *w, var *b, var *mod, int groups,
                        float eps, int kind)
{
    node *n = node_new(t, groupnorm_fore, groupnorm_back, x, w, b, mod);
    if (!n)
        return NULL;
    shape stat = SHAPE(x->value.shape.dim[0], groups > 0 ? (size_t)groups : 0);
    n->args.norm.groups = groups;
    n->args.norm.eps = eps;
    n->args.norm.kind = kind;
    node_output(t, n, 0, x->value.shape);
    node_save(t, n, 0, stat);
    node_save(t, n, 1, stat);
    unsigned inner = mod || kind != ACT_NONE ? NEED(2) | NEED(3) : 0;
    return node_run(t, n, NEED(0) | NEED(1) | inner, 0);
}

var *tape_groupnorm(tape *t, var *x, var *w, var *b, int groups, float eps)
{
    return tape_groupnorm_act(t, x, w, b, NULL, groups, eps, ACT_NONE);
}

static drift_status grn_fore(drift_context *ctx, node *n)
{
    return op_grn_fwd(ctx, &n->out[0]->value, &n->saved[0], &n->in[0]->value,
                      &n->in[1]->value, &n->in[2]->value, n->args.norm.eps);
}

static drift_status grn_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    TRY(status);
    TRY(op_grn_bwd(ctx, dx, dw, db, &n->out[0]->grad, &n->in[0]->value,
                   &n->in[1]->value, &n->saved[0]));
out:
    return status;
}

var *tape_grn(tape *t, var *x, var *w, var *b, float eps)
{
    node *n = node_new(t, grn_fore, grn_back, x, w, b, NULL);
    if (!n)
        return NULL;
    n->args.norm.eps = eps;
    node_output(t, n, 0, x->value.shape);
    node_save(t, n, 0, SHAPE(x->value.shape.dim[0], last(x)));
    return node_run(t, n, NEED(0) | NEED(1), 0);
}

static drift_status layernorm_fore(drift_context *ctx, node *n)
{
    return op_layernorm_fwd(ctx, &n->out[0]->value, &n->saved[0], &n->saved[1],
                            &n->in[0]->value, value_of(n->in[1]),
                            value_of(n->in[2]), n->args.norm.eps,
                            n->args.norm.eps_std);
}

static drift_status layernorm_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]), *db = GRAD(n->in[2]);
    TRY(status);
    TRY(op_layernorm_bwd(ctx, dx, dw, db, &n->out[0]->grad, &n->in[0]->value,
                         value_of(n->in[1]), &n->saved[0], &n->saved[1],
                         n->args.norm.eps_std));
out:
    return status;
}

var *tape_layernorm(tape *t, var *x, var *w, var *b, float eps, float eps_std)
{
    node *n = node_new(t, layernorm_fore, layernorm_back, x, w, b, NULL);
    if (!n)
        return NULL;
    size_t c = last(x);
    shape stat = SHAPE(c ? tensor_count(&x->value) / c : 0);
    n->args.norm.eps = eps;
    n->args.norm.eps_std = eps_std;
    node_output(t, n, 0, x->value.shape);
    node_save(t, n, 0, stat);
    node_save(t, n, 1, stat);
    return node_run(t, n, NEED(0) | NEED(1), 0);
}

static drift_status rmsnorm_fore(drift_context *ctx, node *n)
{
    return op_rmsnorm_fwd(ctx, &n->out[0]->value, &n->saved[0],
                          &n->in[0]->value, &n->in[1]->value, n->args.norm.eps);
}

static drift_status rmsnorm_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]), *dw = GRAD(n->in[1]);
    TRY(status);
    TRY(op_rmsnorm_bwd(ctx, dx, dw, &n->out[0]->grad, &n->in[0]->value,
                       &n->in[1]->value, &n->saved[0]));
out:
    return status;
}

var *tape_rmsnorm(tape *t, var *x, var *w, float eps)
{
    node *n = node_new(t, rmsnorm_fore, rmsnorm_back, x, w, NULL, NULL);
    if (!n)
        return NULL;
    size_t c = tensor_count(&w->value);
    n->args.norm.eps = eps;
    node_output(t, n, 0, x->value.shape);
    node_save(t, n, 0, SHAPE(c ? tensor_count(&x->value) / c : 0));
    return node_run(t, n, NEED(0) | NEED(1), 0);
}

/* -- elementwise -------------------------------------------------------- */

static drift_status activation_fore(drift_context *ctx, node *n)
{
    return op_activation_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                             n->args.i[0]);
}

static drift_status activation_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_activation_bwd(ctx, dx, &n->out[0]->grad, &n->in[0]->value,
                          n->args.i[0]));
out:
    return status;
}

var *tape_activation(tape *t, var *x, int kind)
{
    node *n =
        node_new(t, activation_fore, activation_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    n->args.i[0] = kind;
    node_output(t, n, 0, x->value.shape);
    return node_run(t, n, NEED(0), 0);
}

static drift_status swiglu_fore(drift_context *ctx, node *n)
{
    return op_swiglu_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                         &n->in[1]->value);
}

static drift_status swiglu_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *da = GRAD(n->in[0]), *db = GRAD(n->in[1]);
    TRY(status);
    TRY(op_swiglu_bwd(ctx, da, db, &n->out[0]->grad, &n->in[0]->value,
                      &n->in[1]->value));
out:
    return status;
}

var *tape_swiglu(tape *t, var *a, var *b)
{
    node *n = node_new(t, swiglu_fore, swiglu_back, a, b, NULL, NULL);
    if (!n)
        return NULL;
    node_output(t, n, 0, a->value.shape);
    return node_run(t, n, NEED(0) | NEED(1), 0);
}

static drift_status add_fore(drift_context *ctx, node *n)
{
    return op_add_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                      value_of(n->in[1]), n->args.f[0], n->args.f[1]);
}

static drift_status add_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    float alpha = n->args.f[0], beta = n->args.f[1];
    tensor *da = alpha == 1 ? NULL : GRAD(n->in[0]), *db = GRAD(n->in[1]);
    TRY(status);
    if (da || db)
        TRY(op_add_bwd(ctx, da, db, &n->out[0]->grad, alpha, beta));
    if (alpha == 1)
        TRY(var_pass_grad(ctx, n->in[0], n->out[0]));
out:
    return status;
}

var *tape_add(tape *t, var *a, var *b, float alpha, float beta)
{
    node *n = node_new(t, add_fore, add_back, a, b, NULL, NULL);
    if (!n)
        return NULL;
    n->args.f[0] = alpha;
    n->args.f[1] = beta;
    node_output(t, n, 0, a->value.shape);
    return node_run(t, n, 0, 0);
}

static drift_status mul_fore(drift_context *ctx, node *n)
{
    return op_mul_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                      &n->in[1]->value);
}

static drift_status mul_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor a = unread(n->in[0], dy), b = unread(n->in[1], dy);
    tensor *da = GRAD(n->in[0]), *db = GRAD(n->in[1]);
    TRY(status);
    TRY(op_mul_bwd(ctx, da, db, dy, &a, &b));
out:
    return status;
}

var *tape_mul(tape *t, var *a, var *b)
{
    node *n = node_new(t, mul_fore, mul_back, a, b, NULL, NULL);
    if (!n)
        return NULL;
    node_output(t, n, 0, a->value.shape);
    return node_run(t, n, NEED_IF(b, 0) | NEED_IF(a, 1), 0);
}

static drift_status modulate_fore(drift_context *ctx, node *n)
{
    return op_modulate_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                           &n->in[1]->value, &n->in[2]->value);
}

static drift_status modulate_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor x = unread(n->in[0], dy), scale = unread(n->in[2], dy);
    tensor *dx = GRAD(n->in[0]), *dshift = GRAD(n->in[1]);
    tensor *dscale = GRAD(n->in[2]);
    TRY(status);
    TRY(op_modulate_bwd(ctx, dx, dshift, dscale, dy, &x, &scale));
out:
    return status;
}

var *tape_modulate(tape *t, var *x, var *shift, var *scale)
{
    node *n = node_new(t, modulate_fore, modulate_back, x, shift, scale, NULL);
    if (!n)
        return NULL;
    node_output(t, n, 0, x->value.shape);
    return node_run(t, n, NEED_IF(scale, 0) | NEED_IF(x, 2), 0);
}

static drift_status gate_fore(drift_context *ctx, node *n)
{
    return op_gate_fwd(ctx, &n->out[0]->value, value_of(n->in[0]),
                       &n->in[1]->value, &n->in[2]->value);
}

static drift_status gate_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    const tensor *dy = &n->out[0]->grad;
    tensor r = unread(n->in[1], dy), gate = unread(n->in[2], dy);
    tensor *dr = GRAD(n->in[1]), *dgate = GRAD(n->in[2]);
    TRY(status);
    if (dr || dgate)
        TRY(op_gate_bwd(ctx, NULL, dr, dgate, dy, &r, &gate));
    TRY(var_pass_grad(ctx, n->in[0], n->out[0]));
out:
    return status;
}

var *tape_gate(tape *t, var *x, var *r, var *gate)
{
    node *n = node_new(t, gate_fore, gate_back, x, r, gate, NULL);
    if (!n)
        return NULL;
    node_output(t, n, 0, r->value.shape);
    return node_run(t, n, NEED_IF(gate, 1) | NEED_IF(r, 2), 0);
}

/* -- reductions --------------------------------------------------------- */

/* Outputs that the caller does not want are saved for the backward. */
static tensor *moment(node *n, int i)
{
    if (n->out[i])
        return &n->out[i]->value;
    return n->saved[i].block ? &n->saved[i] : NULL;
}

static drift_status moments_fore(drift_context *ctx, node *n)
{
    return op_moments_fwd(ctx, moment(n, 0), moment(n, 1), &n->in[0]->value,
                          n->args.moments.ph, n->args.moments.pw,
                          n->args.moments.eps);
}

static drift_status moments_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_moments_bwd(ctx, dx, grad_of(n->out[0]), grad_of(n->out[1]),
                       &n->in[0]->value, moment(n, 0), moment(n, 1),
                       n->args.moments.ph, n->args.moments.pw));
out:
    return status;
}

void tape_moments(tape *t, var *x, int ph, int pw, float eps, var **mean,
                  var **std)
{
    node *n = node_new(t, moments_fore, moments_back, x, NULL, NULL, NULL);
    if (mean)
        *mean = NULL;
    if (std)
        *std = NULL;
    if (!n)
        return;
    const size_t *s = x->value.shape.dim; /* [n,h,w,c] */
    shape out = SHAPE(s[0], 0, s[3]);
    if (ph > 0 && pw > 0)
        out.dim[1] = s[1] / (size_t)ph * (s[2] / (size_t)pw);
    n->args.moments.ph = ph;
    n->args.moments.pw = pw;
    n->args.moments.eps = eps;
    var **wanted[2] = {mean, std};
    for (int i = 0; i < 2; i++)
        if (wanted[i])
            *wanted[i] = node_output(t, n, i, out);
        else if (t->record && x->wants_grad)
            node_save(t, n, i, out);
    (void)node_run(t, n, NEED(0), NEED(0) | NEED(1));
    for (int i = 0; i < 2; i++)
        if (wanted[i] && t->status != DRIFT_OK)
            *wanted[i] = NULL;
}

static drift_status distance_fore(drift_context *ctx, node *n)
{
    return op_distance_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                           &n->in[1]->value);
}

static drift_status distance_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]), *dy = GRAD(n->in[1]);
    TRY(status);
    TRY(op_distance_bwd(ctx, dx, dy, &n->out[0]->grad, &n->in[0]->value,
                        &n->in[1]->value, &n->out[0]->value));
out:
    return status;
}

var *tape_distance(tape *t, var *x, var *y)
{
    node *n = node_new(t, distance_fore, distance_back, x, y, NULL, NULL);
    if (!n)
        return NULL;
    const size_t *a = x->value.shape.dim, *b = y->value.shape.dim;
    node_output(t, n, 0, SHAPE(a[0], a[1], b[1]));
    return node_run(t, n, NEED(0) | NEED(1), NEED(0));
}
