/* The recorded operations that move numbers: rotary embedding, patches,
 * tables, parts, resizing, other shapes. None keeps its input. */
#include "tape/internal.h"

#define GRAD(v) var_grad(ctx, v, &status)

static drift_status bad_shape(tape *t, const char *op)
{
    return ERROR(t->ctx, DRIFT_ERROR_SHAPE, "%s: sizes do not fit", op);
}

/* A constant input of a step: a count of its own. */
static void node_constant(node *n, int i, const tensor *value)
{
    n->constant[i] = tensor_share(value);
}

static drift_status rope_fore(drift_context *ctx, node *n)
{
    return op_rope_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                       &n->constant[0], &n->constant[1]);
}

static drift_status rope_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_rope_bwd(ctx, dx, &n->out[0]->grad, &n->constant[0],
                    &n->constant[1]));
out:
    return status;
}

var *tape_rope(tape *t, var *x, const tensor *cosine, const tensor *sine)
{
    node *n = node_new(t, rope_fore, rope_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    node_constant(n, 0, cosine);
    node_constant(n, 1, sine);
    node_output(t, n, 0, x->value.shape);
    return node_run(t, n, 0, 0);
}

static drift_status patchify_fore(drift_context *ctx, node *n)
{
    return op_patchify_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                           n->args.i[0], n->args.i[1]);
}

static drift_status patchify_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_patchify_bwd(ctx, dx, &n->out[0]->grad, n->args.i[0], n->args.i[1]));
out:
    return status;
}

var *tape_patchify(tape *t, var *image, int p, int order)
{
    node *n =
        node_new(t, patchify_fore, patchify_back, image, NULL, NULL, NULL);
    if (!n)
        return NULL;
    const size_t *s = image->value.shape.dim; /* [b,h,w,c] */
    size_t pp = p > 0 ? (size_t)p : 1;
    n->args.i[0] = p;
    n->args.i[1] = order;
    node_output(t, n, 0, SHAPE(s[0], s[1] / pp * (s[2] / pp), pp * pp * s[3]));
    return node_run(t, n, 0, 0);
}

static drift_status unpatchify_fore(drift_context *ctx, node *n)
{
    return op_unpatchify_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                             n->args.i[0], n->args.i[1]);
}

static drift_status unpatchify_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_unpatchify_bwd(ctx, dx, &n->out[0]->grad, n->args.i[0],
                          n->args.i[1]));
out:
    return status;
}

var *tape_unpatchify(tape *t, var *tokens, shape image, int p, int order)
{
    node *n =
        node_new(t, unpatchify_fore, unpatchify_back, tokens, NULL, NULL, NULL);
    if (!n)
        return NULL;
    n->args.i[0] = p;
    n->args.i[1] = order;
    node_output(t, n, 0, image);
    return node_run(t, n, 0, 0);
}

static drift_status embedding_fore(drift_context *ctx, node *n)
{
    return op_embedding_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                            &n->constant[0], (size_t)n->args.i[0]);
}

static drift_status embedding_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dtable = GRAD(n->in[0]);
    TRY(status);
    TRY(op_embedding_bwd(ctx, dtable, &n->out[0]->grad, &n->constant[0],
                         (size_t)n->args.i[0]));
out:
    return status;
}

var *tape_embedding(tape *t, var *table, const tensor *index, int stride)
{
    node *n =
        node_new(t, embedding_fore, embedding_back, table, NULL, NULL, NULL);
    if (!n)
        return NULL;
    n->args.i[0] = stride;
    node_constant(n, 0, index);
    node_output(t, n, 0, SHAPE(index->shape.dim[0], table->value.shape.dim[1]));
    return node_run(t, n, 0, 0);
}

static drift_status split_fore(drift_context *ctx, node *n)
{
    return op_split_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                        n->args.range.axis, n->args.range.start);
}

static drift_status split_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_split_bwd(ctx, dx, &n->out[0]->grad, n->args.range.axis,
                     n->args.range.start));
out:
    return status;
}

var *tape_split(tape *t, var *x, int axis, size_t start, size_t count)
{
    node *n = node_new(t, split_fore, split_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    shape s = x->value.shape;
    if (axis < 0 || axis >= s.ndim)
        tape_fail(t, bad_shape(t, "split"));
    else
        s.dim[axis] = count;
    n->args.range.axis = axis;
    n->args.range.start = start;
    node_output(t, n, 0, s);
    return node_run(t, n, 0, 0);
}

static drift_status concat_fore(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    int axis = n->args.range.axis;
    size_t start = 0;
    for (int i = 0; i < NODE_IN && n->in[i]; i++) {
        TRY(op_concat_fwd(ctx, &n->out[0]->value, &n->in[i]->value, axis,
                          start));
        start += n->in[i]->value.shape.dim[axis];
    }
out:
    return status;
}

static drift_status concat_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    int axis = n->args.range.axis;
    size_t start = 0;
    for (int i = 0; i < NODE_IN && n->in[i]; i++) {
        tensor *dpart = GRAD(n->in[i]);
        TRY(status);
        if (dpart)
            TRY(op_concat_bwd(ctx, dpart, &n->out[0]->grad, axis, start));
        start += n->in[i]->value.shape.dim[axis];
    }
out:
    return status;
}

var *tape_concat(tape *t, int axis, var *const parts[], size_t count)
{
    var *in[NODE_IN] = {0};
    for (size_t i = 0; i < count && i < NODE_IN; i++)
        in[i] = parts[i];
    node *n = node_new(t, concat_fore, concat_back, in[0], in[1], in[2], in[3]);
    if (!n)
        return NULL;
    shape s = {0};
    if (!count || count > NODE_IN || axis < 0 ||
        axis >= in[0]->value.shape.ndim) {
        tape_fail(t, bad_shape(t, "concat"));
    } else {
        s = in[0]->value.shape;
        for (size_t i = 1; i < count; i++)
            s.dim[axis] += in[i]->value.shape.dim[axis];
    }
    n->args.range.axis = axis;
    node_output(t, n, 0, s);
    return node_run(t, n, 0, 0);
}

static drift_status swap_fore(drift_context *ctx, node *n)
{
    return op_swap_fwd(ctx, &n->out[0]->value, &n->in[0]->value);
}

static drift_status swap_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_swap_bwd(ctx, dx, &n->out[0]->grad));
out:
    return status;
}

var *tape_swap(tape *t, var *x)
{
    node *n = node_new(t, swap_fore, swap_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    shape s = x->value.shape;
    size_t b = s.dim[1];
    s.dim[1] = s.dim[2];
    s.dim[2] = b;
    node_output(t, n, 0, s);
    return node_run(t, n, 0, 0);
}

static drift_status expand_fore(drift_context *ctx, node *n)
{
    return op_expand_fwd(ctx, &n->out[0]->value, &n->in[0]->value);
}

static drift_status expand_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_expand_bwd(ctx, dx, &n->out[0]->grad));
out:
    return status;
}

var *tape_expand(tape *t, var *x, size_t count)
{
    node *n = node_new(t, expand_fore, expand_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    const size_t *s = x->value.shape.dim;
    node_output(t, n, 0, SHAPE(s[0], count, s[1]));
    return node_run(t, n, 0, 0);
}

static drift_status upsample_fore(drift_context *ctx, node *n)
{
    return op_upsample_nearest_fwd(ctx, &n->out[0]->value, &n->in[0]->value);
}

static drift_status upsample_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_upsample_nearest_bwd(ctx, dx, &n->out[0]->grad));
out:
    return status;
}

var *tape_upsample_nearest(tape *t, var *x, size_t factor)
{
    node *n = node_new(t, upsample_fore, upsample_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    const size_t *s = x->value.shape.dim;
    node_output(t, n, 0, SHAPE(s[0], s[1] * factor, s[2] * factor, s[3]));
    return node_run(t, n, 0, 0);
}

static drift_status resize_fore(drift_context *ctx, node *n)
{
    return op_resize_bilinear_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                                  n->args.resize);
}

static drift_status resize_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_resize_bilinear_bwd(ctx, dx, &n->out[0]->grad, n->args.resize));
out:
    return status;
}

var *tape_resize_bilinear(tape *t, var *x, size_t h, size_t w, resize_args args)
{
    node *n = node_new(t, resize_fore, resize_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    const size_t *s = x->value.shape.dim;
    n->args.resize = args;
    node_output(t, n, 0, SHAPE(s[0], h, w, s[3]));
    return node_run(t, n, 0, 0);
}

static drift_status maxpool_fore(drift_context *ctx, node *n)
{
    return op_maxpool_fwd(ctx, &n->out[0]->value, &n->saved[0],
                          &n->in[0]->value, n->args.pool);
}

static drift_status maxpool_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_maxpool_bwd(ctx, dx, &n->out[0]->grad, &n->saved[0], n->args.pool));
out:
    return status;
}

/* Windows that fit into a size of the input; 0 of sizes the op refuses. */
static size_t windows(size_t size, pool_args args)
{
    size_t all = size + 2 * (size_t)args.pad, window = (size_t)args.size;
    if (args.stride < 1 || args.size < 1 || args.pad < 0 || all < window)
        return 0;
    return (all - window) / (size_t)args.stride + 1;
}

static shape pooled(const var *x, pool_args args)
{
    const size_t *s = x->value.shape.dim;
    return SHAPE(s[0], windows(s[1], args), windows(s[2], args), s[3]);
}

var *tape_maxpool(tape *t, var *x, pool_args args)
{
    node *n = node_new(t, maxpool_fore, maxpool_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    shape y = pooled(x, args);
    n->args.pool = args;
    node_output(t, n, 0, y);
    node_save_index(t, n, 0, y);
    return node_run(t, n, 0, 0);
}

static drift_status avgpool_fore(drift_context *ctx, node *n)
{
    return op_avgpool_fwd(ctx, &n->out[0]->value, &n->in[0]->value,
                          n->args.pool);
}

static drift_status avgpool_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    tensor *dx = GRAD(n->in[0]);
    TRY(status);
    TRY(op_avgpool_bwd(ctx, dx, &n->out[0]->grad, n->args.pool));
out:
    return status;
}

var *tape_avgpool(tape *t, var *x, pool_args args)
{
    node *n = node_new(t, avgpool_fore, avgpool_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    n->args.pool = args;
    node_output(t, n, 0, pooled(x, args));
    return node_run(t, n, 0, 0);
}

/* -- another shape ------------------------------------------------------- */

static drift_status reshape_fore(drift_context *ctx, node *n)
{
    var *y = n->out[0];
    shape s = y->value.shape;
    tensor_free(ctx, &y->value);
    y->value = tensor_share(&n->in[0]->value);
    y->value.shape = s;
    return DRIFT_OK;
}

static drift_status reshape_back(drift_context *ctx, node *n)
{
    return var_pass_grad(ctx, n->in[0], n->out[0]);
}

var *tape_reshape(tape *t, var *x, shape s)
{
    node *n = node_new(t, reshape_fore, reshape_back, x, NULL, NULL, NULL);
    if (!n)
        return NULL;
    if (shape_count(s) != tensor_count(&x->value))
        tape_fail(t, bad_shape(t, "reshape"));
    n->shares = 1;
    var *y = n->out[0] = var_new(t);
    if (y)
        y->value.shape = s;
    /* Made again rather than kept: it costs nothing, and x alone decides when
     * the memory goes. */
    return tape_again(t, node_run(t, n, 0, 0));
}
