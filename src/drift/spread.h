/* Is a class collapsing? method.md section 2, "Diagnostics". */
#ifndef DRIFT_SPREAD_H
#define DRIFT_SPREAD_H

#include "ops/tensor.h"

/* Spread of each entry: sqrt(mean over coordinates of the variance over its
 * generated samples / the same of its positives), gen [Nc*N,...], pos
 * [Nc*P,...], out [Nc] on the host. NAN where N < 2 or the data do not vary. */
drift_status spread_measure(drift_context *ctx, size_t entries,
                            const tensor *gen, const tensor *pos,
                            float *out) DRIFT_MUST_CHECK;

#define COLLAPSE_SPREAD .1f
#define COLLAPSE_STEPS  20

/* Watches the logged spreads of each class. */
typedef struct collapse_watch {
    int classes;
    int *below; /* logged steps in a row under COLLAPSE_SPREAD */
} collapse_watch;

drift_status collapse_watch_new(drift_context *ctx, int classes,
                                collapse_watch *out) DRIFT_MUST_CHECK;
void collapse_watch_free(collapse_watch *w);
/* Give a class's spread of a logged step after warm-up; 1 when the class has
 * just been below for COLLAPSE_STEPS in a row (said once until it recovers). */
int collapse_watch_add(collapse_watch *w, int class_index, float spread);

#endif
