/* The tape's own bookkeeping: values, scopes, the walk back. */
#include "base/mem.h"
#include "tape/internal.h"

static void drop_value(drift_context *ctx, var *v)
{
    shape s = v->value.shape;
    tensor_free(ctx, &v->value);
    v->value.shape = s;
}

static void release(drift_context *ctx, var *v)
{
    if (--v->uses == 0)
        drop_value(ctx, v);
}

static void drop_handle(tape *t, var *v)
{
    if (!v->handle)
        return;
    v->handle = 0;
    release(t->ctx, v);
    if (v->again == AGAIN_ARMED)
        drop_value(t->ctx, v);
}

static void drop_grad(drift_context *ctx, var *v)
{
    if (!v->borrowed_grad)
        tensor_free(ctx, &v->grad);
}

void node_free(tape *t, node *n)
{
    for (int i = 0; i < NODE_IN; i++)
        if (n->keeps_in >> i & 1)
            release(t->ctx, n->in[i]);
    for (int i = 0; i < NODE_OUT; i++) {
        if (n->keeps_out >> i & 1)
            release(t->ctx, n->out[i]);
        if (n->out[i])
            n->out[i]->maker = NULL;
    }
    for (int i = 0; i < 2; i++) {
        tensor_free(t->ctx, &n->saved[i]);
        tensor_free(t->ctx, &n->constant[i]);
    }
    mem_free(n);
}

drift_status tape_new(drift_context *ctx, int record, tape **out)
{
    tape *t = *out = mem_alloc(ctx, 1, sizeof *t);
    if (!t)
        return DRIFT_ERROR_MEMORY;
    t->ctx = ctx;
    t->record = record;
    return DRIFT_OK;
}

void tape_reset(tape *t, int record)
{
    while (t->last) {
        node *n = t->last;
        t->last = n->previous;
        node_free(t, n);
    }
    while (t->vars) {
        var *v = t->vars;
        t->vars = v->next;
        drop_value(t->ctx, v);
        drop_grad(t->ctx, v);
        mem_free(v);
    }
    t->depth = 0;
    t->record = record;
    t->status = DRIFT_OK;
}

void tape_free(tape *t)
{
    if (!t)
        return;
    tape_reset(t, 0);
    mem_free(t->scopes);
    mem_free(t);
}

drift_status tape_status(const tape *t)
{
    return t->status;
}

drift_context *tape_context(tape *t)
{
    return t->ctx;
}

void tape_fail(tape *t, drift_status status)
{
    if (t->status == DRIFT_OK)
        t->status = status;
}

/* -- values and scopes -------------------------------------------------- */

var *var_new(tape *t)
{
    if (t->status != DRIFT_OK)
        return NULL;
    var *v = mem_alloc(t->ctx, 1, sizeof *v);
    if (!v) {
        tape_fail(t, DRIFT_ERROR_MEMORY);
        return NULL;
    }
    v->uses = v->handle = 1;
    v->next = t->vars;
    t->vars = v;
    return v;
}

/* Borrowed tensors get a count of their own, so that one rule frees all. */
static var *end_new(tape *t, const tensor *value)
{
    var *v = var_new(t);
    if (v)
        v->value = tensor_share(value);
    return v;
}

var *tape_constant(tape *t, const tensor *value)
{
    return end_new(t, value);
}

var *tape_leaf(tape *t, const tensor *value, tensor *grad)
{
    var *v = end_new(t, value);
    if (v && grad && t->record) {
        v->wants_grad = v->borrowed_grad = 1;
        v->grad = *grad;
    }
    return v;
}

var *tape_input(tape *t, const tensor *value)
{
    var *v = end_new(t, value);
    if (v)
        v->wants_grad = t->record;
    return v;
}

void tape_open(tape *t)
{
    if (t->status != DRIFT_OK)
        return;
    if (t->depth == t->room) {
        size_t room = t->room ? 2 * t->room : 8;
        var **more = mem_resize(t->ctx, t->scopes, room, sizeof *more);
        if (!more) {
            tape_fail(t, DRIFT_ERROR_MEMORY);
            return;
        }
        t->scopes = more;
        t->room = room;
    }
    t->scopes[t->depth++] = t->vars;
}

var *tape_close(tape *t, var *result)
{
    if (t->status != DRIFT_OK)
        return NULL;
    if (!t->depth) {
        tape_fail(t, ERROR(t->ctx, DRIFT_ERROR_USAGE,
                           "tape: a scope was closed that was not open"));
        return NULL;
    }
    var *end = t->scopes[--t->depth];
    for (var *v = t->vars; v != end; v = v->next)
        if (v != result)
            drop_handle(t, v);
    return result;
}

void tape_drop(tape *t, var *v)
{
    if (v && t->status == DRIFT_OK)
        drop_handle(t, v);
}

/* -- recording ---------------------------------------------------------- */

/* Would both gradients be added into the same memory? Ops do not allow it. */
static int same_gradient(const var *a, const var *b)
{
    return a == b ||
           (a->borrowed_grad && b->borrowed_grad &&
            a->grad.block == b->grad.block && a->grad.offset == b->grad.offset);
}

node *node_new(tape *t, node_step fore, node_step back, var *a, var *b, var *c,
               var *d)
{
    var *in[NODE_IN] = {a, b, c, d};
    if (t->status != DRIFT_OK)
        return NULL;
    for (int i = 0; i < NODE_IN; i++)
        if (in[i] && !in[i]->handle) {
            tape_fail(t, ERROR(t->ctx, DRIFT_ERROR_USAGE,
                               "tape: a value was used after its scope was "
                               "closed"));
            return NULL;
        }
    for (int i = 1; i < NODE_IN; i++)
        for (int j = 0; j < i; j++)
            if (in[i] && in[j] && same_gradient(in[i], in[j])) {
                in[i] = tape_reshape(t, in[i], in[i]->value.shape);
                break;
            }
    if (t->status != DRIFT_OK)
        return NULL;
    node *n = mem_alloc(t->ctx, 1, sizeof *n);
    if (!n) {
        tape_fail(t, DRIFT_ERROR_MEMORY);
        return NULL;
    }
    n->fore = fore;
    n->back = back;
    for (int i = 0; i < NODE_IN; i++)
        n->in[i] = in[i];
    return n;
}

var *node_output(tape *t, node *n, int i, shape s)
{
    var *v = n ? var_new(t) : NULL;
    if (!v)
        return NULL;
    n->out[i] = v;
    drift_status status = tensor_new(t->ctx, &v->value, DTYPE_F32, s);
    if (status != DRIFT_OK)
        tape_fail(t, status);
    return v;
}

static void save(tape *t, node *n, int i, dtype type, shape s)
{
    if (!n || t->status != DRIFT_OK)
        return;
    drift_status status = tensor_new(t->ctx, &n->saved[i], type, s);
    if (status != DRIFT_OK)
        tape_fail(t, status);
}

void node_save(tape *t, node *n, int i, shape s)
{
    save(t, n, i, DTYPE_F32, s);
}

void node_save_index(tape *t, node *n, int i, shape s)
{
    save(t, n, i, DTYPE_I32, s);
}

static void arm(var *v);

/* Hold those inputs of a step (bits of `which`) until it has walked back. */
static void keep_inputs(node *n, unsigned which)
{
    for (int i = 0; i < NODE_IN; i++)
        if (n->in[i] && (which & ~n->keeps_in) >> i & 1) {
            n->in[i]->uses++;
            n->keeps_in |= 1u << i;
            if (n->in[i]->again)
                arm(n->in[i]);
        }
}

/* A step needs v, which is to be computed again: so its inputs are kept. Where
 * one of them is gone already, v is kept itself. */
static void arm(var *v)
{
    node *n = v->maker;
    if (v->again != AGAIN_WISHED)
        return;
    v->again = AGAIN_NO;
    for (int i = 0; n && i < NODE_IN; i++)
        if (n->in[i] && !n->in[i]->value.block &&
            n->in[i]->again != AGAIN_ARMED)
            return;
    if (!n)
        return;
    keep_inputs(n, ~0u);
    v->again = AGAIN_ARMED;
}

var *node_run(tape *t, node *n, unsigned needs_in, unsigned needs_out)
{
    if (!n)
        return NULL;
    if (t->status == DRIFT_OK)
        tape_fail(t, n->fore(t->ctx, n));
    int wanted = 0;
    for (int i = 0; i < NODE_IN; i++)
        wanted |= n->in[i] && n->in[i]->wants_grad;
    var *result = n->out[0];
    if (t->status != DRIFT_OK || !t->record || !wanted) {
        node_free(t, n);
        return t->status == DRIFT_OK ? result : NULL;
    }
    n->needs_in = needs_in;
    n->needs_out = needs_out;
    keep_inputs(n, needs_in);
    for (int i = 0; i < NODE_OUT; i++)
        if (n->out[i]) {
            n->out[i]->wants_grad = 1;
            n->out[i]->maker = n;
            if (needs_out >> i & 1) {
                n->out[i]->uses++;
                n->keeps_out |= 1u << i;
            }
        }
    n->previous = t->last;
    t->last = n;
    return result;
}

var *tape_again(tape *t, var *v)
{
    if (t->status != DRIFT_OK || !v || !v->maker || v->again)
        return v;
    v->again = AGAIN_WISHED;
    if (v->maker->keeps_out) /* its own backward needs it */
        arm(v);
    return v;
}

/* -- gradients ---------------------------------------------------------- */

tensor *var_grad(drift_context *ctx, var *v, drift_status *status)
{
    if (!v || !v->wants_grad || *status != DRIFT_OK)
        return NULL;
    if (!v->grad.block) {
        *status = tensor_new(ctx, &v->grad, DTYPE_F32, v->value.shape);
        v->grad.fresh = 1;
    }
    return *status == DRIFT_OK ? &v->grad : NULL;
}

/* v's gradient += dy, which may have another shape of the same count. */
static drift_status add_grad(drift_context *ctx, var *v, const tensor *dy)
{
    drift_status status = DRIFT_OK;
    tensor *grad = var_grad(ctx, v, &status);
    TRY(status);
    if (grad) {
        tensor from = tensor_reshape(dy, grad->shape);
        if (grad->fresh)
            TRY(op_add_fwd(ctx, grad, &from, NULL, 1, 0));
        else
            TRY(op_add_fwd(ctx, grad, grad, &from, 1, 1));
        grad->fresh = 0;
    }
out:
    return status;
}

drift_status var_pass_grad(drift_context *ctx, var *x, var *y)
{
    if (!x || !x->wants_grad)
        return DRIFT_OK;
    if (x->grad.block)
        return add_grad(ctx, x, &y->grad);
    x->grad = tensor_share(&y->grad);
    x->grad.shape = x->value.shape;
    return DRIFT_OK;
}

void tape_seed(tape *t, var *y, const tensor *dy)
{
    if (!y || t->status != DRIFT_OK)
        return;
    if (!t->record)
        tape_fail(t, ERROR(t->ctx, DRIFT_ERROR_USAGE,
                           "tape: a gradient was given to a tape that does "
                           "not record"));
    else if (!shape_equal(y->value.shape, dy->shape))
        tape_fail(t, ERROR(t->ctx, DRIFT_ERROR_SHAPE,
                           "tape: the gradient given has another shape than "
                           "its value"));
    else
        tape_fail(t, add_grad(t->ctx, y, dy));
}

/* Bring back a value that tape_again let go. */
static drift_status restore(drift_context *ctx, var *v)
{
    drift_status status = DRIFT_OK;
    if (v->value.block)
        return DRIFT_OK;
    node *n = v->maker;
    if (!n)
        FAIL(ctx, DRIFT_ERROR_USAGE, "tape: a value that is needed is gone");
    for (int i = 0; i < NODE_IN; i++)
        if (n->in[i])
            TRY(restore(ctx, n->in[i]));
    for (int i = 0; i < NODE_OUT; i++)
        if (n->out[i] && !n->out[i]->value.block && !n->shares)
            TRY(tensor_new(ctx, &n->out[i]->value, DTYPE_F32,
                           n->out[i]->value.shape));
    TRY(n->fore(ctx, n));
    for (int i = 0; i < NODE_OUT; i++)
        if (n->out[i] && !n->out[i]->uses)
            drop_value(ctx, n->out[i]);
out:
    return status;
}

static drift_status step_back(drift_context *ctx, node *n)
{
    drift_status status = DRIFT_OK;
    if (!grad_of(n->out[0]) && !grad_of(n->out[1]))
        return DRIFT_OK;
    for (int i = 0; i < NODE_IN; i++)
        if (n->in[i] && n->needs_in >> i & 1)
            TRY(restore(ctx, n->in[i]));
    for (int i = 0; i < NODE_OUT; i++)
        if (n->out[i] && n->needs_out >> i & 1)
            TRY(restore(ctx, n->out[i]));
    TRY(n->back(ctx, n));
    for (int i = 0; i < NODE_IN; i++)
        if (n->in[i])
            n->in[i]->grad.fresh = 0;
out:
    return status;
}

drift_status tape_backward(tape *t)
{
    while (t->status == DRIFT_OK && t->last) {
        node *n = t->last;
        tape_fail(t, step_back(t->ctx, n));
        for (int i = 0; i < NODE_OUT; i++)
            if (n->out[i])
                drop_grad(t->ctx, n->out[i]);
        t->last = n->previous;
        node_free(t, n);
    }
    return t->status;
}
