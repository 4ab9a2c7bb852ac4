/* How an operation is recorded; for src/tape only. */
#ifndef TAPE_INTERNAL_H
#define TAPE_INTERNAL_H

#include "tape/tape.h"

#define NODE_IN  4
#define NODE_OUT 2

typedef struct node node;

/* Adds the gradients of n->in from those of n->out. var_grad gives the tensor
 * to add into, NULL where none is wanted. */
typedef drift_status (*node_back)(drift_context *ctx, node *n);

struct node {
    node_back back;
    var *in[NODE_IN];
    var *out[NODE_OUT];
    tensor saved[2]; /* statistics of the forward; owned */
    unsigned keeps_in, keeps_out; /* bit i: the backward needs that value */
    union {
        float f[4];
        int i[4];
        struct {
            int axis;
            size_t start;
        } range;
        conv_args conv;
        resize_args resize;
    } args;
    const tensor *constant[2]; /* borrowed inputs without gradient */
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
 *     node *n = node_new(t, back, inputs...);      NULL once failed
 *     var *y = node_output(t, n, 0, shape);
 *     node_run(t, n && y ? op_x_fwd(...) : 0);     see record.c
 *     return node_done(t, n, keeps_in, keeps_out); returns out[0] */
node *node_new(tape *t, node_back back, var *a, var *b, var *c, var *d);
var *node_output(tape *t, node *n, int i, dtype type, shape s);
tensor *node_save(tape *t, node *n, int i, shape s);
var *node_done(tape *t, node *n, drift_status status, unsigned keeps_in,
               unsigned keeps_out);

/* The tensor into which v's gradient is added: made and zeroed at the first
 * call; NULL when v is NULL or wants none, or on failure (then *status). */
tensor *var_grad(drift_context *ctx, var *v, drift_status *status);

/* A value with handle, without memory. */
var *var_new(tape *t);
void tape_fail(tape *t, drift_status status);

#endif
