/* The order in which a run goes through its data: a permutation an epoch, a
 * function of seed and epoch. */
#ifndef TRAIN_LOADER_H
#define TRAIN_LOADER_H

#include <stdint.h>

#include "base/error.h"

typedef struct loader {
    uint64_t seed;
    size_t count;    /* of the data */
    uint32_t *order; /* [count], of `epoch`; NULL: none yet */
    int64_t epoch;
} loader;

/* The index of the q-th sample since the run began. */
drift_status loader_sample(drift_context *ctx, loader *l, int64_t q,
                           int64_t *index) DRIFT_MUST_CHECK;
void loader_free(loader *l); /* {0} is fine */

#endif
