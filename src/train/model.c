/* Models: the generator of a checkpoint, sampled in batches. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/file.h"
#include "base/mem.h"
#include "nn/autoencoder.h"
#include "train/checkpoint.h"

/* Numbers of output computed at once, and samples: bounds the memory. */
#define BATCH_NUMBERS ((size_t)1 << 20)
#define BATCH_SAMPLES ((size_t)256)

/* Streams of RNG_SAMPLE, by their step. */
enum { STREAM_NOISE, STREAM_STYLE };

struct drift_model {
    drift_context *ctx;
    checkpoint file;
    config *config;
    generator *generator;
    tape *tape;
    drift_model_info info;
    char weights[SET_TEXT];
    char config_digest[DIGEST_TEXT];
    char ema[CONFIG_MAX_EMA][EMA_TEXT];
    size_t *part_counts;
};

static drift_status model_path(drift_context *ctx, const char *path, char **out)
{
    if (file_is_dir(path))
        return checkpoint_latest(ctx, path, out);
    *out = mem_strdup(ctx, path);
    return *out ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static drift_status fill_info(drift_model *m)
{
    static const char *const kinds[] = {"dit", "conv", "mlp"};
    const checkpoint_facts *f = &m->file.facts;
    const generator *g = m->generator;
    const params *p = &g->params;
    sample_shape image = generator_image_shape(g);
    drift_model_info *i = &m->info;
    *i = (drift_model_info){
        .path = m->file.path,
        .name = m->config->run.name,
        .kind = kinds[g->config.kind],
        .weights = m->weights,
        .step = f->step,
        .images = f->images,
        .seconds = f->seconds,
        .height = image.height,
        .width = image.width,
        .channels = image.channels,
        .points = f->points,
        .classes = f->sample.classes,
        .class_names = (const char *const *)f->class_names,
        .use_class = g->config.use_class,
        .use_alpha = g->config.use_alpha,
        .numbers =
            (size_t)image.height * (size_t)image.width * (size_t)image.channels,
        .noise = shape_count(generator_noise_shape(g, 1)),
        .styles = (size_t)g->config.style_tokens,
        .config_digest = m->config_digest,
        .data_digest = f->data_digest,
    };
    m->part_counts = mem_alloc(m->ctx, p->part_count, sizeof *m->part_counts);
    if (!m->part_counts)
        return DRIFT_ERROR_MEMORY;
    for (size_t k = 0; k < p->count; k++) {
        size_t n = shape_count(p->list[k].shape);
        m->part_counts[p->list[k].part] += n;
        i->parameters += n;
    }
    return DRIFT_OK;
}

drift_status drift_model_open(drift_context *ctx, const char *path,
                              const char *ema, drift_model **out)
{
    drift_status status = DRIFT_OK;
    char *file = NULL;
    drift_model *m = mem_alloc(ctx, 1, sizeof *m);
    *out = NULL;
    if (!m)
        return DRIFT_ERROR_MEMORY;
    m->ctx = ctx;
    TRY(model_path(ctx, path, &file));
    TRY(checkpoint_open(ctx, file, &m->file));
    TRY(checkpoint_config(ctx, &m->file, DRIFT_GENERATOR, &m->config));
    TRY(checkpoint_set(ctx, &m->file, m->config, ema, m->weights));
    TRY(generator_new(ctx, &m->config->generator, m->file.facts.sample,
                      (uint64_t)m->config->run.seed, 0, &m->generator));
    TRY(encoder_from_arrays(ctx, DECODER_ARRAYS, &m->file.file.arrays,
                            &m->generator->decoder));
    if (m->generator->decoder &&
        !autoencoder_makes(m->generator->decoder, &m->file.facts.sample))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': '" DECODER_ARRAYS "' does not decode its samples", file);
    TRY(checkpoint_read(ctx, &m->file, m->weights, &m->generator->params,
                        &m->generator->params.value));
    for (int i = 0; i < m->config->optimizer.ema_count; i++)
        optimizer_ema_name(m->config->optimizer.ema[i], m->ema[i]);
    TRY(config_digest(ctx, m->config, m->config_digest));
    TRY(tape_new(ctx, 0, &m->tape));
    TRY(fill_info(m));
    *out = m;
    m = NULL;
out:
    mem_free(file);
    drift_model_free(m);
    return status;
}

void drift_model_free(drift_model *m)
{
    if (!m)
        return;
    tape_free(m->tape);
    generator_free(m->generator);
    config_free(m->config);
    checkpoint_close(&m->file);
    mem_free(m->part_counts);
    mem_free(m);
}

const drift_model_info *drift_model_get_info(const drift_model *m)
{
    return &m->info;
}

const drift_config *drift_model_config(const drift_model *m)
{
    return m->config;
}

const char *drift_model_part(const drift_model *m, size_t i, size_t *parameters)
{
    const params *p = &m->generator->params;
    if (i >= p->part_count)
        return NULL;
    *parameters = m->part_counts[i];
    return p->parts[i];
}

const char *drift_model_ema(const drift_model *m, size_t i)
{
    return i < (size_t)m->config->optimizer.ema_count ? m->ema[i] : NULL;
}

/* -- sampling ----------------------------------------------------------- */

void drift_model_noise(const drift_model *m, uint64_t seed, uint64_t first,
                       size_t count, float *noise, int32_t *styles)
{
    const generator_config *g = &m->generator->config;
    rng_stream normal = {seed, RNG_SAMPLE, STREAM_NOISE};
    rng_stream index = {seed, RNG_SAMPLE, STREAM_STYLE};
    size_t n = m->info.noise, k = m->info.styles;
    for (size_t i = 0; noise && i < count * n; i++)
        noise[i] = g->noise_std * rng_normal(normal, first * n + i);
    for (size_t i = 0; styles && i < count * k; i++)
        styles[i] =
            (int32_t)rng_below(index, first * k + i, (uint32_t)g->style_codes);
}

void drift_model_noise_between(const drift_model *m, uint64_t seed,
                               uint64_t from, uint64_t to, size_t frames,
                               float *noise, int32_t *styles)
{
    size_t n = m->info.noise, k = m->info.styles, last = frames - 1;
    if (!frames)
        return;
    float *a = noise, *b = noise + last * n;
    double aa = 0, bb = 0, ab = 0;
    drift_model_noise(m, seed, to, 1, b, NULL);
    drift_model_noise(m, seed, from, 1, a, styles);
    for (size_t i = 0; i < n; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
    double angle = acos(fmax(-1, fmin(1, cosine)));
    for (size_t f = 1; f < last; f++) {
        double t = (double)f / (double)last, p = 1 - t, q = t;
        if (sin(angle) > 1e-6) {
            p = sin((1 - t) * angle) / sin(angle);
            q = sin(t * angle) / sin(angle);
        }
        for (size_t i = 0; i < n; i++)
            a[f * n + i] = (float)(p * (double)a[i] + q * (double)b[i]);
    }
    for (size_t f = 1; styles && f < frames; f++)
        memcpy(styles + f * k, styles, k * sizeof *styles);
}

/* Host and device sides of one batch's input. */
typedef struct batch {
    float *noise, *alpha;
    int32_t *label, *style;
    tensor d_noise, d_alpha, d_label, d_style;
} batch;

static drift_status batch_new(drift_model *m, size_t b, batch *x)
{
    drift_context *ctx = m->ctx;
    drift_status status = DRIFT_OK;
    size_t styles = m->info.styles;
    x->noise = mem_alloc(ctx, b * m->info.noise, sizeof *x->noise);
    x->alpha = mem_alloc(ctx, b, sizeof *x->alpha);
    x->label = mem_alloc(ctx, b, sizeof *x->label);
    x->style = mem_alloc(ctx, b * styles, sizeof *x->style);
    if (!x->noise || !x->alpha || !x->label || !x->style)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_new(ctx, &x->d_noise, DTYPE_F32,
                   generator_noise_shape(m->generator, b)));
    TRY(tensor_new(ctx, &x->d_alpha, DTYPE_F32, SHAPE(b, 1)));
    TRY(tensor_new(ctx, &x->d_label, DTYPE_I32, SHAPE(b, 1)));
    if (styles)
        TRY(tensor_new(ctx, &x->d_style, DTYPE_I32, SHAPE(b, styles)));
out:
    return status;
}

static void batch_free(drift_model *m, batch *x)
{
    tensor_free(m->ctx, &x->d_noise);
    tensor_free(m->ctx, &x->d_alpha);
    tensor_free(m->ctx, &x->d_label);
    tensor_free(m->ctx, &x->d_style);
    mem_free(x->noise);
    mem_free(x->alpha);
    mem_free(x->label);
    mem_free(x->style);
}

/* Input of samples start ... start + b - 1 of the request. */
static drift_status batch_fill(drift_model *m, const drift_request *r,
                               size_t start, size_t b, batch *x)
{
    drift_context *ctx = m->ctx;
    drift_status status = DRIFT_OK;
    uint64_t first = r->first + start;
    size_t n = m->info.noise, k = m->info.styles;
    drift_model_noise(m, r->seed, first, b, r->noise ? NULL : x->noise,
                      r->styles ? NULL : x->style);
    if (r->noise)
        memcpy(x->noise, r->noise + start * n, b * n * sizeof *x->noise);
    if (r->styles)
        memcpy(x->style, r->styles + start * k, b * k * sizeof *x->style);
    for (size_t i = 0; i < b; i++) {
        x->alpha[i] = r->alpha ? r->alpha[start + i] : 1;
        x->label[i] = r->labels
                          ? r->labels[start + i]
                          : (int32_t)((first + i) % (uint64_t)m->info.classes);
    }
    TRY(tensor_write(ctx, &x->d_noise, x->noise));
    TRY(tensor_write(ctx, &x->d_alpha, x->alpha));
    TRY(tensor_write(ctx, &x->d_label, x->label));
    if (k)
        TRY(tensor_write(ctx, &x->d_style, x->style));
out:
    return status;
}

static drift_status sample_batch(drift_model *m, const drift_request *r,
                                 size_t start, size_t b, float *out)
{
    drift_context *ctx = m->ctx;
    drift_status status = DRIFT_OK;
    const generator_config *g = &m->generator->config;
    batch x = {0};
    TRY(batch_new(m, b, &x));
    TRY(batch_fill(m, r, start, b, &x));
    generator_input in = {.noise = &x.d_noise,
                          .label = g->use_class ? &x.d_label : NULL,
                          .alpha = g->use_alpha ? &x.d_alpha : NULL,
                          .style = g->style_tokens ? &x.d_style : NULL};
    var *y = generator_forward(m->generator, m->tape,
                               &m->generator->params.value, &in);
    y = generator_image(m->generator, m->tape, y);
    TRY(tape_status(m->tape));
    TRY(tensor_read(ctx, &y->value, out));
out:
    tape_reset(m->tape, 0);
    batch_free(m, &x);
    return status;
}

static drift_status check_request(const drift_model *m, const drift_request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->labels && (r->labels[i] < 0 || r->labels[i] >= m->info.classes))
            return ERROR(m->ctx, DRIFT_ERROR_USAGE,
                         "class %ld is not one of 0 to %d", (long)r->labels[i],
                         m->info.classes - 1);
        if (r->alpha && !isfinite(r->alpha[i]))
            return ERROR(m->ctx, DRIFT_ERROR_USAGE,
                         "alpha %g is not a finite number",
                         (double)r->alpha[i]);
    }
    for (size_t i = 0; r->styles && i < r->count * m->info.styles; i++)
        if (r->styles[i] < 0 ||
            r->styles[i] >= m->generator->config.style_codes)
            return ERROR(m->ctx, DRIFT_ERROR_USAGE,
                         "style index %ld is not one of 0 to %d",
                         (long)r->styles[i],
                         m->generator->config.style_codes - 1);
    return DRIFT_OK;
}

drift_status drift_model_sample(drift_model *m, const drift_request *r,
                                float *samples)
{
    drift_status status = DRIFT_OK;
    size_t numbers = m->info.numbers, most = BATCH_NUMBERS / numbers;
    if (most > BATCH_SAMPLES)
        most = BATCH_SAMPLES;
    if (most < 1)
        most = 1;
    TRY(check_request(m, r));
    for (size_t start = 0; start < r->count; start += most) {
        size_t b = r->count - start < most ? r->count - start : most;
        TRY(sample_batch(m, r, start, b, samples + start * numbers));
    }
out:
    return status;
}

void drift_to_bytes(const float *pixels, size_t count, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++) {
        float v = (pixels[i] + 1) / 2;
        v = v > 0 ? v : 0; /* NaN becomes 0 */
        v = v < 1 ? v : 1;
        bytes[i] = (unsigned char)(255 * v);
    }
}

/* -- the build ---------------------------------------------------------- */

const char *drift_build_text(drift_build_fact fact)
{
    switch (fact) {
    case DRIFT_BUILD_REVISION:
        return build_revision();
    case DRIFT_BUILD_COMPILER:
        return build_compiler();
    case DRIFT_BUILD_OPTIONS:
        return build_options();
    case DRIFT_BUILD_LIBRARIES:
        return build_libraries();
    case DRIFT_BUILD_FACTS:
        break;
    }
    return "";
}
