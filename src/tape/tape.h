/* The tape: tensors with gradients, recorded as they are computed, walked
 * backward once.
 *
 * Network code reads like its mathematics: every function returns a value, or
 * NULL once anything has failed (and does nothing then), so a forward pass is
 * checked once, at its end, by tape_status.
 *
 *     tape_open(t);
 *     var *h = tape_linear(t, tape_rmsnorm(t, x, w, eps), w1, b1);
 *     h = tape_activation(t, h, ACT_SILU);
 *     var *y = tape_close(t, tape_linear(t, h, w2, b2));
 *
 * Values made between tape_open and tape_close are dropped at tape_close,
 * except its result and what a recorded step needs for its backward. Using a
 * dropped value is an error (DRIFT_ERROR_USAGE), not a crash.
 *
 * Constants, index tensors and tables are shared, not copied: the caller may
 * free its own handle at once, but must not write to the memory before the
 * tape is reset.
 */
#ifndef TAPE_TAPE_H
#define TAPE_TAPE_H

#include "ops/ops.h"

typedef struct tape tape;

/* Is a value computed again instead of kept? Wished: yes, as soon as a step
 * needs it. Armed: its inputs are kept for that. */
enum { AGAIN_NO, AGAIN_WISHED, AGAIN_ARMED };

typedef struct var {
    tensor value; /* the shape stays valid after the memory was dropped */
    tensor grad;  /* {0} until the first contribution */
    int wants_grad;
    int borrowed_grad;  /* grad belongs to the caller (parameters) */
    int uses;           /* handle and recorded steps that need the value */
    int handle;         /* the user's hold, until its scope closes */
    int again;          /* AGAIN_*, see tape_again */
    struct node *maker; /* the recorded step it came from, or NULL */
    struct var *next;   /* all values of the tape, newest first */
} var;

/* record = 0: forward only, no backward possible, least memory. */
drift_status tape_new(drift_context *ctx, int record,
                      tape **out) DRIFT_MUST_CHECK;
void tape_free(tape *t);
/* Drop all values and steps, keep the tape. */
void tape_reset(tape *t, int record);
drift_status tape_status(const tape *t);
drift_context *tape_context(tape *t);
/* What was computed beside the tape failed: so has the tape. */
void tape_fail(tape *t, drift_status status);

/* -- ends of the graph -------------------------------------------------- */

/* A constant: no gradient. */
var *tape_constant(tape *t, const tensor *value);
/* A parameter: gradients are ADDED to *grad (borrowed; NULL = frozen). */
var *tape_leaf(tape *t, const tensor *value, tensor *grad);
/* An input whose gradient the caller reads from ->grad after backward. */
var *tape_input(tape *t, const tensor *value);

/* -- scopes ------------------------------------------------------------- */

void tape_open(tape *t);
var *tape_close(tape *t, var *result); /* result may be NULL */

/* Let go of v before its scope closes, as when a loop replaces it. */
void tape_drop(tape *t, var *v);

/* Spend time instead of memory: v's memory is dropped when its scope closes
 * even where a backward step needs it, and computed again, by the same op to
 * the same bits, when the walk back comes there. What v was made from is kept
 * instead. For cheap steps (norms, elementwise, moving numbers); to be called
 * on the result of an op, at once. Returns v. */
var *tape_again(tape *t, var *v);

/* -- backward ----------------------------------------------------------- */

/* Add dy to the gradient of y; any number of seeds. The tape must record. */
void tape_seed(tape *t, var *y, const tensor *dy);
/* Walk back from all seeds. Each step's memory is dropped as it is done. */
drift_status tape_backward(tape *t) DRIFT_MUST_CHECK;

/* -- operations: as ops.def, NULL where an optional input is absent ------ */

var *tape_linear(tape *t, var *x, var *w, var *b);
var *tape_conv2d(tape *t, var *x, var *w, var *b, conv_args args, size_t out_h,
                 size_t out_w);
/* Same-size convolution of stride 1 (odd kernel). */
var *tape_conv2d_same(tape *t, var *x, var *w, var *b);
var *tape_attention(tape *t, var *q, var *k, var *v, float scale);
var *tape_groupnorm(tape *t, var *x, var *w, var *b, int groups, float eps);
/* mod [n,2c], shift then scale, may be NULL; kind = ACT_* or ACT_NONE. */
var *tape_groupnorm_act(tape *t, var *x, var *w, var *b, var *mod, int groups,
                        float eps, int kind);
var *tape_grn(tape *t, var *x, var *w, var *b, float eps);
var *tape_layernorm(tape *t, var *x, var *w, var *b, float eps, float eps_std);
var *tape_rmsnorm(tape *t, var *x, var *w, float eps);
var *tape_activation(tape *t, var *x, int kind);
var *tape_swiglu(tape *t, var *a, var *b);
var *tape_add(tape *t, var *a, var *b, float alpha, float beta);
var *tape_mul(tape *t, var *a, var *b);
var *tape_modulate(tape *t, var *x, var *shift, var *scale);
var *tape_gate(tape *t, var *x, var *r, var *gate);
var *tape_rope(tape *t, var *x, const tensor *cosine, const tensor *sine);
var *tape_patchify(tape *t, var *image, int p, int order);
var *tape_unpatchify(tape *t, var *tokens, shape image, int p, int order);
var *tape_embedding(tape *t, var *table, const tensor *index, int stride);
var *tape_split(tape *t, var *x, int axis, size_t start, size_t count);
/* Along `axis`; at most 4 parts. */
var *tape_concat(tape *t, int axis, var *const parts[], size_t count);
var *tape_swap(tape *t, var *x);
var *tape_expand(tape *t, var *x, size_t count); /* [b,c] -> [b,count,c] */
var *tape_maxpool(tape *t, var *x, pool_args args);
var *tape_avgpool(tape *t, var *x, pool_args args);
var *tape_upsample_nearest(tape *t, var *x, size_t factor);
var *tape_resize_bilinear(tape *t, var *x, size_t h, size_t w,
                          resize_args args);
/* mean and std, either may be NULL when not wanted. */
void tape_moments(tape *t, var *x, int ph, int pw, float eps, var **mean,
                  var **std);
var *tape_distance(tape *t, var *x, var *y);
/* The same numbers under another shape; shares memory and gradient flow. */
var *tape_reshape(tape *t, var *x, shape s);

#endif
