/* How an operation is recorded; for src/tape only. */
#ifndef TAPE_INTERNAL_H
#define TAPE_INTERNAL_H

#include "tape/tape.h"

#define NODE_IN  4
#define NODE_OUT 2

typedef struct node node;

/* `fore` computes n->out and n->saved from n->in; also called once more for a
 * value under tape_again. `back` adds the gradients of n->in from those of
 * n->out; it runs when one of the outputs has a gradient. */
typedef drift_status (*node_step)(drift_context *ctx, node *n);

struct node {
    node_step fore, back;
    var *in[NODE_IN];
    var *out[NODE_OUT];
    tensor saved[2];    /* statistics of the forward; owned */
    tensor constant[2]; /* inputs without gradient; a count of our own */
    unsigned needs_in, needs_out; /* bit i: `back` reads that value */
    unsigned keeps_in, keeps_out; /* bit i: we hold a use of that value */
    int shares; /* the output is the input's memory, `fore` sets it */
    union {
        float f[4];
        int i[4];
        struct {
            int axis;
            size_t start;
        } range;
        conv_args conv;
        resize_args resize;
        pool_args pool;
        struct {
            int groups;
            float eps, eps_std;
            int kind;
        } norm;
        struct {
            int ph, pw;
            float eps;
        } moments;
    } args;
    node *previous;
};

struct tape {
    drift_context *ctx;
    drift_status status;
    int record;
    var *vars;    /* newest first */
    node *last;   /* newest first */
    var **scopes; /* t->vars at each tape_open */
    size_t depth, room;
};

/* The steps of a recording function, all safe after a failure:
 *     node *n = node_new(t, fore, back, inputs...);  NULL once failed
 *     n->args = ...; node_output(t, n, 0, ...); node_save(t, n, 0, ...);
 *     return node_run(t, n, needs_in, needs_out);    out[0] */
node *node_new(tape *t, node_step fore, node_step back, var *a, var *b, var *c,
               var *d);
var *node_output(tape *t, node *n, int i, shape s);
void node_save(tape *t, node *n, int i, shape s);
void node_save_index(tape *t, node *n, int i, shape s); /* of integers */
var *node_run(tape *t, node *n, unsigned needs_in, unsigned needs_out);
/* Drop a step that will not run. */
void node_free(tape *t, node *n);

/* needs_in of an input that is read for the gradient of `of` only. */
#define NEED(i)        (1u << (i))
#define NEED_IF(of, i) ((of) && (of)->wants_grad ? NEED(i) : 0u)

/* The tensor into which v's gradient is added: made at the first call, then
 * marked fresh until the step is done; NULL when v is NULL or wants none, or
 * on failure (then *status). */
tensor *var_grad(drift_context *ctx, var *v, drift_status *status);

/* x's gradient += y's, of the same count; shares y's memory when x has no
 * gradient yet, so it must be the last use of y's gradient in a step. */
drift_status var_pass_grad(drift_context *ctx, var *x, var *y);

/* y's gradient, NULL while it has none. */
static inline tensor *grad_of(var *y)
{
    return y && y->grad.block ? &y->grad : NULL;
}

static inline tensor *value_of(var *v)
{
    return v ? &v->value : NULL;
}

/* A value without handle and memory. */
var *var_new(tape *t);

#endif
