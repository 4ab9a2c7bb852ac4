/* The configuration: what a YAML file, `key=value` arguments and a checkpoint
 * say of a run. One table (config_table.c) gives name, type, unit, range,
 * default and help of each key; reader, writer, listing, man page check and
 * digest follow from it.
 *
 * The public handle `drift_config` of drift.h is this struct. */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include "base/digest.h"
#include "base/error.h"
#include "data/data.h"
#include "drift/config.h"
#include "nn/encoder.h"
#include "nn/generator.h"

#define CONFIG_MAX_EMA 8

enum { SCHEDULE_CONSTANT, SCHEDULE_COSINE };

typedef struct optimizer_config {
    double lr;
    int64_t warmup_steps; /* linear from 1e-6 */
    int schedule;         /* SCHEDULE_* */
    int64_t total_steps;  /* of the schedule; config_resolve: never 0 */
    double beta1, beta2, eps;
    double weight_decay; /* on every parameter */
    double clip_norm;    /* of all gradients; 0 = off */
    float ema[CONFIG_MAX_EMA];
    int ema_count; /* the first is the one that is used; 0 = none */
} optimizer_config;

enum {
    OBJECTIVE_CLASSIFIER,
    OBJECTIVE_AUTOENCODER,
    OBJECTIVE_SIMCLR,
    OBJECTIVE_MAE,
    OBJECTIVE_COUNT
};

typedef struct encoder_training {
    int objective;          /* OBJECTIVE_* */
    encoder_config network; /* what follows from data and objective is filled
                               in where it is made */
    int stages;             /* of network.blocks */
    int batch;
    float label_smoothing; /* classifier */
    float temperature;     /* simclr */
    int projection;        /* simclr */
    int mask_patch;        /* mae: side of the squares that are hidden */
    float mask_ratio;      /* mae */
    int64_t class_steps;   /* mae: the last ones, with a class loss */
    float class_weight;    /* mae: of that loss, the other has the rest */
    augmentation augment;
} encoder_training;

typedef struct run_config {
    char *name;
    int64_t steps;
    double minutes; /* whichever of steps and minutes ends first; 0 = off */
    int64_t seed;
    int64_t save_every; /* steps; 0 = only at the end */
    int keep_last;      /* checkpoints beside latest; 0 = none */
    int64_t log_every;
    int64_t preview_every; /* steps; 0 = only at the end */
    int preview_count;     /* images of a grid, or points */
    float preview_alpha;
    int gif;                /* GIF of the previews at the end */
    int preflight;          /* check the field on the device before step 0 */
    int64_t evaluate_every; /* steps; 0 = never */
    int evaluate_count;     /* samples */
    char *evaluate_network; /* that looks at them; NULL: the data's own */
} run_config;

struct drift_config {
    drift_subject subject; /* what is trained: which sections there are */
    data_config data;
    generator_config generator;
    features_config features;
    encoder_training encoder;
    drifting_config drift;
    guidance_config guidance;
    optimizer_config optimizer;
    run_config run;
};
typedef struct drift_config config;

/* -- the table ---------------------------------------------------------- */

typedef enum key_type {
    KEY_BOOL,   /* int, true or false */
    KEY_INT,    /* int */
    KEY_LONG,   /* int64_t */
    KEY_SIZE,   /* int64_t of bytes, "2 GiB" */
    KEY_FLOAT,  /* float */
    KEY_DOUBLE, /* double */
    KEY_ENUM,   /* int, one of `names` */
    KEY_TEXT,   /* char *, owned */
    KEY_FLOATS, /* float[max] with its int count */
    KEY_TEXTS,  /* char *, owned: the items with commas between them */
    KEY_INTS    /* int[max] with its int count */
} key_type;

/* What a change of the key means. */
#define KEY_NO_RESULT 1 /* no influence on the weights: not in the digest */
/* In a section that all runs have, but of generators alone. */
#define KEY_GENERATOR 2

/* A range without an end: whole numbers up to here are exact in a double. */
#define CONFIG_UNBOUNDED 1e15

typedef struct config_key {
    const char *name; /* "generator.hidden" */
    key_type type;
    size_t offset, count_offset; /* in config */
    int room;                    /* of a list */
    double low, high;            /* range, both included */
    const char *const *names;    /* of an enum, up to NULL */
    const char *fallback;        /* default, as text */
    const char *unit;            /* "" when it has none */
    const char *help;            /* one sentence without its full stop */
    int flags;
} config_key;

extern const config_key config_keys[];
extern const size_t config_key_count;

/* Whether configurations of a subject have the key. */
int config_has(drift_subject subject, const config_key *key);

/* -- life --------------------------------------------------------------- */

drift_status config_new(drift_context *ctx, drift_subject subject,
                        config **out) DRIFT_MUST_CHECK;
void config_free(config *c); /* NULL is fine */
drift_status config_copy(drift_context *ctx, const config *c,
                         config **out) DRIFT_MUST_CHECK;

/* -- text in ------------------------------------------------------------ */

/* Whether the YAML text has a section of another subject alone; text that is
 * no YAML has none. */
int config_is_of_other(drift_subject subject, const char *text, size_t size);
/* Set the keys that the YAML text names; the others stay. `file` is for the
 * error texts. Either all keys are taken or none. */
drift_status config_parse(drift_context *ctx, config *c, const char *file,
                          const char *text, size_t size) DRIFT_MUST_CHECK;
/* One key from text; `where` opens the error text ("argument 'a=b'"). */
drift_status config_set(drift_context *ctx, config *c, const char *where,
                        const char *key, const char *value) DRIFT_MUST_CHECK;
/* Fill what follows from other keys (total_steps) and check what one key
 * alone cannot tell. Call once, after all keys are set. */
drift_status config_resolve(drift_context *ctx, config *c) DRIFT_MUST_CHECK;

/* -- text out ----------------------------------------------------------- */

/* A key's value as the YAML shows it; free with mem_free. NULL: memory. */
char *config_value(drift_context *ctx, const config *c, const config_key *key);
/* The complete configuration as YAML; free with mem_free. */
drift_status config_text(drift_context *ctx, const config *c,
                         char **out) DRIFT_MUST_CHECK;
/* Of all keys that influence the weights. */
drift_status config_digest(drift_context *ctx, const config *c,
                           char text[DIGEST_TEXT]) DRIFT_MUST_CHECK;

#endif
