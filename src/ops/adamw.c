/* adamw: shape checks, and how its arguments follow from the step. */
#include <math.h>

#include "ops/check.h"

adamw_args adamw_args_of(double lr, double beta1, double beta2, double eps,
                         double weight_decay, uint64_t step)
{
    double t = (double)step + 1;
    return (adamw_args){.lr = (float)lr,
                        .beta1 = (float)beta1,
                        .beta2 = (float)beta2,
                        .eps = (float)eps,
                        .weight_decay = (float)weight_decay,
                        .rate1 = (float)(1 - beta1),
                        .rate2 = (float)(1 - beta2),
                        .correction1 = (float)(1 - pow(beta1, t)),
                        .correction2 = (float)(1 - pow(beta2, t))};
}

static int is_rate(float rate, float beta)
{
    return fabsf(1 - beta - rate) < 1e-6f;
}

drift_status check_adamw(drift_context *ctx, tensor *p, tensor *m, tensor *v,
                         const tensor *g, const tensor *scale, adamw_args args)
{
    size_t n = tensor_count(p);
    if (tensor_count(m) != n || tensor_count(v) != n || tensor_count(g) != n)
        return check_failed(ctx, "adamw", "p, m, v and g differ", p, m, v, g,
                            NULL);
    if (scale && tensor_count(scale) != 1)
        return check_failed(ctx, "adamw", "the scale is not [1]", scale, NULL);
    if (!is_rate(args.rate1, args.beta1) || !is_rate(args.rate2, args.beta2))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "adamw: rates %g and %g are not 1 - %g and 1 - %g",
                     (double)args.rate1, (double)args.rate2, (double)args.beta1,
                     (double)args.beta2);
    return DRIFT_OK;
}
