/* Checks of op_field. The queries x are either the generated set itself
 * (queries_are_targets: gen is NULL or x, the self pair is masked) or points of
 * their own that lie in no set (gen may then be NULL: no generated samples). */
#include <math.h>

#include "ops/field.h"
#include "ops/check.h"

static int is_set(const tensor *t, const tensor *x)
{
    const size_t *d = t->shape.dim, *xd = x->shape.dim;
    return t->shape.ndim == 3 && d[0] == xd[0] && d[2] == xd[2];
}

/* w [g,k] belongs to set [g,k,d]. */
static int weighs(const tensor *w, const tensor *set)
{
    return !w ||
           (set && w->shape.ndim == 2 && w->shape.dim[0] == set->shape.dim[0] &&
            w->shape.dim[1] == set->shape.dim[1]);
}

static drift_status check_args(drift_context *ctx, const field_args *a)
{
    if (a->variant < 0 || a->variant > FIELD_TOY || a->shape < 0 ||
        a->shape > FIELD_GAUSSIAN || a->normalization < 0 ||
        a->normalization > FIELD_SINKHORN)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "field: variant %d, kernel %d or normalization %d is "
                     "not known",
                     a->variant, a->shape, a->normalization);
    if (a->temperatures < 1 || a->temperatures > FIELD_MAX_R)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "field: %d temperatures, allowed are 1 to %d",
                     a->temperatures, FIELD_MAX_R);
    for (int j = 0; j < a->temperatures; j++)
        if (!(a->r[j] >= 1e-6f && a->r[j] <= 1e6f))
            return ERROR(ctx, DRIFT_ERROR_USAGE,
                         "field: temperature %g is not within 1e-6 and 1e6",
                         (double)a->r[j]);
    if (!isfinite(a->attraction) || !isfinite(a->repulsion))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "field: attraction or repulsion is not finite");
    return DRIFT_OK;
}

drift_status check_field(drift_context *ctx, tensor *v, tensor *loss,
                         tensor *stats, const tensor *x, const tensor *gen,
                         const tensor *neg, const tensor *pos,
                         const tensor *w_gen, const tensor *w_neg,
                         const tensor *w_pos, field_args args, size_t memory)
{
    (void)memory;
    drift_status status = check_args(ctx, &args);
    if (status != DRIFT_OK)
        return status;
    if (x->shape.ndim != 3 || !tensor_count(x))
        return check_failed(ctx, "field", "x is not [g,n,d]", x, NULL);
    if (!same_shape(v, x))
        return check_failed(ctx, "field", "v and x differ", v, x, NULL);
    if (!is_set(pos, x) || !tensor_count(pos))
        return check_failed(ctx, "field", "pos is not [g,p,d]", x, pos, NULL);
    if (neg && !is_set(neg, x))
        return check_failed(ctx, "field", "neg is not [g,m,d]", x, neg, NULL);
    if (args.queries_are_targets) {
        if (gen && (gen->block != x->block || gen->offset != x->offset ||
                    !same_shape(gen, x)))
            return check_failed(ctx, "field",
                                "the queries are the targets, yet gen is "
                                "another tensor than x",
                                x, gen, NULL);
        gen = x;
    } else if (gen && !is_set(gen, x)) {
        return check_failed(ctx, "field", "gen is not [g,k,d]", x, gen, NULL);
    }
    if (!weighs(w_gen, gen) || !weighs(w_neg, neg) || !weighs(w_pos, pos))
        return check_failed(ctx, "field", "weights are not [g,k] of their set",
                            x,
                            w_gen   ? w_gen
                            : w_neg ? w_neg
                                    : w_pos,
                            NULL);
    if (loss->shape.ndim != 1 || loss->shape.dim[0] != x->shape.dim[0])
        return check_failed(ctx, "field", "loss is not [g]", loss, x, NULL);
    if (tensor_count(stats) != FIELD_STATS(args.temperatures))
        return check_failed(ctx, "field", "stats has another size", stats,
                            NULL);
    return DRIFT_OK;
}

drift_status check_field_gradient(drift_context *ctx, tensor *y,
                                  const tensor *v, const tensor *stats,
                                  field_args args, float factor)
{
    (void)factor;
    if (!v->shape.ndim || !same_shape(y, v))
        return check_failed(ctx, "field_gradient", "y and v differ", y, v,
                            NULL);
    if (tensor_count(stats) != FIELD_STATS(args.temperatures))
        return check_failed(ctx, "field_gradient", "stats has another size",
                            stats, NULL);
    return DRIFT_OK;
}
