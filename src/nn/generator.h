/* Generators: noise, class, alpha and style indices to a sample in one pass.
 * Kinds: dit (nn/dit.c, method.md section 6), conv (nn/conv.c), mlp
 * (nn/mlp.c). The conditioning paths are common (nn/condition.c). */
#ifndef NN_GENERATOR_H
#define NN_GENERATOR_H

#include "nn/params.h"

typedef enum generator_kind {
    GENERATOR_DIT,
    GENERATOR_CONV,
    GENERATOR_MLP
} generator_kind;

/* Section `generator` of the configuration, see src/train/config_table.c for
 * the meaning and range of each. */
typedef struct generator_config {
    int kind;
    /* all */
    int hidden;      /* dit: width; conv: channels at the finest map;
                        mlp: width */
    int depth;       /* dit: blocks; conv: blocks a resolution; mlp: hidden
                        layers */
    int condition;   /* width of the conditioning vector; 0: dit and mlp =
                        hidden, conv = channels at the coarsest map */
    float noise_std; /* temperature of the noise */
    int use_class;   /* conditioning paths */
    int use_alpha;
    int style_tokens;     /* how many indices a sample; 0 = none */
    int style_codes;      /* rows of each table */
    int style_shared;     /* one table for all (PyTorch line) */
    int null_class;       /* an extra row of the class table (PyTorch line) */
    int alpha_max_period; /* 10000 (release), 10 (PyTorch line) */
    int alpha_norm;       /* release: 0.02 * RMSNorm(...) */
    float initial_spread; /* 0 = off; method.md section 2 */
    char *autoencoder;    /* file of one, "" = none; for train alone */
    int output_tanh;
    int zero_output; /* the last layer starts at zero (release) */
    int patch;       /* dit: size of a patch; conv: the output layer makes
                        patch x patch pixels a location; 1 = one */
    /* dit */
    int heads;
    int extra_tokens;      /* in-context or register tokens */
    int extra_conditioned; /* release: linear(cond) + table */
    int mlp_hidden;        /* 0 = the release's rounding; else the width */
    int mlp_bias;
    int qkv_bias;
    int position_table;
    int patch_order; /* PATCH_*, of the input side */
    int rope_bf16;   /* the release's rounded tables, method.md and
                        networks-and-formats 7.1 */
    int qk_norm;
    /* conv, mlp */
    int noise_dim; /* length of the noise vector */
    /* conv */
    int levels; /* resolutions; each doubles the one before */
    int groups; /* of GroupNorm */
    int smooth; /* maps grow by bilinear interpolation */
} generator_config;

/* What the samples are. */
typedef struct sample_shape {
    int height, width, channels; /* points: 1, 1, dimensions */
    int classes;                 /* 1 when there are none */
} sample_shape;

typedef struct generator_input {
    const tensor *noise; /* generator_noise_shape(g, b), temperature in it */
    const tensor *label; /* i32 [b,1]; classes = the null class; NULL when
                            use_class is off */
    const tensor *alpha; /* [b,1]; NULL when use_alpha is off */
    const tensor *style; /* i32 [b,style_tokens], each < style_codes; NULL when
                            there are none */
    tensor *noise_grad;  /* NULL, or where the noise's gradient is added */
} generator_input;

typedef struct generator generator;

/* What a kind provides; nn/generator.c calls it. */
typedef struct generator_ops {
    const char *name;
    drift_status (*declare)(generator *g); /* checks, params, tables */
    /* Before any tanh; noise and cond (NULL: no path is on) are on t. */
    var *(*forward)(generator *g, tape *t, const tensor *flat, var *noise,
                    var *cond);
    shape (*noise)(const generator *g, size_t b);
    void (*close)(generator *g); /* frees g->state; may be NULL */
} generator_ops;

/* The conditioning vector's parameters, -1 where a path is off. */
typedef struct condition {
    size_t width;
    int class_table, style_table;
    int alpha_w1, alpha_b1, alpha_w2, alpha_b2, alpha_norm;
} condition;

struct generator {
    drift_context *ctx;
    const generator_ops *ops;
    generator_config config;
    sample_shape sample;
    params params;
    condition condition;
    void *state;     /* of the kind */
    int last_weight; /* of the output layer, for initial_spread */
    /* Of an autoencoder whose latents the samples are, or NULL; owned. */
    struct encoder *decoder;
    /* Tests and diagnostics: called with inner values ("cond"; "block", 3;
     * "map", 1) as they are computed; NULL = not. */
    void (*watch)(void *data, const char *name, int index, var *value);
    void *watch_data;
};

/* Declare, allocate and draw the initial parameters (initial_spread is not
 * applied yet). */
drift_status generator_new(drift_context *ctx, const generator_config *config,
                           sample_shape sample, uint64_t seed, int with_grad,
                           generator **out) DRIFT_MUST_CHECK;
void generator_free(generator *g); /* NULL is fine */

shape generator_noise_shape(const generator *g, size_t b);

/* Samples [b,height,width,channels] with the parameters in `flat` (g's value
 * or an EMA); tanh included when configured. */
var *generator_forward(generator *g, tape *t, const tensor *flat,
                       const generator_input *in);
/* The same, before any tanh. */
var *generator_forward_raw(generator *g, tape *t, const tensor *flat,
                           const generator_input *in);

/* The images that the samples mean: themselves, or what the decoder makes of
 * them. */
var *generator_image(generator *g, tape *t, var *sample);
sample_shape generator_image_shape(const generator *g);

/* Scale the output layer so that the mean over coordinates of the standard
 * deviation, within a class, of the raw output is config.initial_spread
 * (method.md section 2); draws from (seed, RNG_INIT). */
drift_status generator_spread(generator *g, uint64_t seed) DRIFT_MUST_CHECK;

/* -- nn/condition.c: for the kinds ---------------------------------------- */

/* The 128 frequencies of alpha's sinusoids, period^(-k/128), made here. */
drift_status condition_frequencies(drift_context *ctx, double period,
                                   tensor *frequencies) DRIFT_MUST_CHECK;
drift_status condition_declare(generator *g, size_t width) DRIFT_MUST_CHECK;
/* cond [b,width], or NULL when no path is on. */
var *condition_forward(generator *g, tape *t, const tensor *flat,
                       const generator_input *in);
void generator_watch(generator *g, const char *name, int index, var *value);

extern const generator_ops dit_ops, conv_ops, mlp_ops;

#endif
