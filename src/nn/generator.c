/* What all generators share: making one, its forward, the first spread. */
#include "nn/generator.h"

#include <math.h>

#include "base/mem.h"
#include "nn/autoencoder.h"

/* generator_spread measures on so many classes and samples of each. */
#define SPREAD_CLASSES 4
#define SPREAD_SAMPLES 64
#define ZERO_STD       0.02f /* what a zero output layer is drawn with */

static drift_status check_config(drift_context *ctx, const generator_config *c,
                                 sample_shape s)
{
    if (s.height < 1 || s.width < 1 || s.channels < 1 || s.classes < 1)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "generator: samples of %dx%dx%d in %d classes", s.height,
                     s.width, s.channels, s.classes);
    if (c->hidden < 1 || c->depth < 0 || c->condition < 0 ||
        c->style_tokens < 0 || (c->style_tokens && c->style_codes < 1) ||
        (c->use_alpha && c->alpha_max_period < 1))
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "generator: a size is out of range");
    return DRIFT_OK;
}

drift_status generator_new(drift_context *ctx, const generator_config *config,
                           sample_shape sample, uint64_t seed, int with_grad,
                           generator **out)
{
    static const generator_ops *const kinds[] = {&dit_ops, &conv_ops, &mlp_ops};
    drift_status status = DRIFT_OK;
    generator *g = *out = NULL;
    TRY(check_config(ctx, config, sample));
    if (config->kind < 0 || config->kind > GENERATOR_MLP)
        FAIL(ctx, DRIFT_ERROR_USAGE, "generator: kind %d is not known",
             config->kind);
    g = mem_alloc(ctx, 1, sizeof *g);
    if (!g)
        return DRIFT_ERROR_MEMORY;
    g->ctx = g->params.ctx = ctx;
    g->ops = kinds[config->kind];
    g->config = *config;
    g->sample = sample;
    TRY(g->ops->declare(g));
    TRY(params_allocate(&g->params, with_grad, seed));
    *out = g;
    g = NULL;
out:
    generator_free(g);
    return status;
}

void generator_free(generator *g)
{
    if (!g)
        return;
    if (g->ops->close)
        g->ops->close(g);
    encoder_free(g->decoder);
    params_free(&g->params);
    mem_free(g->state);
    mem_free(g);
}

shape generator_noise_shape(const generator *g, size_t b)
{
    return g->ops->noise(g, b);
}

void generator_watch(generator *g, const char *name, int index, var *value)
{
    if (g->watch && value)
        g->watch(g->watch_data, name, index, value);
}

var *generator_forward_raw(generator *g, tape *t, const tensor *flat,
                           const generator_input *in)
{
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    size_t b = in->noise->shape.ndim ? in->noise->shape.dim[0] : 0;
    if (!shape_equal(in->noise->shape, generator_noise_shape(g, b))) {
        char is[SHAPE_TEXT], want[SHAPE_TEXT];
        tape_fail(t, ERROR(g->ctx, DRIFT_ERROR_SHAPE,
                           "generator: the noise is %s, not %s",
                           shape_text(in->noise->shape, is),
                           shape_text(generator_noise_shape(g, b), want)));
        return NULL;
    }
    tape_open(t);
    var *noise = in->noise_grad ? tape_leaf(t, in->noise, in->noise_grad)
                                : tape_constant(t, in->noise);
    var *cond = condition_forward(g, t, flat, in);
    return tape_close(t, g->ops->forward(g, t, flat, noise, cond));
}

var *generator_forward(generator *g, tape *t, const tensor *flat,
                       const generator_input *in)
{
    tape_open(t);
    var *y = generator_forward_raw(g, t, flat, in);
    if (g->config.output_tanh)
        y = tape_activation(t, y, ACT_TANH);
    return tape_close(t, y);
}

var *generator_image(generator *g, tape *t, var *sample)
{
    encoder *e = g->decoder;
    return e ? autoencoder_decode(e, t, &e->params.value, sample) : sample;
}

sample_shape generator_image_shape(const generator *g)
{
    sample_shape s = g->sample;
    if (g->decoder) {
        s.height = g->decoder->config.image_height;
        s.width = g->decoder->config.image_width;
        s.channels = g->decoder->config.channels;
    }
    return s;
}

/* -- the first spread --------------------------------------------------- */

/* Mean over coordinates of the standard deviation over n rows of d numbers. */
static double mean_std(const float *x, size_t n, size_t d)
{
    double total = 0;
    for (size_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++) {
            double off = x[i * d + j] - mean;
            square += off * off;
        }
        total += sqrt(square / (double)(n - 1)) / (double)d;
    }
    return total;
}

/* The spread of SPREAD_SAMPLES raw outputs of class `label`. */
static drift_status class_spread(generator *g, tape *t, int label,
                                 rng_stream stream, double *spread)
{
    drift_context *ctx = g->ctx;
    drift_status status = DRIFT_OK;
    const size_t n = SPREAD_SAMPLES;
    tensor noise = {0}, labels = {0}, alpha = {0}, style = {0};
    float *x = NULL;
    int index[SPREAD_SAMPLES];
    TRY(tensor_new(ctx, &noise, DTYPE_F32, generator_noise_shape(g, n)));
    TRY(tensor_new(ctx, &labels, DTYPE_I32, SHAPE(n, 1)));
    TRY(tensor_new(ctx, &alpha, DTYPE_F32, SHAPE(n, 1)));
    TRY(op_normal(ctx, &noise, stream, 0, 0, g->config.noise_std));
    for (size_t i = 0; i < n; i++)
        index[i] = label;
    TRY(tensor_write(ctx, &labels, index));
    TRY(op_fill(ctx, &alpha, 1));
    if (g->config.style_tokens) {
        TRY(tensor_new(ctx, &style, DTYPE_I32,
                       SHAPE(n, (size_t)g->config.style_tokens)));
        stream.step++;
        TRY(op_index(ctx, &style, stream, 0, g->config.style_codes));
    }
    tape_reset(t, 0);
    var *y = generator_forward_raw(g, t, &g->params.value,
                                   &(generator_input){.noise = &noise,
                                                      .label = &labels,
                                                      .alpha = &alpha,
                                                      .style = &style});
    TRY(tape_status(t));
    size_t count = tensor_count(&y->value);
    x = mem_alloc(ctx, count, sizeof *x);
    if (!x) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_read(ctx, &y->value, x));
    *spread = mean_std(x, n, count / n);
out:
    mem_free(x);
    tensor_free(ctx, &noise);
    tensor_free(ctx, &labels);
    tensor_free(ctx, &alpha);
    tensor_free(ctx, &style);
    return status;
}

/* Draw the output layer when it is all zero. */
static drift_status wake_output(generator *g, tensor *weight, rng_stream stream)
{
    drift_status status = DRIFT_OK;
    float largest;
    tensor max = {0};
    TRY(tensor_new(g->ctx, &max, DTYPE_F32, SHAPE(1)));
    TRY(op_reduce(g->ctx, &max, weight, REDUCE_MAX_ABS));
    TRY(tensor_read(g->ctx, &max, &largest));
    if (largest == 0)
        TRY(op_normal(g->ctx, weight, stream, 0, 0, ZERO_STD));
out:
    tensor_free(g->ctx, &max);
    return status;
}

drift_status generator_spread(generator *g, uint64_t seed)
{
    drift_context *ctx = g->ctx;
    drift_status status = DRIFT_OK;
    tape *t = NULL;
    double total = 0;
    int classes = g->sample.classes;
    if (classes > SPREAD_CLASSES)
        classes = SPREAD_CLASSES;
    if (g->config.initial_spread <= 0)
        return DRIFT_OK;
    /* Streams of parameters end at params.count. */
    rng_stream stream = {
        .seed = seed, .purpose = RNG_INIT, .step = g->params.count};
    tensor weight = params_view(&g->params, &g->params.value, g->last_weight);
    TRY(wake_output(g, &weight, stream));
    TRY(tape_new(ctx, 0, &t));
    for (int k = 0; k < classes; k++) {
        double spread = 0;
        stream.step = g->params.count + 1 + 2 * (uint64_t)k;
        TRY(class_spread(g, t, k, stream, &spread));
        total += spread / classes;
    }
    if (!(total > 0) || !isfinite(total))
        FAIL(ctx, DRIFT_ERROR_NUMBER,
             "generator.initial_spread: the first outputs vary by %g, which "
             "cannot be scaled",
             total);
    TRY(op_add_fwd(ctx, &weight, &weight, NULL,
                   (float)(g->config.initial_spread / total), 0));
out:
    tape_free(t);
    return status;
}
