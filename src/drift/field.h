/* The drifting field: section `drift` of the configuration, the statistics of
 * op_field, and what follows from its arguments. method.md section 2. */
#ifndef DRIFT_FIELD_H
#define DRIFT_FIELD_H

#include "ops/ops.h"

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

/* Section `drift` of the configuration. */
typedef struct drift_config {
    int classes_per_step; /* Nc, class entries of a step */
    int generated;        /* N, samples generated an entry */
    int positives;        /* P, real samples an entry */
    int negatives;        /* M, unconditional real samples an entry */
    int variant;          /* FIELD_RELEASE, _PAPER, _TOY */
    int kernel;           /* FIELD_LAPLACE, _GAUSSIAN */
    int normalization;    /* FIELD_XY ... _SINKHORN */
    float temperatures[FIELD_MAX_R];
    int temperature_count;
    float attraction, repulsion;
    int scale_features, scale_drift;
    int64_t memory;       /* bytes of a training step's working set; 0: as it
                             likes */
    int64_t field_memory; /* bytes op_field may use beyond its arguments */
    int whole_set;        /* positives from all samples, no rings */
    int bank_per_class;   /* ring sizes */
    int bank_unconditional;
    int push_per_step; /* fresh samples a step */
} drift_config;

/* The names of the values above, in the order of their numbers, NULL-ended. */
extern const char *const field_variant_names[];
extern const char *const field_kernel_names[];
extern const char *const field_normalization_names[];

/* What the op is called with in training (queries_are_targets = 1). The toy
 * variant has no scale and no drift normalisation whatever the switches say. */
field_args field_args_of(const drift_config *config);

/* s of step 3: what features were divided by, given `scale` of the
 * statistics; 1 without feature scaling. The gradient of the loss in a
 * family's features is -2 V / (s G N D). */
double field_feature_scale(const field_args *args, double scale, size_t d);

#endif
