/* The features of all real images, when the encoder is frozen: computed once,
 * kept on disk from run to run, and from then on only gathered. Rows are
 * images, by their index in the data set; a row has the same families as a
 * sample of src/drift/features.h, [F,C] each. */
#ifndef DRIFT_STORE_H
#define DRIFT_STORE_H

#include <stdint.h>

#include "drift/features.h"

typedef enum store_type { STORE_F16, STORE_F32 } store_type;

typedef struct store_family {
    char name[FEATURE_NAME];
    size_t locations, channels; /* F, C */
} store_family;

typedef struct store_plan {
    const store_family *families; /* copied */
    size_t family_count, rows;
    store_type type;
    /* The file that keeps it; it need not be there. NULL: in memory. */
    const char *path;
    size_t memory; /* bound of the latter; 0 = unbounded */
    /* Digest of all that the numbers follow from: images, encoder, weights. */
    const char *key;
} store_plan;

typedef struct feature_store feature_store;

/* A file at `path` with these families, rows, type and key is taken as it is,
 * and store_complete is 1. Any other is made anew, for whatever is wrong with
 * it, and the log says what; until feature_store_finish it stays. Too large for
 * the memory, a full disk: errors here, before any work. */
drift_status feature_store_new(drift_context *ctx, const store_plan *plan,
                               feature_store **out) DRIFT_MUST_CHECK;
void feature_store_free(feature_store *s); /* NULL is fine; unfinished: gone */
int feature_store_complete(const feature_store *s);
size_t feature_store_bytes(const feature_store *s); /* of all rows */
/* F*C of a family, 0 where there is none. */
size_t feature_store_numbers(const feature_store *s, size_t family);

/* values [count,F,C] of rows first ... first + count - 1. NaN, infinity, and
 * for f16 what rounds to it, are DRIFT_ERROR_NUMBER and name the family.
 * Threads may put different rows side by side. */
drift_status feature_store_put(feature_store *s, size_t family, size_t first,
                               size_t count,
                               const float *values) DRIFT_MUST_CHECK;
/* When every family of every row was put: the file appears under its name, and
 * the store is complete. */
drift_status feature_store_finish(feature_store *s) DRIFT_MUST_CHECK;

/* out [count,F,C] = these rows, in any order, of a complete store. */
drift_status feature_store_gather(feature_store *s, size_t family,
                                  const int64_t *rows, size_t count,
                                  float *out) DRIFT_MUST_CHECK;

/* These rows will be gathered, of whatever families: from a file, reading them
 * begins, beside all that is done until then. Only a matter of time. */
drift_status feature_store_expect(feature_store *s, const int64_t *rows,
                                  size_t count) DRIFT_MUST_CHECK;

#endif
