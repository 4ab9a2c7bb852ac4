/* Whole training steps: as the presets run them, in more and more feature
 * families, and DriftDiT-Tiny's, without and with a bound on memory. After a
 * case its phases and the memory of the process follow as lines of their own.
 * Products are counted as they are executed: parts that are computed twice
 * count twice. */
#include <stdio.h>
#include <stdlib.h>

#include "base/threads.h"
#include "bench.h"
#include "train/step.h"

typedef struct setting {
    const char *name, *preset;
    const char *keys[32];           /* set after the preset, up to NULL */
    double (*flops)(const step *s); /* of one sample's forward pass */
} setting;

/* Each resolution: `depth` convolutions, and before all but the first the
 * layer to half the channels; then the convolution that makes the pixels. */
static double conv_flops(const step *s)
{
    const generator_config *c = &s->generator->config;
    const sample_shape *z = &s->generator->sample;
    int cell = c->patch << (c->levels - 1);
    double h = (z->height + cell - 1) / cell, w = (z->width + cell - 1) / cell;
    double area = h * w, width = c->hidden << (c->levels - 1);
    double pixels = c->patch * c->patch * z->channels;
    double flops = 2 * (c->noise_dim + width) * area * width;
    for (int i = 0; i < c->levels; i++, area *= 4, width /= 2) {
        flops += c->depth * 2 * area * 9 * width * width;
        if (i)
            flops += 2 * area / 4 * 2 * width * width;
    }
    return flops + 2 * area / 4 * 9 * 2 * width * pixels;
}

static double dit_flops(const step *s)
{
    const generator_config *c = &s->generator->config;
    double h = c->hidden, inner = c->mlp_hidden;
    double patches = 64, pixels = 16, tokens = patches + c->extra_tokens;
    double layer = tokens * 2 * (h * 3 * h + h * h + 3 * h * inner) +
                   4 * tokens * tokens * h + 2 * h * 6 * h;
    return c->depth * layer + patches * 2 * pixels * h * 2;
}

#define DIT_TINY                                                               \
    "data.height=32", "data.width=32", "generator.kind=dit",                   \
        "generator.hidden=256", "generator.depth=6", "generator.heads=4",      \
        "generator.patch=4", "generator.patch_order=channel",                  \
        "generator.extra_tokens=16", "generator.extra_conditioned=false",      \
        "generator.mlp_hidden=1024", "generator.mlp_bias=false",               \
        "generator.qkv_bias=false", "generator.position_table=false",          \
        "generator.use_alpha=true", "generator.alpha_max_period=10",           \
        "generator.alpha_norm=false", "generator.style_tokens=32",             \
        "generator.style_shared=true", "generator.null_class=true",            \
        "drift.normalization=xy", "drift.temperatures=[0.02, 0.05, 0.2]",      \
        "drift.positives=64", "drift.negatives=0", "guidance.alpha_min=1",     \
        "guidance.alpha_max=1"

/* The networks of fashion-feature on digits, which come with the program. Each
 * set of families holds those before it; it is compared in the field, which is
 * no product to speak of, so seconds and phases tell. */
#define FEATURES(families)                                                     \
    "data.path=mnist", "data.limit=3000", "drift.generated=64",                \
        "drift.positives=256", "features.families=" families
#define VECTORS   "global,*_mean,*_std,hidden"
#define FLAT      VECTORS ",*_flat"
#define PATCHES   FLAT ",*_mean_2,*_std_2"
#define LOCATIONS PATCHES ",map?"

/* The bounded one before the unbounded: what the latter frees would count. */
static const setting settings[] = {
    {"step.toy-moons", "toy-moons", {NULL}, NULL},
    {"step.mnist", "mnist", {NULL}, conv_flops},
    {"step.mnist-feature", "mnist-feature", {NULL}, conv_flops},
    {"features.global",
     "fashion-feature",
     {FEATURES("global"), "features.encoders=", NULL},
     NULL},
    {"features.vectors", "fashion-feature", {FEATURES(VECTORS), NULL}, NULL},
    {"features.flat", "fashion-feature", {FEATURES(FLAT), NULL}, NULL},
    {"features.patches", "fashion-feature", {FEATURES(PATCHES), NULL}, NULL},
    {"features.locations",
     "fashion-feature",
     {FEATURES(LOCATIONS), NULL},
     NULL},
    {"step.dit-tiny-2g",
     "mnist",
     {DIT_TINY, "drift.memory=2 GiB", NULL},
     dit_flops},
    {"step.dit-tiny", "mnist", {DIT_TINY, NULL}, dit_flops},
};

typedef struct training {
    config *c;
    dataset *data;
    generator *g;
    optimizer o;
    step s;
    int64_t n;
} training;

static drift_status training_new(drift_context *ctx, const setting *set,
                                 training *t)
{
    drift_status status = DRIFT_OK;
    TRY(drift_config_new(ctx, DRIFT_GENERATOR, &t->c));
    TRY(drift_config_read(ctx, t->c, set->preset));
    for (const char *const *key = set->keys; *key; key++)
        TRY(drift_config_set(ctx, t->c, *key));
    TRY(config_resolve(ctx, t->c));
    TRY(dataset_open(ctx, &t->c->data, 1, &t->data));
    sample_shape sample = {t->data->height, t->data->width, t->data->channels,
                           t->data->classes};
    TRY(generator_new(ctx, &t->c->generator, sample, 1, 1, &t->g));
    TRY(optimizer_new(ctx, &t->g->params, &t->c->optimizer, &t->o));
    TRY(step_new(ctx, t->c, t->data, t->g, &t->o, &t->s));
    TRY(step_cache(&t->s, "."));
out:
    return status;
}

static void training_free(training *t)
{
    step_free(&t->s);
    optimizer_free(&t->o);
    generator_free(t->g);
    dataset_free(t->data);
    config_free(t->c);
}

/* Products of a step, in flops: a backward pass is two of a forward one, or one
 * where parameters are frozen. */
static double products(const training *t, const setting *set)
{
    const step *s = &t->s;
    double batch = (double)s->batch, again = 0, flops;
    if (!set->flops)
        return 0;
    for (size_t i = 0; i < s->part_count; i++)
        again += s->parts[i].keeps ? 0 : (double)s->parts[i].count;
    flops = set->flops(s) * (3 * batch + again);
    for (size_t i = 0; i < s->extractor.count; i++)
        flops +=
            bench_encoder_flops(s->extractor.encoders[i], t->data->height) *
            (2 * batch + again);
    return flops;
}

static void one(bench *b, const setting *set)
{
    drift_context *ctx = bench_context(b);
    training t = {0};
    bench_need(b, training_new(ctx, set, &t));
    bench_watch_memory();
    /* The first step measures a sample and cuts the batch. */
    bench_need(b, step_run(&t.s, t.n++, 1));
    BENCH(b, set->name, products(&t, set), 0, step_run(&t.s, t.n++, 1));
    for (int i = 0; i < PHASE_COUNT; i++)
        printf("%s.%s\t%.6f\t-\t-\t-\n", set->name, phase_names[i],
               t.s.report.phases[i]);
    bench_tell_memory(set->name);
    training_free(&t);
    pool_trim(ctx);
}

void bench_steps(bench *b)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (bench_wants(b, settings[i].name))
            one(b, &settings[i]);
}
