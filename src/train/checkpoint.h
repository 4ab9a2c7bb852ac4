/* Checkpoints: safetensors files with everything a run needs to go on.
 *
 *     model.NAME            the weights
 *     ema.DECAY.NAME        each EMA
 *     optimizer.m.NAME, .v.NAME
 *     bank.*                rings as data indices, positions, counts
 *
 * and in the metadata the step, the complete configuration as YAML, what the
 * samples are, digests of configuration and data, and a digest of the file's
 * own content: a file torn or changed anywhere is refused. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "formats/safetensors.h"
#include "train/optimizer.h"

typedef struct checkpoint_facts {
    int64_t step;   /* steps done */
    int64_t images; /* samples generated */
    double seconds; /* of training */
    sample_shape sample;
    int points; /* samples are coordinates, not pixels */
    char data_digest[DIGEST_TEXT];
} checkpoint_facts;

/* Write all of it to `path`, atomically. `more` (the banks) may be NULL. */
drift_status checkpoint_write(drift_context *ctx, const char *path,
                              const config *c, const checkpoint_facts *facts,
                              const optimizer *o,
                              const array_list *more) DRIFT_MUST_CHECK;

typedef struct checkpoint {
    char *path;
    safetensors file;
    checkpoint_facts facts;
} checkpoint;

/* Open and check a file. *out is to be closed even after a failure. */
drift_status checkpoint_open(drift_context *ctx, const char *path,
                             checkpoint *out) DRIFT_MUST_CHECK;
void checkpoint_close(checkpoint *c); /* {0} is fine */

/* The configuration in it, resolved; free with config_free. */
drift_status checkpoint_config(drift_context *ctx, const checkpoint *c,
                               config **out) DRIFT_MUST_CHECK;

/* One set of numbers in the layout of `p` into `flat`: "model", "ema.0.999",
 * "optimizer.m", "optimizer.v". */
drift_status checkpoint_read(drift_context *ctx, const checkpoint *c,
                             const char *set, const params *p,
                             tensor *flat) DRIFT_MUST_CHECK;

/* The set that an --ema NAME means: NULL is the configuration's first EMA (the
 * weights when it has none), "none" the weights, else "0.999". */
#define SET_TEXT 32
drift_status checkpoint_set(drift_context *ctx, const checkpoint *c,
                            const config *run, const char *name,
                            char text[SET_TEXT]) DRIFT_MUST_CHECK;

#endif
