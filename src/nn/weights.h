/* Weights from a file's arrays into the parameters of a network, by name and
 * shape. A network asks for what it needs, one array after the other; what is
 * missing, of another shape or left over is collected and told at the end,
 * all of it.
 *
 *     TRY(weights_open(p, flat, arrays, "conv1.weight", &w));
 *     TRY(weights_take(&w, net->conv, WEIGHTS_OIHW, "conv1.weight"));
 *     weights_ignore(&w, "fc.*");
 * out:
 *     status = weights_close(&w, status);
 */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "formats/array.h"
#include "nn/params.h"

typedef struct weights {
    params *params;
    tensor *flat; /* where the values go, in the layout of params */
    const array_list *arrays;
    const char *prefix; /* what stands before every name: a wrapper's */
    size_t prefix_length;
    unsigned char *used;
    char text[1500]; /* complaints, cut off when there are too many */
    size_t text_used, complaints, left_out;
} weights;

/* How theirs lies in memory; ours is [in,out], [kh,kw,in,out]. */
typedef enum weights_layout {
    WEIGHTS_AS_OURS,
    WEIGHTS_OI, /* linear of PyTorch; [out,in,...] of a convolution that is a
                   linear layer of ours */
    WEIGHTS_OIHW
} weights_layout;

/* The first array of this name, as it is or inside a wrapper ("params.NAME");
 * NULL when there is none. */
const array *weights_named(const array_list *arrays, const char *name);
/* How many "blocks.0.x", "blocks.1.y", ... there are for `list` = "blocks.":
 * 1 more than the largest number. */
int weights_extent(const array_list *arrays, const char *list);

/* `anchor` is the name of an array that the network cannot do without:
 * wrappers around the tree ("params.", "module.", "state_dict.", "ema.", ...)
 * are what stands before it; of several trees the averaged one is taken, or
 * MoCo's "encoder_q.". NULL: no wrapper. *w is to be closed even after a
 * failure. */
drift_status weights_open(params *p, tensor *flat, const array_list *arrays,
                          const char *anchor, weights *w) DRIFT_MUST_CHECK;

/* The array of this name, or NULL when there is none. */
const array *weights_find(weights *w, const char *name_format, ...)
    DRIFT_PRINTF(2, 3);
/* Copy it into parameter i; with `count`, into rows first ... of the
 * parameter's first dimension. */
drift_status weights_take(weights *w, int i, weights_layout layout,
                          const char *name_format, ...)
    DRIFT_PRINTF(4, 5) DRIFT_MUST_CHECK;
drift_status weights_take_rows(weights *w, int i, size_t first, size_t count,
                               weights_layout layout, const char *name_format,
                               ...) DRIFT_PRINTF(6, 7) DRIFT_MUST_CHECK;
/* Piece number `part` of `parts` equal ones along theirs' first dimension. */
drift_status weights_take_part(weights *w, int i, size_t part, size_t parts,
                               weights_layout layout, const char *name_format,
                               ...) DRIFT_PRINTF(6, 7) DRIFT_MUST_CHECK;
/* A convolution without bias and the frozen batch normalisation after it
 * (networks-and-formats 3.1) as one convolution: OIHW `conv`.weight,
 * `norm`.weight, .bias, .running_mean, .running_var; num_batches_tracked is
 * ignored. */
drift_status weights_fold(weights *w, int weight, int bias, float eps,
                          const char *conv, const char *norm) DRIFT_MUST_CHECK;
/* Multiply output j of parameter i, [...,out], by number j of the array: a
 * scale per channel that follows a linear layer. */
drift_status weights_scale(weights *w, int i, const char *name_format, ...)
    DRIFT_PRINTF(3, 4) DRIFT_MUST_CHECK;

/* Arrays that nothing is wanted of, by a pattern as the shell's. */
void weights_ignore(weights *w, const char *pattern);
/* One more thing that does not fit; with a log line of its own. What was said
 * before is not said again. */
void weights_complain(weights *w, const char *format, ...) DRIFT_PRINTF(2, 3);

/* The end: with `status` DRIFT_OK, an error that lists what did not fit. */
drift_status weights_close(weights *w, drift_status status) DRIFT_MUST_CHECK;

#endif
