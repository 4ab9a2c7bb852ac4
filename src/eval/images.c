/* Images of a data set, of a model, of noise: see images.h. */
#include "eval/images.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Images that are read together, and their numbers. */
#define BATCH         256
#define BATCH_NUMBERS ((size_t)1 << 20)

/* Of the points of a toy. */
#define FRESH_SEED 20260204

size_t images_numbers(const images *x)
{
    return (size_t)x->height * (size_t)x->width * (size_t)x->channels;
}

size_t images_at_once(const images *x, size_t most, size_t numbers)
{
    size_t fit = numbers / images_numbers(x);
    most = most < x->count ? most : x->count;
    return fit < 1 || most < 1 ? 1 : fit < most ? fit : most;
}

int32_t images_label(const images *x, size_t i)
{
    return x->data ? x->data->label(x->data, x->chosen ? x->chosen[i] : i)
                   : (int32_t)(i % (size_t)x->classes);
}

int images_same_classes(const images *a, const images *b)
{
    if (!a->labelled || !b->labelled || a->classes != b->classes)
        return 0;
    for (int i = 0; a->class_names && b->class_names && i < a->classes; i++)
        if (strcmp(a->class_names[i], b->class_names[i]) != 0)
            return 0;
    return 1;
}

static size_t class_of(const images *x, size_t classes, size_t i)
{
    return classes > 1 ? (size_t)x->data->label(x->data, i) : 0;
}

/* Fewer images than there are stand for all, which may be sorted, or of several
 * sources: of each class alike, as long as it has some left, and of a class
 * from its first to its last, equally far apart. */
static drift_status choose(images *x, const dataset *d)
{
    drift_status status = DRIFT_OK;
    size_t classes = d->classes > 1 && x->count >= (size_t)d->classes
                         ? (size_t)d->classes
                         : 1;
    size_t left = x->count, at = 0;
    size_t *all = mem_alloc(x->ctx, classes, sizeof *all);
    size_t *share = mem_alloc(x->ctx, classes, sizeof *share);
    size_t *seen = mem_alloc(x->ctx, classes, sizeof *seen);
    x->chosen = mem_alloc(x->ctx, x->count, sizeof *x->chosen);
    if (!all || !share || !seen || !x->chosen) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < d->count; i++)
        all[class_of(x, classes, i)]++;
    while (left)
        for (size_t c = 0; c < classes && left; c++)
            if (share[c] < all[c]) {
                share[c]++;
                left--;
            }
    for (size_t i = 0; i < d->count; i++) {
        size_t c = class_of(x, classes, i);
        if ((uint64_t)seen[c]++ * share[c] % all[c] < share[c])
            x->chosen[at++] = i;
    }
out:
    mem_free(all);
    mem_free(share);
    mem_free(seen);
    return status;
}

static drift_status read_data(images *x, size_t first, size_t count,
                              float *pixels, int32_t *labels)
{
    drift_status status = DRIFT_OK;
    dataset *d = x->data;
    const size_t *chosen = x->chosen ? x->chosen + first : NULL;
    for (size_t i = 0; i < count; i++)
        labels[i] = images_label(x, first + i);
    if (!chosen)
        return dataset_read(d, first, count, pixels);
    for (size_t i = 0; i < count; i++)
        TRY(d->get(d, chosen[i], pixels + i * images_numbers(x)));
out:
    return status;
}

drift_status images_of_data(drift_context *ctx, const data_config *config,
                            size_t limit, images *out)
{
    drift_status status = DRIFT_OK;
    *out = (images){.ctx = ctx};
    TRY(dataset_open(ctx, config, FRESH_SEED, &out->data));
    const dataset *d = out->data;
    out->count = limit && (limit < d->count || !d->count) ? limit : d->count;
    if (out->count < d->count)
        TRY(choose(out, d));
    out->points = d->points;
    out->height = d->height;
    out->width = d->width;
    out->channels = d->channels;
    out->classes = d->classes;
    out->labelled = d->classes > 1;
    out->class_names = (const char *const *)d->class_names;
    out->read = read_data;
out:
    return status;
}

/* What is left of pixels in a picture, since scores are published of such. */
static void as_bytes(const images *x, float *pixels, size_t numbers)
{
    if (x->points)
        return;
    for (size_t i = 0; i < numbers; i++) {
        unsigned char byte;
        drift_to_bytes(pixels + i, 1, &byte);
        pixels[i] = (float)byte / 127.5f - 1;
    }
}

static drift_status read_samples(images *x, size_t first, size_t count,
                                 float *pixels, int32_t *labels)
{
    drift_status status = DRIFT_OK;
    float *alpha = mem_alloc(x->ctx, count, sizeof *alpha);
    if (!alpha)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        alpha[i] = x->alpha;
        labels[i] = images_label(x, first + i);
    }
    drift_request request = {.count = count,
                             .seed = x->seed,
                             .first = first,
                             .labels = labels,
                             .alpha = alpha};
    TRY(drift_model_sample(x->model, &request, pixels));
    as_bytes(x, pixels, count * images_numbers(x));
out:
    mem_free(alpha);
    return status;
}

void images_of_model(drift_context *ctx, drift_model *model, size_t count,
                     uint64_t seed, float alpha, images *out)
{
    const drift_model_info *i = drift_model_get_info(model);
    *out = (images){.ctx = ctx,
                    .count = count,
                    .height = i->height,
                    .width = i->width,
                    .channels = i->channels,
                    .classes = i->classes,
                    .points = i->points,
                    .labelled = i->use_class && i->classes > 1,
                    .class_names = i->class_names,
                    .read = read_samples,
                    .model = model,
                    .seed = seed,
                    .alpha = alpha};
}

/* Mean and deviation of each pixel of what noise is like. */
static drift_status measure(images *x)
{
    drift_status status = DRIFT_OK;
    images *like = x->like;
    size_t numbers = images_numbers(x), b;
    size_t most = images_at_once(x, BATCH, BATCH_NUMBERS);
    double n = (double)like->count;
    float *mean = mem_alloc(x->ctx, numbers, sizeof *mean);
    float *deviation = mem_alloc(x->ctx, numbers, sizeof *deviation);
    double *sum = mem_alloc(x->ctx, 2 * numbers, sizeof *sum);
    float *pixels = mem_alloc(x->ctx, most * numbers, sizeof *pixels);
    int32_t labels[BATCH];
    if (!mean || !deviation || !sum || !pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t first = 0; first < like->count; first += b) {
        b = like->count - first < most ? like->count - first : most;
        TRY(like->read(like, first, b, pixels, labels));
        for (size_t i = 0; i < b * numbers; i++) {
            double v = (double)pixels[i];
            sum[i % numbers] += v;
            sum[numbers + i % numbers] += v * v;
        }
    }
    for (size_t k = 0; k < numbers; k++) {
        double m = sum[k] / n;
        mean[k] = (float)m;
        deviation[k] = (float)sqrt(fmax(sum[numbers + k] / n - m * m, 0));
    }
    x->mean = mean;
    x->deviation = deviation;
    mean = deviation = NULL;
out:
    mem_free(mean);
    mem_free(deviation);
    mem_free(sum);
    mem_free(pixels);
    return status;
}

static drift_status read_noise(images *x, size_t first, size_t count,
                               float *pixels, int32_t *labels)
{
    drift_status status = DRIFT_OK;
    size_t numbers = images_numbers(x);
    rng_stream s = {x->seed, RNG_GRAIN, 0};
    if (!x->mean)
        TRY(measure(x));
    for (size_t i = 0; i < count; i++)
        labels[i] = images_label(x, first + i);
#pragma omp parallel for
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < numbers; k++)
            pixels[i * numbers + k] =
                x->mean[k] +
                x->deviation[k] * rng_normal(s, (first + i) * numbers + k);
    as_bytes(x, pixels, count * numbers);
out:
    return status;
}

void images_of_noise(images *like, size_t count, uint64_t seed, images *out)
{
    *out = *like;
    out->count = count;
    out->read = read_noise;
    out->data = NULL;
    out->chosen = NULL;
    out->like = like;
    out->seed = seed;
}

void images_close(images *x)
{
    dataset_free(x->data);
    mem_free(x->chosen);
    mem_free(x->mean);
    mem_free(x->deviation);
    *x = (images){0};
}

void images_digest(const images *x, digest *d)
{
    digest_add(d, &x->count, sizeof x->count);
    if (x->like) {
        digest_add(d, &x->seed, sizeof x->seed);
        images_digest(x->like, d);
    } else {
        digest_add(d, x->data->digest, sizeof x->data->digest);
    }
}

size_t images_spread(const images *x, size_t n, size_t i)
{
    return x->data ? (size_t)((double)i * (double)x->count / (double)n) : i;
}

drift_status images_read_spread(images *x, size_t n, float *pixels,
                                int32_t *labels)
{
    drift_status status = DRIFT_OK;
    if (!x->data)
        return x->read(x, 0, n, pixels, labels);
    for (size_t i = 0; i < n; i++)
        TRY(x->read(x, images_spread(x, n, i), 1,
                    pixels + i * images_numbers(x), labels + i));
out:
    return status;
}
