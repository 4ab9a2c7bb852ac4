/* Gradients against finite differences: along one random direction for each
 * tensor, by five points, the loss summed in double. */
#ifndef TESTS_GRAD_SLOPE_H
#define TESTS_GRAD_SLOPE_H

#include "tape/tape.h"

#define SLOPE_INPUTS 160

typedef struct slope slope;
typedef var *slope_function(slope *s, tape *t, void *arg);

struct slope {
    drift_context *ctx;
    const char *name;
    slope_function *f; /* y from the tensors in `value`, see slope_leaf */
    void *arg;
    size_t count;
    const char *names[SLOPE_INPUTS]; /* NULL: none */
    tensor value[SLOPE_INPUTS], grad[SLOPE_INPUTS];
    int frozen[SLOPE_INPUTS]; /* no gradient wanted */
    int owned[SLOPE_INPUTS];  /* slope_free frees them */
    double step;              /* 0 = 1/128 */
    double terms; /* rounded operations behind an element of y; 0 = 16 */
};

drift_context *slope_context(int threads);

/* Tensor i as a leaf. */
var *slope_leaf(slope *s, tape *t, size_t i);

/* Add a tensor of its own, uniform in [low,high), with a zero gradient; its
 * number. */
size_t slope_add(slope *s, shape sizes, double low, double high);

/* Run, compare, fail the test with a text on a difference. */
void slope_check(slope *s);
/* Run forward and backward once: gradients are left in s->grad. */
void slope_run(slope *s, int record);
void slope_free(slope *s);

#endif
