/* The statistics of op_field, and what follows from its arguments. method.md
 * section 2. */
#ifndef OPS_FIELD_H
#define OPS_FIELD_H

#include <math.h>
#include <stddef.h>

#include "shared/args.h"

/* stats of op_field, for nR temperatures:
 *   [0] scale (step 2)
 *   [1 + 0*nR + j] m_R, raw mean square drift of temperature j
 *   [1 + 1*nR + j] mean square after normalisation
 *   [1 + 2*nR + j] mean over rows of the ESS over the positives
 *   [1 + 3*nR + j] its 10th percentile */
#define FIELD_STATS(nr)          (1 + 4 * (size_t)(nr))
#define FIELD_STAT_SCALE         0
#define FIELD_STAT_RAW(nr, j)    (1 + (size_t)(j))
#define FIELD_STAT_NORMED(nr, j) (1 + (size_t)(nr) + (size_t)(j))
#define FIELD_STAT_ESS(nr, j)    (1 + 2 * (size_t)(nr) + (size_t)(j))
#define FIELD_STAT_ESS10(nr, j)  (1 + 3 * (size_t)(nr) + (size_t)(j))

/* The switches as they count: off for the toy. */
static inline int field_scales_features(const field_args *args)
{
    return args->variant != FIELD_TOY && args->scale_features;
}

static inline int field_scales_drift(const field_args *args)
{
    return args->variant != FIELD_TOY && args->scale_drift;
}

/* s of step 3: what features were divided by, given `scale` of the
 * statistics; 1 without feature scaling. The gradient of the loss in a
 * family's features is -2 V / (s G N D). */
static inline double field_feature_scale(const field_args *args, double scale,
                                         size_t d)
{
    double s = scale / sqrt((double)d);
    return !field_scales_features(args) ? 1 : s < 1e-3 ? 1e-3 : s;
}

#endif
