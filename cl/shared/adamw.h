/* One parameter's step of AdamW, method.md section 5; the same in C and
 * OpenCL. With g' = scale g:
 *     m = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2
 *     p -= lr ((m / correction1) / (sqrt(v / correction2) + eps) + decay p) */
#ifndef CL_SHARED_ADAMW_H
#define CL_SHARED_ADAMW_H

#include "shared/args.h"
#include "shared/portable.h"

/* p after the step with the gradient `scaled`; *m and *v are updated. */
static inline float adamw_step(float p, float *m, float *v, float scaled,
                               adamw_args args)
{
    *m = args.beta1 * *m + args.rate1 * scaled;
    *v = args.beta2 * *v + args.rate2 * (scaled * scaled);
    float way =
        *m / args.correction1 / (shared_sqrt(*v / args.correction2) + args.eps);
    return p - args.lr * (way + args.weight_decay * p);
}

#endif
