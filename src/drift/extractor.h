/* The features of samples that a configuration asks for: pixels, and what one
 * or more frozen encoders make of them. method.md section 3. */
#ifndef DRIFT_EXTRACTOR_H
#define DRIFT_EXTRACTOR_H

#include "base/digest.h"
#include "drift/config.h"
#include "drift/features.h"
#include "drift/store.h"

#define EXTRACTOR_ENCODERS 8

typedef struct extractor {
    drift_context *ctx;
    encoder *decoder; /* borrowed: samples are its latents; NULL: images */
    char *choice;     /* features.families */
    encoder *encoders[EXTRACTOR_ENCODERS];
    size_t maps[EXTRACTOR_ENCODERS]; /* that count, the first ones of each */
    size_t count;
    store_family *families; /* all that count, in their order */
    size_t family_count;
    char digest[DIGEST_TEXT]; /* of encoders and choice */
} extractor;

/* Where an encoder is that is a file, or the name of one in data/weights
 * (mem_free), and opening it. */
drift_status encoder_path(drift_context *ctx, const char *name,
                          char **path) DRIFT_MUST_CHECK;
typedef drift_status encoder_opener(drift_context *ctx, const char *path,
                                    encoder **out);
drift_status encoder_named(drift_context *ctx, const char *name,
                           encoder_opener *open,
                           encoder **out) DRIFT_MUST_CHECK;

/* Open the encoders, for samples of this shape; a pattern that fits no family
 * of theirs is an error that lists them. *x is to be freed even after a
 * failure. */
drift_status extractor_new(drift_context *ctx, const features_config *c,
                           sample_shape sample, encoder *decoder,
                           extractor *x) DRIFT_MUST_CHECK;
void extractor_free(extractor *x); /* {0} is fine */

/* The families of samples [b,h,w,c]; f is empty or to be replaced. Encoders
 * are given the images that latents mean, and the gradients come back through
 * their decoder; `global` is of the samples as they are. The second and further
 * encoders' names begin with "2.", "3." and so on. */
void extractor_run(const extractor *x, tape *t, features *f, var *sample);

#endif
