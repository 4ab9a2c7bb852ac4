/* The tape's own bookkeeping: values, scopes, the walk back. */
#include <string.h>

#include "base/mem.h"
#include "tape/internal.h"

static void var_release(drift_context *ctx, var *v)
{
    if (--v->uses == 0 && v->value.block) {
        shape s = v->value.shape;
        tensor_free(ctx, &v->value);
        v->value.shape = s;
    }
}

static void drop_handle(tape *t, var *v)
{
    if (v->handle) {
        v->handle = 0;
        var_release(t->ctx, v);
    }
}

static void drop_grad(drift_context *ctx, var *v)
{
    if (!v->borrowed_grad)
        tensor_free(ctx, &v->grad);
}

static void node_free(tape *t, node *n)
{
    for (int i = 0; i < NODE_IN; i++)
        if (n->keeps_in >> i & 1)
            var_release(t->ctx, n->in[i]);
    for (int i = 0; i < NODE_OUT; i++)
        if (n->keeps_out >> i & 1)
            var_release(t->ctx, n->out[i]);
    for (int i = 0; i < 2; i++)
        tensor_free(t->ctx, &n->saved[i]);
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
        drop_handle(t, v);
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
    var *end = t->scopes[--t->depth];
    for (var *v = t->vars; v != end; v = v->next)
        if (v != result)
            drop_handle(t, v);
    return result;
}

node *node_new(tape *t, node_back back, var *a, var *b, var *c, var *d)
{
    if (t->status != DRIFT_OK)
        return NULL;
    node *n = mem_alloc(t->ctx, 1, sizeof *n);
    if (!n) {
        tape_fail(t, DRIFT_ERROR_MEMORY);
        return NULL;
    }
    n->back = back;
    n->in[0] = a;
    n->in[1] = b;
    n->in[2] = c;
    n->in[3] = d;
    return n;
}

var *node_output(tape *t, node *n, int i, dtype type, shape s)
{
    var *v = n ? var_new(t) : NULL;
    if (!v)
        return NULL;
    drift_status status = tensor_new(t->ctx, &v->value, type, s);
    if (status != DRIFT_OK) {
        tape_fail(t, status);
        return NULL;
    }
    n->out[i] = v;
    return v;
}

tensor *node_save(tape *t, node *n, int i, shape s)
{
    if (!n || t->status != DRIFT_OK)
        return NULL;
    drift_status status = tensor_new(t->ctx, &n->saved[i], DTYPE_F32, s);
    if (status != DRIFT_OK) {
        tape_fail(t, status);
        return NULL;
    }
    return &n->saved[i];
}

var *node_done(tape *t, node *n, drift_status status, unsigned keeps_in,
               unsigned keeps_out)
{
    if (!n)
        return NULL;
    if (status != DRIFT_OK)
        tape_fail(t, status);
    int wanted = 0;
    for (int i = 0; i < NODE_IN; i++)
        wanted |= n->in[i] && n->in[i]->wants_grad;
    var *result = n->out[0];
    if (t->status != DRIFT_OK || !t->record || !wanted) {
        node_free(t, n); /* nothing kept yet: frees the saved tensors */
        return t->status == DRIFT_OK ? result : NULL;
    }
    for (int i = 0; i < NODE_IN; i++)
        if (n->in[i] && keeps_in >> i & 1) {
            n->in[i]->uses++;
            n->keeps_in |= 1u << i;
        }
    for (int i = 0; i < NODE_OUT; i++)
        if (n->out[i]) {
            n->out[i]->wants_grad = 1;
            if (keeps_out >> i & 1) {
                n->out[i]->uses++;
                n->keeps_out |= 1u << i;
            }
        }
    n->previous = t->last;
    t->last = n;
    return result;
}

tensor *var_grad(drift_context *ctx, var *v, drift_status *status)
{
    if (!v || !v->wants_grad || *status != DRIFT_OK)
        return NULL;
    if (!v->grad.block) {
        *status = tensor_new(ctx, &v->grad, DTYPE_F32, v->value.shape);
        if (*status == DRIFT_OK)
            *status = op_fill(ctx, &v->grad, 0);
    }
    return *status == DRIFT_OK ? &v->grad : NULL;
}

void tape_seed(tape *t, var *y, const tensor *dy)
{
    drift_status status = t->status;
    if (!y)
        return;
    tensor *grad = var_grad(t->ctx, y, &status);
    if (grad)
        status = op_add_fwd(t->ctx, grad, grad, dy, 1, 1);
    if (status != DRIFT_OK)
        tape_fail(t, status);
}

drift_status tape_backward(tape *t)
{
    while (t->status == DRIFT_OK && t->last) {
        node *n = t->last;
        int reached = 0;
        for (int i = 0; i < NODE_OUT; i++)
            reached |= n->out[i] && n->out[i]->grad.block;
        if (reached)
            tape_fail(t, n->back(t->ctx, n));
        for (int i = 0; i < NODE_OUT; i++)
            if (n->out[i])
                drop_grad(t->ctx, n->out[i]);
        t->last = n->previous;
        node_free(t, n);
    }
    return t->status;
}
