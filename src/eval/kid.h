/* Kernel distance of two sets of features (KID with Inception's): the unbiased
 * estimate of the squared MMD with the kernel (x.y / d + 1)^3. Unlike the
 * Frechet distance it has no bias from the number of samples; it may be below
 * 0. method.md section 9, networks-and-formats.md 4.2. */
#ifndef EVAL_KID_H
#define EVAL_KID_H

#include "base/error.h"

typedef struct kid_result {
    double mean, deviation; /* over the subsets; the population's */
    size_t subsets, size;
} kid_result;

/* Of `subsets` pairs of subsets of `size` samples, drawn as torch-fidelity does
 * (RandomState(seed), from x, then y), or of the smaller set's where that is
 * less; with a size of 0, of all samples. */
drift_status kid_subsets(drift_context *ctx, const float *x, size_t n,
                         const float *y, size_t m, size_t d, size_t subsets,
                         size_t size, uint32_t seed,
                         kid_result *out) DRIFT_MUST_CHECK;

#endif
