/* Generators: noise, class, alpha and style indices to a sample in one pass.
 * Kinds: dit (nn/dit.c, method.md section 6), conv (nn/conv.c), mlp
 * (nn/mlp.c). */
#ifndef NN_GENERATOR_H
#define NN_GENERATOR_H

#include "nn/params.h"

typedef enum generator_kind {
    GENERATOR_DIT,
    GENERATOR_CONV,
    GENERATOR_MLP
} generator_kind;

/* Section `generator` of the configuration, see src/train/config.c for the
 * meaning and range of each. */
typedef struct generator_config {
    int kind;
    /* all */
    int hidden;          /* dit: width; conv: channels at the finest map;
                            mlp: width */
    int depth;           /* dit: blocks; conv: blocks a resolution; mlp: hidden
                            layers */
    float noise_std;     /* temperature of the noise */
    int use_class;       /* conditioning paths */
    int use_alpha;
    int style_tokens;    /* how many indices a sample; 0 = none */
    int style_codes;     /* rows of each table */
    int style_shared;    /* one table for all (PyTorch line) */
    float initial_spread; /* 0 = off; method.md section 2 */
    int output_tanh;
    int zero_output;     /* the last linear starts at zero (release) */
    /* dit */
    int patch;
    int heads;
    int condition;       /* width of cond; 0 = hidden */
    int extra_tokens;    /* in-context or register tokens */
    int extra_conditioned; /* release: linear(cond) + table */
    int mlp_hidden;      /* 0 = the release's rounding; else the width */
    int mlp_bias;
    int qkv_bias;
    int position_table;
    int patch_order;     /* PATCH_*, of the input side */
    int null_class;      /* an extra row of the class table (PyTorch line) */
    int alpha_max_period; /* 10000 (release), 10 (PyTorch line) */
    int alpha_norm;      /* release: 0.02 * RMSNorm(...) */
    int drop_extra_early; /* before the final layer (PyTorch line) */
    int rope_bf16;       /* the release's rounded tables, method.md and
                            networks-and-formats 7.1 */
    int qk_norm;
    /* conv */
    int noise_dim;       /* conv, mlp: length of the noise vector; 0 for conv =
                            an image of noise as dit's */
    int groups;          /* of GroupNorm */
} generator_config;

/* What the samples are. */
typedef struct sample_shape {
    int height, width, channels; /* points: 1, 1, dimensions */
    int classes;                 /* 1 when there are none */
} sample_shape;

typedef struct generator_input {
    const tensor *noise; /* generator_noise_shape(g, b) */
    const tensor *label; /* i32 [b,1]; NULL when use_class is off */
    const tensor *alpha; /* [b,1]; NULL when use_alpha is off */
    const tensor *style; /* i32 [b,style_tokens], each < style_codes; NULL when
                            there are none */
} generator_input;

typedef struct generator generator;

/* What a kind provides; nn/generator.c calls it. */
typedef struct generator_ops {
    const char *name;
    drift_status (*declare)(generator *g); /* params, tables, checks */
    var *(*forward)(generator *g, tape *t, const tensor *flat,
                    const generator_input *in);
    shape (*noise)(const generator *g, size_t b);
    void (*close)(generator *g); /* frees g->state */
} generator_ops;

struct generator {
    drift_context *ctx;
    const generator_ops *ops;
    generator_config config;
    sample_shape sample;
    params params;
    void *state;     /* of the kind */
    int last_weight, last_bias; /* the output layer, for initial_spread */
};

/* Declare, allocate and draw the initial parameters. */
drift_status generator_new(drift_context *ctx, const generator_config *config,
                           sample_shape sample, uint64_t seed, int with_grad,
                           generator **out) DRIFT_MUST_CHECK;
void generator_free(generator *g);

shape generator_noise_shape(const generator *g, size_t b);

/* Samples [b,height,width,channels] with the parameters in `flat` (g's value
 * or an EMA); tanh included when configured. */
var *generator_forward(generator *g, tape *t, const tensor *flat,
                       const generator_input *in);
/* The same, before any tanh. */
var *generator_forward_raw(generator *g, tape *t, const tensor *flat,
                           const generator_input *in);

/* Scale the output layer so that the mean over coordinates of the standard
 * deviation, within a class, of the raw output is config.initial_spread
 * (method.md section 2); draws from (seed, RNG_INIT). */
drift_status generator_spread(generator *g, uint64_t seed) DRIFT_MUST_CHECK;

#endif
