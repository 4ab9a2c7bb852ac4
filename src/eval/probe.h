/* How well a feature family tells classes apart, and how its distances are
 * spread: what to know of an encoder before training in its features. */
#ifndef EVAL_PROBE_H
#define EVAL_PROBE_H

#include "ops/tensor.h"

typedef struct probe_result {
    double nearest;    /* share of samples whose nearest neighbour, in all
                          numbers of the family, is of their class */
    double class_mean; /* the same of the nearest mean of a class; the sample
                          itself does not count to its class's */
    /* Of the distances at single locations, as the field takes them: */
    double within, between; /* mean of pairs of one class and of two */
    double low, median;     /* 1st and 50th percentile by the mean */
    double share;           /* mean distance to the nearest by the mean */
} probe_result;

/* values [n,f,c] on the host, n >= 2; labels [n] below `classes`. A class of
 * one sample counts as wrong. */
drift_status probe_family(drift_context *ctx, const float *values, size_t n,
                          size_t f, size_t c, const int *labels, int classes,
                          probe_result *out) DRIFT_MUST_CHECK;

#endif
