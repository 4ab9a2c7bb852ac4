/* Checkpoints: safetensors files with everything a run needs to go on.
 *
 *     model.NAME            the weights
 *     ema.DECAY.NAME        each EMA
 *     optimizer.m.NAME, .v.NAME
 *     bank.*                rings as data indices, positions, counts
 *     collapse.below        the watch over each class
 *     features.digest       encoders and families
 *     encoder.N.*           those that are trained along
 *     decoder.*             of the autoencoder whose latents are made
 *
 * and in the metadata the step, the complete configuration as YAML, what the
 * samples are, the names of their classes, digests of configuration and data,
 * and a digest of the file's own content: a file torn or changed anywhere is
 * refused. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "formats/safetensors.h"
#include "train/optimizer.h"

/* Where a model's decoder is, if its samples are latents; see
 * encoder_to_arrays. */
#define DECODER_ARRAYS "decoder"

typedef struct checkpoint_facts {
    int64_t step;   /* steps done */
    int64_t images; /* samples generated */
    double seconds; /* of training */
    sample_shape sample;
    int points;         /* samples are coordinates, not pixels */
    char **class_names; /* [sample.classes], or NULL */
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
    checkpoint_facts facts; /* owns its class_names */
} checkpoint;

/* The path of a run's latest checkpoint (mem_free, also after a failure). */
drift_status checkpoint_latest(drift_context *ctx, const char *folder,
                               char **out) DRIFT_MUST_CHECK;

/* Open and check a file. *out is to be closed even after a failure. */
drift_status checkpoint_open(drift_context *ctx, const char *path,
                             checkpoint *out) DRIFT_MUST_CHECK;
void checkpoint_close(checkpoint *c); /* {0} is fine */

/* The keys of the metadata, that of the content's digest last. */
#define CHECKPOINT_KEYS 12
extern const char *const checkpoint_keys[CHECKPOINT_KEYS];
/* The digest of a file's own content: of the values of all keys but the last,
 * and of every array: name, type, shape, bytes. */
drift_status checkpoint_digest(drift_context *ctx, const array_list *arrays,
                               const char *const values[CHECKPOINT_KEYS],
                               char text[DIGEST_TEXT]) DRIFT_MUST_CHECK;

/* The configuration in it, resolved; free with config_free. Where another
 * subject was trained, DRIFT_ERROR_USAGE says so. */
drift_status checkpoint_config(drift_context *ctx, const checkpoint *c,
                               drift_subject subject,
                               config **out) DRIFT_MUST_CHECK;

/* One set of numbers in the layout of `p` into `flat`: "model", "ema.0.999",
 * "optimizer.m", "optimizer.v". */
drift_status checkpoint_read(drift_context *ctx, const checkpoint *c,
                             const char *set, const params *p,
                             tensor *flat) DRIFT_MUST_CHECK;

#define SET_TEXT 32
/* The set that an --ema NAME means: "none" or "model" the weights, else "0.999"
 * or "ema.0.999". */
void checkpoint_set_name(const char *name, char text[SET_TEXT]);
/* The same where the file has it; NULL is the configuration's first EMA, the
 * weights when there is none. */
drift_status checkpoint_set(drift_context *ctx, const checkpoint *c,
                            const config *run, const char *name,
                            char text[SET_TEXT]) DRIFT_MUST_CHECK;

#endif
