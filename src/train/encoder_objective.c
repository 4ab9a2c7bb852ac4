/* What encoders are trained to do: name the class of an image, make it again
 * from few numbers or from a part of it, know it again when it was changed. */
#include <math.h>

#include "base/mem.h"
#include "nn/autoencoder.h"
#include "train/encoder_step.h"
#include "train/mae_loss.h"

/* The network's logits, or projections, for the first `count` images. */
static var *outputs(encoder_step *s, const tensor *flat, size_t count)
{
    encoder_out out = {.want_logits = 1};
    tensor images = encoder_step_images(s, count);
    encoder_forward(s->network, s->tape, flat, tape_constant(s->tape, &images),
                    &out);
    return out.logits;
}

/* Mean of the cross-entropy of each row of the logits, and how many rows have
 * their largest logit at the label; with `seed` the gradient is seeded. */
static drift_status cross_entropy(encoder_step *s, var *logits,
                                  const int *labels, double smoothing,
                                  int skip_self, int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = s->ctx;
    tensor label = {0}, loss = {0}, hit = {0}, gradient = {0}, sums = {0};
    float found[2];
    TRY(tape_status(s->tape));
    size_t n = logits->value.shape.dim[0];
    TRY(tensor_new(ctx, &label, DTYPE_I32, SHAPE(n)));
    TRY(tensor_new(ctx, &loss, DTYPE_F32, SHAPE(n)));
    TRY(tensor_new(ctx, &hit, DTYPE_F32, SHAPE(n)));
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(2)));
    if (seed)
        TRY(tensor_new(ctx, &gradient, DTYPE_F32, logits->value.shape));
    TRY(tensor_write(ctx, &label, labels));
    TRY(op_cross_entropy(ctx, &loss, &hit, seed ? &gradient : NULL,
                         &logits->value, &label, 1 / (float)n, (float)smoothing,
                         skip_self));
    tensor to[2] = {tensor_view(&sums, 0, SHAPE(1)),
                    tensor_view(&sums, 1, SHAPE(1))};
    TRY(op_reduce(ctx, &to[0], &loss, REDUCE_SUM));
    TRY(op_reduce(ctx, &to[1], &hit, REDUCE_SUM));
    if (seed)
        tape_seed(s->tape, logits, &gradient);
    TRY(tape_status(s->tape));
    TRY(tensor_read(ctx, &sums, found));
    v->loss = (double)found[0] / (double)n;
    v->right = (size_t)found[1];
out:
    tensor_free(ctx, &sums);
    tensor_free(ctx, &gradient);
    tensor_free(ctx, &hit);
    tensor_free(ctx, &loss);
    tensor_free(ctx, &label);
    return status;
}

static drift_status check_patch(drift_context *ctx, const dataset *d, int patch)
{
    return d->height % patch || d->width % patch
               ? ERROR(ctx, DRIFT_ERROR_USAGE,
                       "encoder.patch: %d does not divide images of %d x %d",
                       patch, d->height, d->width)
               : DRIFT_OK;
}

/* -- classifier --------------------------------------------------------- */

static drift_status fit_classifier(drift_context *ctx, const config *c,
                                   const dataset *d, encoder_config *network)
{
    (void)c;
    network->classes = d->classes;
    network->latent = 0;
    if (d->classes < 2)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "encoder.objective: a classifier needs labels; the data "
                     "have one class");
    return check_patch(ctx, d, network->patch);
}

static drift_status classify(encoder_step *s, const tensor *flat, size_t count,
                             int seed, verdict *v)
{
    double smoothing = seed ? (double)s->c->encoder.label_smoothing : 0;
    return cross_entropy(s, outputs(s, flat, count), s->labels, smoothing, 0,
                         seed, v);
}

static const objective classifier_objective = {.network = ENCODER_CLASSIFIER,
                                               .views = 1,
                                               .classifies = 1,
                                               .tests = 1,
                                               .fit = fit_classifier,
                                               .loss = classify};

/* -- autoencoder -------------------------------------------------------- */

/* Of the latents' scale against the squared error. */
#define SCALE_WEIGHT 1e-3

/* Images that the latents' final scale is measured on. */
#define SCALE_IMAGES 4096

static drift_status fit_autoencoder(drift_context *ctx, const config *c,
                                    const dataset *d, encoder_config *network)
{
    (void)ctx, (void)c, (void)d;
    network->classes = 0;
    network->hidden = 0;
    return DRIFT_OK;
}

/* mean and std [channels] of a latent map over the batch and all locations. */
static void scale_of(encoder_step *s, var *latent, var **mean, var **std)
{
    if (tape_status(s->tape) != DRIFT_OK)
        return;
    const size_t *d = latent->value.shape.dim;
    size_t rows = d[0] * d[1];
    tape_moments(s->tape,
                 tape_reshape(s->tape, latent, SHAPE(1, rows, d[2], d[3])),
                 (int)rows, (int)d[2], 1e-6f, mean, std);
}

static drift_status seed_from_host(encoder_step *s, var *y, const float *host)
{
    drift_status status = DRIFT_OK;
    tensor gradient = {0};
    TRY(tensor_new(s->ctx, &gradient, DTYPE_F32, y->value.shape));
    TRY(tensor_write(s->ctx, &gradient, host));
    tape_seed(s->tape, y, &gradient);
    TRY(tape_status(s->tape));
out:
    tensor_free(s->ctx, &gradient);
    return status;
}

/* SCALE_WEIGHT / 2 times the sum over channels of m^2 + s^2 - log s^2 - 1: what
 * a normal distribution of that mean and deviation is from the standard one. */
static drift_status keep_scale(encoder_step *s, var *latent, double *loss)
{
    drift_status status = DRIFT_OK;
    size_t n = (size_t)s->network->config.latent;
    var *mean = NULL, *std = NULL;
    float *host = mem_alloc(s->ctx, 2 * n, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    scale_of(s, latent, &mean, &std);
    TRY(tape_status(s->tape));
    TRY(tensor_read(s->ctx, &mean->value, host));
    TRY(tensor_read(s->ctx, &std->value, host + n));
    for (size_t k = 0; k < n; k++) {
        double m = (double)host[k], d = (double)host[n + k];
        *loss += SCALE_WEIGHT / 2 * (m * m + d * d - 2 * log(d) - 1);
        host[k] = (float)(SCALE_WEIGHT * m);
        host[n + k] = (float)(SCALE_WEIGHT * (d - 1 / d));
    }
    TRY(seed_from_host(s, mean, host));
    TRY(seed_from_host(s, std, host + n));
out:
    mem_free(host);
    return status;
}

/* Mean of the squares of what the images of the tape differ by from those
 * they were made of; with `seed` also its gradient. */
static drift_status squared_error(encoder_step *s, var *y, const tensor *images,
                                  int seed, double *loss)
{
    drift_status status = DRIFT_OK;
    tensor gap = {0}, sum = {0};
    float square, n = (float)tensor_count(images);
    TRY(tensor_new(s->ctx, &gap, DTYPE_F32, images->shape));
    TRY(tensor_new(s->ctx, &sum, DTYPE_F32, SHAPE(1)));
    TRY(op_add_fwd(s->ctx, &gap, &y->value, images, 1, -1));
    TRY(op_reduce(s->ctx, &sum, &gap, REDUCE_SUMSQ));
    TRY(tensor_read(s->ctx, &sum, &square));
    *loss = (double)square / (double)n;
    if (seed) {
        TRY(op_add_fwd(s->ctx, &gap, &y->value, images, 2 / n, -2 / n));
        tape_seed(s->tape, y, &gap);
        TRY(tape_status(s->tape));
    }
out:
    tensor_free(s->ctx, &sum);
    tensor_free(s->ctx, &gap);
    return status;
}

static drift_status remake_loss(encoder_step *s, const tensor *flat,
                                size_t count, int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    tensor images = encoder_step_images(s, count);
    var *latent = autoencoder_encode(s->network, s->tape, flat,
                                     tape_constant(s->tape, &images));
    var *y = autoencoder_decode(s->network, s->tape, flat, latent);
    TRY(tape_status(s->tape));
    TRY(squared_error(s, y, &images, seed, &v->loss));
    if (seed)
        TRY(keep_scale(s, latent, &v->loss));
out:
    return status;
}

static drift_status remake(encoder_step *s, const tensor *flat, size_t count,
                           float *pixels)
{
    drift_status status = DRIFT_OK;
    tensor images = encoder_step_images(s, count);
    var *latent = autoencoder_encode(s->network, s->tape, flat,
                                     tape_constant(s->tape, &images));
    var *y = autoencoder_decode(s->network, s->tape, flat, latent);
    TRY(tape_status(s->tape));
    TRY(tensor_read(s->ctx, &y->value, pixels));
out:
    tape_reset(s->tape, 0);
    return status;
}

/* Add the latents' moments of the first `count` images: sum, then squares. */
static drift_status add_moments(encoder_step *s, const tensor *flat,
                                size_t count, size_t channels, double *sums,
                                double *numbers)
{
    drift_status status = DRIFT_OK;
    tensor images = encoder_step_images(s, count);
    float *host = NULL;
    var *latent = autoencoder_encode(s->network, s->tape, flat,
                                     tape_constant(s->tape, &images));
    TRY(tape_status(s->tape));
    size_t total = tensor_count(&latent->value);
    host = mem_alloc(s->ctx, total, sizeof *host);
    if (!host) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_read(s->ctx, &latent->value, host));
    for (size_t i = 0; i < total; i++) {
        double z = (double)host[i];
        sums[i % channels] += z;
        sums[channels + i % channels] += z * z;
    }
    *numbers += (double)(total / channels);
out:
    tape_reset(s->tape, 0);
    mem_free(host);
    return status;
}

/* Latents of mean 0 and deviation 1 over images of the data. */
static drift_status settle(encoder_step *s, tensor *flat)
{
    drift_status status = DRIFT_OK;
    size_t channels = (size_t)s->network->config.latent, n;
    size_t all = s->data->count < SCALE_IMAGES ? s->data->count : SCALE_IMAGES;
    double numbers = 0;
    double *sums = mem_alloc(s->ctx, 2 * channels, sizeof *sums);
    if (!sums)
        return DRIFT_ERROR_MEMORY;
    for (size_t first = 0; first < all; first += n) {
        n = all - first < s->rows ? all - first : s->rows;
        TRY(encoder_step_take(s, s->data, first, n));
        TRY(add_moments(s, flat, n, channels, sums, &numbers));
    }
    for (size_t k = 0; k < channels; k++) {
        sums[k] /= numbers;
        double variance = sums[channels + k] / numbers - sums[k] * sums[k];
        sums[channels + k] = sqrt(fmax(variance, 1e-12));
    }
    TRY(autoencoder_normalise(s->network, flat, sums, sums + channels));
out:
    mem_free(sums);
    return status;
}

static const objective autoencoder_objective = {.network = ENCODER_AUTOENCODER,
                                                .views = 1,
                                                .tests = 1,
                                                .fit = fit_autoencoder,
                                                .loss = remake_loss,
                                                .remake = remake,
                                                .settle = settle};

/* -- simclr ------------------------------------------------------------- */

static drift_status fit_simclr(drift_context *ctx, const config *c,
                               const dataset *d, encoder_config *network)
{
    const augmentation *a = &c->encoder.augment;
    network->classes = c->encoder.projection;
    network->latent = 0;
    if (a->crop >= 1 && !a->shift && !d->flip)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "encoder.objective: simclr compares two random views of "
                     "an image, which are the same without encoder.crop, "
                     "encoder.shift or data.flip");
    return check_patch(ctx, d, network->patch);
}

/* Cosines of all pairs of rows by the temperature: z [n,p] -> [n,n]. */
static drift_status similarities(encoder_step *s, var *z, var **out)
{
    drift_status status = DRIFT_OK;
    tape *t = s->tape;
    tensor weight = {0};
    TRY(tape_status(t));
    size_t n = z->value.shape.dim[0], p = z->value.shape.dim[1];
    double scale = (double)p * (double)s->c->encoder.temperature;
    TRY(tensor_new(s->ctx, &weight, DTYPE_F32, SHAPE(p)));
    TRY(op_fill(s->ctx, &weight, (float)(1 / sqrt(scale))));
    var *u = tape_rmsnorm(t, z, tape_constant(t, &weight), 1e-12f);
    var *turned = tape_swap(t, tape_reshape(t, u, SHAPE(1, n, p, 1)));
    *out = tape_linear(t, u, tape_reshape(t, turned, SHAPE(p, n)), NULL);
    TRY(tape_status(t));
out:
    tensor_free(s->ctx, &weight);
    return status;
}

/* NT-Xent: rows i and i + rows/2 are views of one image; each is to be found
 * among all others. */
static drift_status compare(encoder_step *s, const tensor *flat, size_t rows,
                            int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    var *cosines;
    int *pair = mem_alloc(s->ctx, rows, sizeof *pair);
    if (!pair)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < rows; i++)
        pair[i] = (int)((i + rows / 2) % rows);
    TRY(similarities(s, outputs(s, flat, rows), &cosines));
    TRY(cross_entropy(s, cosines, pair, 0, 1, seed, v));
out:
    mem_free(pair);
    return status;
}

static const objective simclr_objective = {.network = ENCODER_CLASSIFIER,
                                           .views = 2,
                                           .headless = 1,
                                           .fit = fit_simclr,
                                           .loss = compare};

/* -- mae ---------------------------------------------------------------- */

static drift_status fit_mae(drift_context *ctx, const config *c,
                            const dataset *d, encoder_config *network)
{
    network->decoder = 1;
    network->classes = c->encoder.class_steps ? d->classes : 0;
    network->hidden = network->latent = 0;
    if (c->encoder.class_steps > 0 && d->classes < 2)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "encoder.class_steps: the data have no labels");
    return check_patch(ctx, d, network->patch);
}

/* Squares of places, each hidden by itself: [count,h,w,1] of 0 and 1. Test
 * images have the same ones at any time. */
static drift_status draw_mask(encoder_step *s, size_t count, int seed,
                              tensor *mask)
{
    drift_status status = DRIFT_OK;
    const encoder_training *o = &s->c->encoder;
    size_t side = (size_t)o->mask_patch, patch = (size_t)o->network.patch;
    size_t h = (size_t)s->data->height / patch;
    size_t w = (size_t)s->data->width / patch;
    size_t row = (w + side - 1) / side, squares = (h + side - 1) / side * row;
    rng_stream draws = {(uint64_t)s->c->run.seed, RNG_MASK,
                        seed ? 1 + (uint64_t)s->number : 0};
    float *host = mem_alloc(s->ctx, count * h * w, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < h * w; k++) {
            size_t at = k / w / side * row + k % w / side;
            host[i * h * w + k] =
                rng_uniform(draws, i * squares + at) < o->mask_ratio ? 1 : 0;
        }
    TRY(tensor_new(s->ctx, mask, DTYPE_F32, SHAPE(count, h, w, 1)));
    TRY(tensor_write(s->ctx, mask, host));
out:
    mem_free(host);
    return status;
}

/* The share of the class loss in step n: 0 before the last class_steps, in the
 * first third of which it rises. */
static double class_share(const config *c, int64_t n)
{
    double at =
        (double)(n - (c->optimizer.total_steps - c->encoder.class_steps));
    double rise = fmax((double)c->encoder.class_steps / 3, 1);
    return at < 0 ? 0 : (double)c->encoder.class_weight * fmin(at / rise, 1);
}

static drift_status unmask(encoder_step *s, const tensor *flat, size_t count,
                           int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = s->ctx;
    tensor images = encoder_step_images(s, count);
    tensor mask = {0}, label = {0}, sums = {0};
    float found[MAE_SUMS];
    mae_out out;
    mae_loss_args args = {.mask = &mask, .batch = count};
    TRY(draw_mask(s, count, seed, &mask));
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(MAE_SUMS)));
    if (!seed)
        tape_reset(s->tape, 1); /* mae_loss seeds in any case */
    else
        args.lambda = (float)class_share(s->c, s->number);
    if (args.lambda > 0) {
        TRY(tensor_new(ctx, &label, DTYPE_I32, SHAPE(count)));
        TRY(tensor_write(ctx, &label, s->labels));
        args.label = &label;
    }
    mae_forward(s->network, s->tape, flat, tape_constant(s->tape, &images),
                &mask, &out);
    TRY(mae_loss(s->tape, &out, &args, &sums));
    TRY(tensor_read(ctx, &sums, found));
    double lambda = (double)args.lambda;
    v->loss = lambda * (double)found[MAE_CLASS] +
              (1 - lambda) * (double)found[MAE_RECON];
out:
    tensor_free(ctx, &sums);
    tensor_free(ctx, &label);
    tensor_free(ctx, &mask);
    return status;
}

/* What was seen as it is, what was hidden as it is thought to be. */
static drift_status fill_in(encoder_step *s, const tensor *flat, size_t count,
                            float *pixels)
{
    drift_status status = DRIFT_OK;
    tensor images = encoder_step_images(s, count), mask = {0};
    tape *t = s->tape;
    mae_out out;
    TRY(draw_mask(s, count, 0, &mask));
    mae_forward(s->network, t, flat, tape_constant(t, &images), &mask, &out);
    TRY(tape_status(t));
    const size_t *d = out.recon->value.shape.dim;
    var *gap = tape_add(t, out.recon, out.target, 1, -1);
    gap = tape_mul(t, gap, mae_spread(t, tape_constant(t, &mask), d[3]));
    var *filled = tape_add(t, out.target, gap, 1, 1);
    filled = tape_reshape(t, filled, SHAPE(d[0], d[1] * d[2], d[3]));
    filled = tape_unpatchify(t, filled, images.shape, s->network->config.patch,
                             PATCH_PIXEL_MAJOR);
    TRY(tape_status(t));
    TRY(tensor_read(s->ctx, &filled->value, pixels));
out:
    tape_reset(t, 0);
    tensor_free(s->ctx, &mask);
    return status;
}

static const objective mae_objective = {.network = ENCODER_MAE,
                                        .views = 1,
                                        .tests = 1,
                                        .headless = 1,
                                        .fit = fit_mae,
                                        .loss = unmask,
                                        .remake = fill_in};

const objective *const objectives[OBJECTIVE_COUNT] = {
    [OBJECTIVE_CLASSIFIER] = &classifier_objective,
    [OBJECTIVE_AUTOENCODER] = &autoencoder_objective,
    [OBJECTIVE_SIMCLR] = &simclr_objective,
    [OBJECTIVE_MAE] = &mae_objective,
};
