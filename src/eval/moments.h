/* Mean and covariance of features that come a batch at a time, in double. */
#ifndef EVAL_MOMENTS_H
#define EVAL_MOMENTS_H

#include "base/error.h"

typedef struct moments {
    size_t n, d;
    double *mean;       /* [d] */
    double *covariance; /* [d,d], divided by n - 1 */
    double *about;      /* [d]: while samples come, mean is the sum of what they
                           are more than this, covariance that of its products */
} moments;

/* Zeros for d features; n is 0. */
drift_status moments_new(drift_context *ctx, size_t d,
                         moments *out) DRIFT_MUST_CHECK;
void moments_free(moments *m);

/* Add x [n,d]. Sums are taken about the mean of what came first, so that they
 * do not lose what they are the difference of. */
drift_status moments_add(drift_context *ctx, moments *m, const float *x,
                         size_t n) DRIFT_MUST_CHECK;
/* Turn the sums of at least two samples into what the fields say. */
drift_status moments_finish(drift_context *ctx, moments *m) DRIFT_MUST_CHECK;

/* Finished moments as other programs have them: mu [d] and sigma [d,d], f64, in
 * a .npz. Read as f32, too, and as ref_mu and ref_sigma; other arrays do not
 * matter, and n stays 0. What is no mean and covariance, or not finite, is
 * refused. */
drift_status moments_read(drift_context *ctx, const char *path,
                          moments *out) DRIFT_MUST_CHECK;
drift_status moments_write(drift_context *ctx, const char *path,
                           const moments *m) DRIFT_MUST_CHECK;

/* Sum of the variances. */
double moments_trace(const moments *m);

#endif
