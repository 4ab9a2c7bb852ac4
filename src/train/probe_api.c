/* drift_probe: the feature families of an encoder on images of a data set. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/data.h"
#include "drift/extractor.h"
#include "eval/probe.h"

/* Images looked at together. */
#define BATCH 64

typedef struct looker {
    drift_context *ctx;
    dataset *data;
    extractor extractor;
    size_t count;
    float *pixels; /* [count,h,w,c] */
    int *labels;
    tape *tape;
} looker;

static drift_status open_all(looker *l, const char *file, const char *path,
                             size_t count)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = l->ctx;
    char everything[] = "*", train[] = "train";
    char *name = mem_strdup(ctx, file), *where = mem_strdup(ctx, path);
    features_config wanted = {.encoders = name, .families = everything};
    data_config data = {.path = where, .split = train, .crop = 1};
    encoder *e = NULL;
    data.limit = (int64_t)count;
    if (!name || !where) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(encoder_named(ctx, file, encoder_open, &e));
    data.height = e->config.image_height;
    data.width = e->config.image_width;
    TRY(dataset_open(ctx, &data, 0, &l->data));
    const dataset *d = l->data;
    if (d->points || d->count < 2 || d->classes < 2)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s': a probe needs images of two classes or more", path);
    TRY(extractor_new(
        ctx, &wanted,
        (sample_shape){d->height, d->width, d->channels, d->classes}, NULL,
        &l->extractor));
    TRY(tape_new(ctx, 0, &l->tape));
out:
    encoder_free(e);
    mem_free(where);
    mem_free(name);
    return status;
}

static size_t image_numbers(const dataset *d)
{
    return (size_t)d->height * (size_t)d->width * (size_t)d->channels;
}

static drift_status read_images(looker *l)
{
    drift_status status = DRIFT_OK;
    dataset *d = l->data;
    size_t numbers = image_numbers(d);
    l->count = d->count;
    l->pixels = mem_alloc(l->ctx, l->count * numbers, sizeof *l->pixels);
    l->labels = mem_alloc(l->ctx, l->count, sizeof *l->labels);
    if (!l->pixels || !l->labels)
        return DRIFT_ERROR_MEMORY;
    TRY(dataset_read(d, 0, l->count, l->pixels));
    for (size_t i = 0; i < l->count; i++)
        l->labels[i] = d->label(d, i);
out:
    return status;
}

/* One family of all images: [count,F,C] in `values`. */
static drift_status gather(looker *l, const store_family *family, float *values)
{
    drift_status status = DRIFT_OK;
    const dataset *d = l->data;
    extractor one = l->extractor;
    char name[FEATURE_NAME];
    features found = {0};
    tensor images = {0};
    size_t numbers = image_numbers(d), n;
    snprintf(name, sizeof name, "%s", family->name);
    one.choice = name;
    for (size_t first = 0; first < l->count; first += n) {
        n = l->count - first < BATCH ? l->count - first : BATCH;
        tape_reset(l->tape, 0);
        tensor_free(l->ctx, &images);
        TRY(tensor_new(l->ctx, &images, DTYPE_F32,
                       SHAPE(n, (size_t)d->height, (size_t)d->width,
                             (size_t)d->channels)));
        TRY(tensor_write(l->ctx, &images, l->pixels + first * numbers));
        extractor_run(&one, l->tape, &found, tape_constant(l->tape, &images));
        TRY(tape_status(l->tape));
        TRY(tensor_read(l->ctx, &found.list[0].value->value,
                        values + first * family->locations * family->channels));
    }
out:
    tape_reset(l->tape, 0);
    tensor_free(l->ctx, &images);
    features_free(&found);
    return status;
}

static drift_status look(looker *l, const store_family *family,
                         drift_probe_line *line)
{
    drift_status status = DRIFT_OK;
    size_t f = family->locations, c = family->channels;
    probe_result r;
    float *values = mem_alloc(l->ctx, l->count * f * c, sizeof *values);
    if (!values)
        return DRIFT_ERROR_MEMORY;
    TRY(gather(l, family, values));
    TRY(probe_family(l->ctx, values, l->count, f, c, l->labels,
                     l->data->classes, &r));
    *line = (drift_probe_line){.name = family->name,
                               .locations = f,
                               .channels = c,
                               .nearest = r.nearest,
                               .class_mean = r.class_mean,
                               .within = r.within,
                               .between = r.between,
                               .low = r.low,
                               .median = r.median,
                               .share = r.share};
out:
    mem_free(values);
    return status;
}

drift_status drift_probe(drift_context *ctx, const char *encoder_file,
                         const char *data, size_t count, drift_probe_fn tell,
                         void *user)
{
    drift_status status = DRIFT_OK;
    looker l = {.ctx = ctx};
    TRY(open_all(&l, encoder_file, data, count));
    TRY(read_images(&l));
    for (size_t i = 0; i < l.extractor.family_count; i++) {
        drift_probe_line line;
        TRY(look(&l, &l.extractor.families[i], &line));
        tell(user, &line);
    }
out:
    tape_free(l.tape);
    mem_free(l.labels);
    mem_free(l.pixels);
    extractor_free(&l.extractor);
    dataset_free(l.data);
    return status;
}
