/* Shape checks of add: b's elements repeat under a. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *a,
                          const tensor *b)
{
    if (y && a && !same_shape(y, a))
        return check_failed(ctx, "add", "y and a differ", y, a, NULL);
    const tensor *whole = a ? a : y;
    if (whole && b &&
        (!tensor_count(b) || tensor_count(whole) % tensor_count(b)))
        return check_failed(ctx, "add", "b does not repeat evenly in a", whole,
                            b, NULL);
    return DRIFT_OK;
}

drift_status check_add_fwd(drift_context *ctx, tensor *y, const tensor *a,
                           const tensor *b, float alpha, float beta)
{
    (void)alpha;
    (void)beta;
    return check(ctx, y, a, b);
}

drift_status check_add_bwd(drift_context *ctx, tensor *da, tensor *db,
                           const tensor *dy, float alpha, float beta)
{
    (void)alpha;
    (void)beta;
    return check(ctx, dy, da, db);
}
