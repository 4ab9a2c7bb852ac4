/* Positives of a class entry that lie near its generated samples, by their
 * distance in one feature family; a share of them is drawn at random, so that
 * what no sample is near to is seen, too. */
#ifndef DRIFT_NEAREST_H
#define DRIFT_NEAREST_H

#include "drift/store.h"

typedef struct nearest_input {
    feature_store *store; /* complete */
    size_t family;
    const tensor *gen;         /* [N,F,C] of this entry */
    const int64_t *candidates; /* rows of its class in the store, ascending */
    size_t count;              /* of them, at least P */
    float share;               /* of P, at random; 0 ... 1 */
} nearest_input;

/* P different candidates into out. The first P - round(share P) are taken in
 * turn, each by the next of the N generated samples, round and round: the
 * nearest that is not taken yet, of equal ones the lower row. The others are
 * drawn from those left, with words first, first + 1, ... of the stream, one
 * each. A distance that is not finite is DRIFT_ERROR_NUMBER.
 *
 * 32 MiB and N x count distances are used beyond the arguments, whatever the
 * memory of the step, on which the choice must not depend. */
drift_status nearest_positives(drift_context *ctx, const nearest_input *in,
                               rng_stream stream, uint64_t first, int64_t *out,
                               size_t p) DRIFT_MUST_CHECK;

#endif
