/* What a step draws: classes, guidance strengths, noise, style indices, real
 * samples. Every number follows from the seed and the step, so a run that
 * goes on draws what one that never stopped would. */
#include "train/step.h"

#include <string.h>

#include "base/mem.h"
#include "drift/guidance.h"

/* The first step fills the rings with so many times the push of the others
 * (the release does it after each start). */
#define FIRST_PUSHES 3000

static rng_stream stream(const step *s, rng_purpose purpose, int64_t n)
{
    return (rng_stream){s->seed, purpose, (uint64_t)n};
}

static size_t real_count(const step *s)
{
    return s->entries * (s->positives + s->negatives);
}

/* -- setting up --------------------------------------------------------- */

static drift_status make_bank(step *s)
{
    drift_status status = DRIFT_OK;
    const drifting_config *d = &s->c->drift;
    dataset *data = s->data;
    int *labels = NULL;
    if (data->count == 0)
        return DRIFT_OK; /* endless: every sample is fresh */
    if (d->bank > 0)
        return bank_new(s->ctx, data->classes, (size_t)d->bank,
                        (size_t)d->bank_unconditional, &s->bank);
    labels = mem_alloc(s->ctx, data->count, sizeof *labels);
    if (!labels)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < data->count; i++)
        labels[i] = data->label(data, i);
    TRY(bank_new_whole(s->ctx, data->classes, labels, data->count, &s->bank));
out:
    mem_free(labels);
    return status;
}

/* Tensors of a whole batch; zero until the first draw, so that a pass can be
 * measured before. */
static drift_status make_inputs(step *s)
{
    drift_status status = DRIFT_OK;
    const generator *g = s->generator;
    const sample_shape *x = &g->sample;
    size_t b = s->batch, h = (size_t)x->height, w = (size_t)x->width;
    size_t c = (size_t)x->channels, style = (size_t)g->config.style_tokens;
    drift_context *ctx = s->ctx;
    int *zeros = mem_alloc(ctx, b * (style ? style : 1), sizeof *zeros);
    if (!zeros)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_new(ctx, &s->noise, DTYPE_F32, generator_noise_shape(g, b)));
    TRY(op_fill(ctx, &s->noise, 0));
    TRY(tensor_new(ctx, &s->label, DTYPE_I32, SHAPE(b, 1)));
    TRY(tensor_write(ctx, &s->label, zeros));
    TRY(tensor_new(ctx, &s->alpha, DTYPE_F32, SHAPE(b, 1)));
    TRY(op_fill(ctx, &s->alpha, 0));
    if (style) {
        TRY(tensor_new(ctx, &s->style, DTYPE_I32, SHAPE(b, style)));
        TRY(tensor_write(ctx, &s->style, zeros));
    }
    TRY(tensor_new(ctx, &s->pos, DTYPE_F32,
                   SHAPE(s->entries * s->positives, h, w, c)));
    if (s->negatives)
        TRY(tensor_new(ctx, &s->neg, DTYPE_F32,
                       SHAPE(s->entries * s->negatives, h, w, c)));
out:
    mem_free(zeros);
    return status;
}

drift_status draw_new(step *s)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = s->ctx;
    const sample_shape *x = &s->generator->sample;
    size_t numbers = (size_t)x->height * (size_t)x->width * (size_t)x->channels;
    s->classes = mem_alloc(ctx, s->entries, sizeof *s->classes);
    s->alphas = mem_alloc(ctx, s->entries, sizeof *s->alphas);
    s->weights = mem_alloc(ctx, s->entries, sizeof *s->weights);
    s->indices = mem_alloc(ctx, real_count(s), sizeof *s->indices);
    s->pixels = mem_alloc(ctx, real_count(s) * numbers, sizeof *s->pixels);
    if (!s->classes || !s->alphas || !s->weights || !s->indices || !s->pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(make_inputs(s));
    if (s->data) {
        s->loader = (loader){.seed = s->seed, .count = s->data->count};
        TRY(make_bank(s));
    }
out:
    return status;
}

void draw_drop_images(step *s)
{
    mem_free(s->pixels);
    s->pixels = NULL;
    tensor_free(s->ctx, &s->pos);
    tensor_free(s->ctx, &s->neg);
}

void draw_free(step *s)
{
    draw_drop_images(s);
    bank_free(s->bank);
    loader_free(&s->loader);
    mem_free(s->indices);
    mem_free(s->weights);
    mem_free(s->alphas);
    mem_free(s->classes);
    tensor_free(s->ctx, &s->noise);
    tensor_free(s->ctx, &s->label);
    tensor_free(s->ctx, &s->alpha);
    tensor_free(s->ctx, &s->style);
}

/* -- the loader and the rings ------------------------------------------- */

/* Fresh samples of step n go into the rings, a batch of `push` at a time. */
static drift_status push_fresh(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    int64_t push = s->c->drift.push;
    int64_t batches = n == 0 ? FIRST_PUSHES : 1;
    int64_t q = n == 0 ? 0 : (FIRST_PUSHES + n - 1) * push;
    int64_t *index = mem_alloc(s->ctx, (size_t)push, sizeof *index);
    int *label = mem_alloc(s->ctx, (size_t)push, sizeof *label);
    if (!index || !label) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (int64_t b = 0; b < batches; b++) {
        for (int64_t i = 0; i < push; i++) {
            TRY(loader_sample(s->ctx, &s->loader, q++, &index[i]));
            label[i] = s->data->label(s->data, (size_t)index[i]);
        }
        TRY(bank_push(s->bank, index, label, (size_t)push));
    }
out:
    mem_free(label);
    mem_free(index);
    return status;
}

/* Classes of the entries, then the data indices of their real samples. */
static drift_status draw_indices(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    size_t p = s->positives, m = s->negatives;
    int64_t *pos = s->indices, *neg = s->indices + s->entries * p;
    if (!s->bank) {
        for (size_t e = 0; e < s->entries; e++)
            s->classes[e] = 0;
        for (size_t i = 0; i < real_count(s); i++)
            s->indices[i] = n * (int64_t)real_count(s) + (int64_t)i;
        return DRIFT_OK;
    }
    if (!s->bank->whole)
        TRY(push_fresh(s, n));
    TRY(bank_labels(s->bank, stream(s, RNG_LABEL, n), s->classes, s->entries));
    for (size_t e = 0; e < s->entries; e++) {
        TRY(bank_positives(s->bank, s->classes[e], stream(s, RNG_POSITIVE, n),
                           e * p, pos + e * p, p));
        if (m)
            TRY(bank_negatives(s->bank, stream(s, RNG_NEGATIVE, n), e * m,
                               neg + e * m, m));
    }
out:
    return status;
}

/* The samples themselves, mirrored at random where the data want it. */
static drift_status draw_pixels(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    const sample_shape *x = &s->generator->sample;
    size_t numbers = (size_t)x->height * (size_t)x->width * (size_t)x->channels;
    rng_stream coins = stream(s, RNG_AUGMENT, n);
    long count = (long)real_count(s);
    int worst = DRIFT_OK;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (long i = 0; i < count; i++) {
        float *to = s->pixels + (size_t)i * numbers;
        int got = s->data->get(s->data, (size_t)s->indices[i], to);
        worst = got > worst ? got : worst;
        dataset_augment(s->data, coins, (uint64_t)i, to);
    }
    TRY((drift_status)worst);
    TRY(tensor_upload(s->ctx, &s->pos, s->pixels));
    if (s->negatives)
        TRY(tensor_upload(s->ctx, &s->neg,
                          s->pixels + s->entries * s->positives * numbers));
out:
    return status;
}

/* -- the generator's input ---------------------------------------------- */

static drift_status draw_inputs(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    const generator_config *g = &s->generator->config;
    int *label = mem_alloc(s->ctx, s->batch, sizeof *label);
    float *alpha = mem_alloc(s->ctx, s->batch, sizeof *alpha);
    if (!label || !alpha) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t e = 0; e < s->entries; e++) {
        s->alphas[e] = guidance_draw(&s->c->guidance, s->seed, (uint64_t)n, e);
        s->weights[e] =
            guidance_weight(s->alphas[e], s->generated, s->negatives);
        for (size_t i = 0; i < s->generated; i++) {
            label[e * s->generated + i] = s->classes[e];
            alpha[e * s->generated + i] = s->alphas[e];
        }
    }
    TRY(tensor_write(s->ctx, &s->label, label));
    TRY(tensor_write(s->ctx, &s->alpha, alpha));
    TRY(op_normal(s->ctx, &s->noise, stream(s, RNG_NOISE, n), 0, 0,
                  g->noise_std));
    if (g->style_tokens)
        TRY(op_index(s->ctx, &s->style, stream(s, RNG_STYLE, n), 0,
                     g->style_codes));
out:
    mem_free(alpha);
    mem_free(label);
    return status;
}

drift_status step_draw(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    s->drawn = n;
    TRY(draw_indices(s, n));
    if (!s->store)
        TRY(draw_pixels(s, n));
    TRY(draw_inputs(s, n));
out:
    return status;
}
