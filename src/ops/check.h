/* Words for the shape checks of src/ops/<op>.c. */
#ifndef OPS_CHECK_H
#define OPS_CHECK_H

#include "ops/backend.h"

/* Record "OP: WHAT: [2,3] [3,4]": the shapes are those of the tensors given,
 * up to a NULL. Returns DRIFT_ERROR_SHAPE. */
drift_status check_failed(drift_context *ctx, const char *op, const char *what,
                          ...);

static inline int same_shape(const tensor *a, const tensor *b)
{
    return shape_equal(a->shape, b->shape);
}

static inline size_t last_dim(const tensor *t)
{
    return t->shape.ndim ? t->shape.dim[t->shape.ndim - 1] : 1;
}

#endif
