/* What encoders are trained to do: name the class of an image, make it again
 * from few numbers, know it again when it was changed. */
#include <math.h>

#include "base/mem.h"
#include "nn/autoencoder.h"
#include "train/encoder_step.h"

/* The network's logits, or projections, for the first `count` images; *host
 * (mem_free) has the same numbers, and as many more behind them. */
static drift_status outputs(encoder_step *s, const tensor *flat, size_t count,
                            var **logits, float **host)
{
    drift_status status = DRIFT_OK;
    encoder_out out = {.want_logits = 1};
    tensor images = encoder_step_images(s, count);
    *host = mem_alloc(s->ctx, 2 * count * (size_t)s->network->config.classes,
                      sizeof **host);
    if (!*host)
        return DRIFT_ERROR_MEMORY;
    encoder_forward(s->network, s->tape, flat, tape_constant(s->tape, &images),
                    &out);
    TRY(tape_status(s->tape));
    *logits = out.logits;
    TRY(tensor_read(s->ctx, &out.logits->value, *host));
out:
    return status;
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
    return DRIFT_OK;
}

/* -sum_k q_k log softmax(logits)_k, where q is smoothing / classes, and
 * 1 - smoothing more at the label. Into delta, unless NULL, its gradient by
 * `count`. */
static double cross_entropy(const float *row, size_t classes, size_t label,
                            double smoothing, double count, float *delta,
                            int *right)
{
    size_t best = 0;
    double sum = 0, loss = 0;
    for (size_t k = 1; k < classes; k++)
        if (row[k] > row[best])
            best = k;
    *right = best == label;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)row[k] - (double)row[best]);
    for (size_t k = 0; k < classes; k++) {
        double to = (double)row[k] - (double)row[best];
        double q =
            smoothing / (double)classes + (k == label ? 1 - smoothing : 0);
        loss -= q * (to - log(sum));
        if (delta)
            delta[k] = (float)((exp(to) / sum - q) / count);
    }
    return loss;
}

static drift_status classify(encoder_step *s, const tensor *flat, size_t count,
                             int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    size_t classes = (size_t)s->network->config.classes;
    double smoothing = seed ? (double)s->c->encoder.label_smoothing : 0;
    float *host = NULL;
    var *logits;
    TRY(outputs(s, flat, count, &logits, &host));
    float *delta = host + count * classes;
    for (size_t i = 0; i < count; i++) {
        int right;
        v->loss += cross_entropy(host + i * classes, classes,
                                 (size_t)s->labels[i], smoothing, (double)count,
                                 seed ? delta + i * classes : NULL, &right) /
                   (double)count;
        v->right += (size_t)right;
    }
    if (seed)
        TRY(seed_from_host(s, logits, delta));
out:
    mem_free(host);
    return status;
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
    return DRIFT_OK;
}

/* Rows to unit length; their lengths into `length`. */
static void to_unit(const float *z, double *u, double *length, size_t rows,
                    size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        double sum = 1e-24;
        for (size_t k = 0; k < n; k++)
            sum += (double)z[i * n + k] * (double)z[i * n + k];
        length[i] = sqrt(sum);
        for (size_t k = 0; k < n; k++)
            u[i * n + k] = (double)z[i * n + k] / length[i];
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

/* Row i of g [rows,rows]: the gradient of its loss in its similarities to all
 * others; returns the loss, -log softmax at its other view. */
static double compare_row(const double *u, size_t i, size_t rows, size_t n,
                          double temperature, double *g)
{
    size_t pair = (i + rows / 2) % rows;
    double most = -INFINITY, sum = 0;
    for (size_t k = 0; k < rows; k++) {
        g[k] = dot(u + i * n, u + k * n, n) / temperature;
        most = k != i ? fmax(most, g[k]) : most;
    }
    double at = g[pair] - most;
    for (size_t k = 0; k < rows; k++) {
        g[k] = k != i ? exp(g[k] - most) : 0;
        sum += g[k];
    }
    for (size_t k = 0; k < rows; k++)
        g[k] = (g[k] / sum - (k == pair)) / (temperature * (double)rows);
    return log(sum) - at;
}

/* NT-Xent: rows i and i + rows/2 are views of one image, all others of other
 * ones; similarity is the cosine by the temperature. */
static drift_status compare(encoder_step *s, const tensor *flat, size_t rows,
                            int seed, verdict *v)
{
    drift_status status = DRIFT_OK;
    size_t n = (size_t)s->network->config.classes;
    double temperature = (double)s->c->encoder.temperature;
    double *u = mem_alloc(s->ctx, rows * n, sizeof *u);
    double *length = mem_alloc(s->ctx, rows, sizeof *length);
    double *loss = mem_alloc(s->ctx, rows, sizeof *loss);
    double *g = mem_alloc(s->ctx, rows * rows, sizeof *g);
    float *host = NULL;
    var *logits;
    if (!u || !length || !loss || !g) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(outputs(s, flat, rows, &logits, &host));
    float *delta = host + rows * n;
    to_unit(host, u, length, rows, n);
#pragma omp parallel for schedule(static)
    for (long i = 0; i < (long)rows; i++)
        loss[i] = compare_row(u, (size_t)i, rows, n, temperature,
                              g + (size_t)i * rows);
    for (size_t i = 0; i < rows; i++)
        v->loss += loss[i] / (double)rows;
        /* du_i = sum_k (g_ik + g_ki) u_k; what lies along u_i changes only the
         * length. */
#pragma omp parallel for schedule(static)
    for (long row = 0; row < (long)rows; row++) {
        size_t i = (size_t)row;
        double along = 0;
        for (size_t k = 0; k < rows; k++)
            along += (g[i * rows + k] + g[k * rows + i]) *
                     dot(u + k * n, u + i * n, n);
        for (size_t j = 0; j < n; j++) {
            double du = -along * u[i * n + j];
            for (size_t k = 0; k < rows; k++)
                du += (g[i * rows + k] + g[k * rows + i]) * u[k * n + j];
            delta[i * n + j] = (float)(du / length[i]);
        }
    }
    if (seed)
        TRY(seed_from_host(s, logits, delta));
out:
    mem_free(host);
    mem_free(g);
    mem_free(loss);
    mem_free(length);
    mem_free(u);
    return status;
}

static const objective simclr_objective = {.network = ENCODER_CLASSIFIER,
                                           .views = 2,
                                           .headless = 1,
                                           .fit = fit_simclr,
                                           .loss = compare};

const objective *const objectives[OBJECTIVE_COUNT] = {
    [OBJECTIVE_CLASSIFIER] = &classifier_objective,
    [OBJECTIVE_AUTOENCODER] = &autoencoder_objective,
    [OBJECTIVE_SIMCLR] = &simclr_objective,
};
