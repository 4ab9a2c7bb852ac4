/* Banks of real samples, held as indices into the data set: a ring a class
 * and one ring of all, or the whole set. method.md section 5, "Bank to the
 * letter". */
#ifndef DRIFT_BANK_H
#define DRIFT_BANK_H

#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

/* `classes` rings of `size` slots. In the whole-set form the rings have the
 * sizes of the classes: ring c is index[start[c] ... start[c+1]). */
typedef struct rings {
    int classes;
    size_t size;       /* slots of each; 0 in the whole-set form */
    size_t *start;     /* [classes+1] */
    int64_t *index;    /* data indices, [start[classes]] */
    int64_t *position; /* [classes], next slot to be written */
    int64_t *count;    /* [classes], slots in use */
} rings;

/* A checkpoint holds index, position and count of both. */
typedef struct bank {
    drift_context *ctx;
    rings by_class, all; /* all: one ring, every label */
    int whole;           /* whole-set form: nothing is pushed */
    int *batch;          /* labels of the last batch pushed */
    size_t batch_count, batch_room;
    unsigned char *drawn; /* marks of a draw without replacement */
} bank;

/* Empty rings. */
drift_status bank_new(drift_context *ctx, int classes, size_t per_class,
                      size_t unconditional, bank **out) DRIFT_MUST_CHECK;
/* Every sample 0 ... count-1 with its label; a class without any sample is an
 * error. */
drift_status bank_new_whole(drift_context *ctx, int classes, const int *labels,
                            size_t count, bank **out) DRIFT_MUST_CHECK;
void bank_free(bank *b); /* NULL is fine */

/* Push a batch of the loader, in order, into its classes' rings and the ring
 * of all; its labels are kept for bank_labels. Labels out of range are an
 * error. */
drift_status bank_push(bank *b, const int64_t *index, const int *label,
                       size_t count) DRIFT_MUST_CHECK;

/* The class entries of a step: n labels drawn without replacement from the
 * last batch pushed (a class may come twice); in the whole-set form
 * permutations of the classes, one after the other. Stream: RNG_LABEL. */
drift_status bank_labels(bank *b, rng_stream stream, int *out,
                         size_t n) DRIFT_MUST_CHECK;

/* n data indices of class c, or of all classes: without replacement while the
 * ring holds n, else with. Words first ... first+n-1 of the stream are used.
 * An empty ring is an error. */
drift_status bank_positives(bank *b, int c, rng_stream stream, uint64_t first,
                            int64_t *out, size_t n) DRIFT_MUST_CHECK;
drift_status bank_negatives(bank *b, rng_stream stream, uint64_t first,
                            int64_t *out, size_t n) DRIFT_MUST_CHECK;

#endif
