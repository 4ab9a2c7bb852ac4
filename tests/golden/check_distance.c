/* op_cdist: Euclidean distances in double. */
#include <string.h>

#include "golden.h"

/* The distances of x to y, stored as `want`. */
static drift_status check_pair(golden *g, const char *name, const char *second,
                               const char *want)
{
    drift_status status = DRIFT_OK;
    tensor *x, *y, *d;
    TRY(golden_load(g, &x, NULL, "%s.x", name));
    TRY(golden_load(g, &y, NULL, "%s.%s", name, second));
    size_t n = x->shape.dim[0], t = y->shape.dim[0], c = x->shape.dim[1];
    TRY(golden_output(g, &d, SHAPE(1, n, t)));
    tensor a = tensor_reshape(x, SHAPE(1, n, c));
    tensor b = tensor_reshape(y, SHAPE(1, t, c));
    TRY(op_distance_fwd(g->ctx, d, &a, &b));
    TRY(golden_near(g, d, NULL, "%s.%s", name, want));
out:
    return status;
}

static drift_status check_case(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    if (golden_find(g, "%s.y_true", name))
        TRY(check_pair(g, name, "y", "y_true"));
    else
        /* Output and second input share the name y: the input is lost. */
        golden_todo(g, name);
    if (golden_find(g, "%s.self_true", name))
        TRY(check_pair(g, name, "x", "self_true"));
out:
    return status;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_distance[] = {
    {"op_cdist.safetensors", check_file, 1e-5}, {0}};
