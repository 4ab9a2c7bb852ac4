/* Sections `features`, `drift` and `guidance` of the configuration. Names,
 * units, ranges and defaults are in src/train/config_table.c. */
#ifndef DRIFT_CONFIG_H
#define DRIFT_CONFIG_H

#include <stdint.h>

#include "shared/args.h"

/* What samples are compared in, method.md section 3. */
typedef struct features_config {
    char *encoders;       /* files or names in data/weights, see base/items.h */
    char *families;       /* PATTERN or PATTERN=WEIGHT, see drift/features.h */
    int train_encoder;    /* the encoders are trained along */
    int cache;            /* features of real images are computed once */
    int64_t cache_memory; /* bytes of them in memory; more: a file */
    int cache_type;       /* STORE_* */
    char *cache_file;     /* "": in the folder of the run, where needed */
} features_config;

enum { POSITIVES_RANDOM, POSITIVES_NEAREST };

typedef struct drifting_config {
    /* variant, kernel, normalization, temperatures, attraction, repulsion,
     * scale_features, scale_drift. queries_are_targets is 1: the field of a
     * training step. */
    field_args field;
    int classes;            /* Nc a step; 0 = all classes of the data */
    int generated;          /* N samples a class */
    int positives;          /* P real samples a class */
    int positives_choice;   /* POSITIVES_* */
    char *nearest_family;   /* in which they are near; "" = the last */
    float nearest_random;   /* share of P that is drawn at random then */
    int negatives;          /* M unconditional real samples a class */
    int bank;               /* ring a class; 0 = the whole set is the bank */
    int bank_unconditional; /* ring without classes; as bank = 0 unused */
    int push;               /* fresh real samples a step, at least */
    int64_t memory;         /* bytes for a step's tensors; 0 = unbounded */
    int micro_batch; /* samples recorded at once; 0 = what memory allows */
} drifting_config;

/* Method.md section 4: alpha's density is alpha^-power on [min,max]. */
typedef struct guidance_config {
    float alpha_min, alpha_max;
    float power;
    float no_cfg_frac; /* share of draws with alpha = 1 */
} guidance_config;

#endif
