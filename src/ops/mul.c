/* Shape checks of mul: b's elements repeat under a. */
#include "ops/check.h"

static drift_status check(drift_context *ctx, const tensor *y, const tensor *a,
                          const tensor *b)
{
    if (!same_shape(y, a))
        return check_failed(ctx, "mul", "y and a differ", y, a, NULL);
    if (!tensor_count(b) || tensor_count(a) % tensor_count(b))
        return check_failed(ctx, "mul", "b does not repeat evenly in a", a, b,
                            NULL);
    return DRIFT_OK;
}

drift_status check_mul_fwd(drift_context *ctx, tensor *y, const tensor *a,
                           const tensor *b)
{
    return check(ctx, y, a, b);
}

drift_status check_mul_bwd(drift_context *ctx, tensor *da, tensor *db,
                           const tensor *dy, const tensor *a, const tensor *b)
{
    if (da && !same_shape(da, a))
        return check_failed(ctx, "mul", "da and a differ", da, a, NULL);
    if (db && tensor_count(db) != tensor_count(b))
        return check_failed(ctx, "mul", "db and b differ", db, b, NULL);
    return check(ctx, dy, a, b);
}
