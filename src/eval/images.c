/* Images of a data set or of a model: see images.h. */
#include "eval/images.h"

#include <string.h>

#include "base/mem.h"

size_t images_numbers(const images *x)
{
    return (size_t)x->height * (size_t)x->width * (size_t)x->channels;
}

size_t images_at_once(const images *x, size_t most, size_t numbers)
{
    size_t fit = numbers / images_numbers(x);
    return fit < 1 ? 1 : fit < most ? fit : most;
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

drift_status images_of_data(drift_context *ctx, const data_config *config,
                            size_t limit, images *out)
{
    drift_status status = DRIFT_OK;
    *out = (images){.ctx = ctx};
    TRY(dataset_open(ctx, config, 0, &out->data));
    if (limit && limit < out->data->count &&
        limit >= (size_t)out->data->classes) {
        data_config fewer = *config;
        fewer.limit = (int64_t)limit;
        dataset_free(out->data);
        TRY(dataset_open(ctx, &fewer, 0, &out->data));
    }
    const dataset *d = out->data;
    if (d->points)
        FAIL(ctx, DRIFT_ERROR_USAGE, "'%s' are points, not images",
             config->path);
    out->count = limit && limit < d->count ? limit : d->count;
    out->height = d->height;
    out->width = d->width;
    out->channels = d->channels;
    out->classes = d->classes;
    out->labelled = d->classes > 1;
    out->class_names = (const char *const *)d->class_names;
out:
    return status;
}

drift_status images_of_model(drift_context *ctx, drift_model *model,
                             size_t count, uint64_t seed, float alpha,
                             images *out)
{
    const drift_model_info *i = drift_model_get_info(model);
    *out = (images){.ctx = ctx,
                    .count = count,
                    .height = i->height,
                    .width = i->width,
                    .channels = i->channels,
                    .classes = i->classes,
                    .labelled = i->use_class && i->classes > 1,
                    .class_names = i->class_names,
                    .model = model,
                    .seed = seed,
                    .alpha = alpha};
    return i->points ? ERROR(ctx, DRIFT_ERROR_USAGE,
                             "'%s' makes points, not images", i->path)
                     : DRIFT_OK;
}

void images_close(images *x)
{
    dataset_free(x->data);
    x->data = NULL;
}

static drift_status read_samples(images *x, size_t first, size_t count,
                                 float *pixels, int32_t *labels)
{
    drift_status status = DRIFT_OK;
    size_t numbers = count * images_numbers(x);
    float *alpha = mem_alloc(x->ctx, count, sizeof *alpha);
    unsigned char *bytes = mem_alloc(x->ctx, numbers, sizeof *bytes);
    if (!alpha || !bytes) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        alpha[i] = x->alpha;
        labels[i] = (int32_t)((first + i) % (size_t)x->classes);
    }
    drift_request request = {.count = count,
                             .seed = x->seed,
                             .first = first,
                             .labels = labels,
                             .alpha = alpha};
    TRY(drift_model_sample(x->model, &request, pixels));
    drift_to_bytes(pixels, numbers, bytes);
    for (size_t i = 0; i < numbers; i++)
        pixels[i] = (float)bytes[i] / 127.5f - 1;
out:
    mem_free(alpha);
    mem_free(bytes);
    return status;
}

drift_status images_read(images *x, size_t first, size_t count, float *pixels,
                         int32_t *labels)
{
    if (x->model)
        return read_samples(x, first, count, pixels, labels);
    for (size_t i = 0; i < count; i++)
        labels[i] = x->data->label(x->data, first + i);
    return dataset_read(x->data, first, count, pixels);
}

drift_status images_read_spread(images *x, size_t n, float *pixels,
                                int32_t *labels)
{
    drift_status status = DRIFT_OK;
    if (x->model)
        return images_read(x, 0, n, pixels, labels);
    for (size_t i = 0; i < n; i++) {
        double at = (double)i * (double)x->count / (double)n;
        TRY(images_read(x, (size_t)at, 1, pixels + i * images_numbers(x),
                        labels + i));
    }
out:
    return status;
}
