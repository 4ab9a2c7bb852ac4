/* Latents of all images, computed once. */
#include "train/latents.h"

#include <string.h>

#include "base/mem.h"
#include "nn/autoencoder.h"

#define BATCH 128

typedef struct latents {
    dataset *images;
    float *values; /* [count,h,w,c] */
} latents;

static drift_status latents_get(dataset *d, size_t i, float *out)
{
    const latents *l = d->state;
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    memcpy(out, l->values + i * n, n * sizeof *out);
    return DRIFT_OK;
}

static int latents_label(dataset *d, size_t i)
{
    const latents *l = d->state;
    return l->images->label(l->images, i);
}

static void latents_close(dataset *d)
{
    latents *l = d->state;
    dataset_free(l->images);
    mem_free(l->values);
    mem_free(l);
}

static drift_status encode_all(drift_context *ctx, encoder *e, dataset *d)
{
    drift_status status = DRIFT_OK;
    latents *l = d->state;
    dataset *from = l->images;
    shape s = SHAPE(BATCH, (size_t)from->height, (size_t)from->width,
                    (size_t)from->channels);
    float *pixels = mem_alloc(ctx, shape_count(s), sizeof *pixels);
    size_t n = 0;
    tensor images = {0};
    tape *t = NULL;
    if (!pixels)
        return DRIFT_ERROR_MEMORY;
    TRY(tape_new(ctx, 0, &t));
    TRY(tensor_new(ctx, &images, DTYPE_F32, s));
    for (size_t first = 0; first < d->count; first += BATCH) {
        s.dim[0] = d->count - first < BATCH ? d->count - first : BATCH;
        tensor some = tensor_view(&images, 0, s);
        tape_reset(t, 0);
        TRY(dataset_read(from, first, s.dim[0], pixels));
        TRY(tensor_write(ctx, &some, pixels));
        var *z =
            autoencoder_encode(e, t, &e->params.value, tape_constant(t, &some));
        TRY(tape_status(t));
        if (!l->values) {
            const size_t *dim = z->value.shape.dim;
            d->height = (int)dim[1];
            d->width = (int)dim[2];
            d->channels = (int)dim[3];
            n = dim[1] * dim[2] * dim[3];
            l->values = mem_alloc(ctx, d->count * n, sizeof *l->values);
            if (!l->values) {
                status = DRIFT_ERROR_MEMORY;
                goto out;
            }
        }
        TRY(tensor_read(ctx, &z->value, l->values + first * n));
    }
out:
    tape_free(t);
    tensor_free(ctx, &images);
    mem_free(pixels);
    return status;
}

/* Of what they follow from: devices round the latents differently. */
static drift_status make_digest(drift_context *ctx, const encoder *e,
                                dataset *d)
{
    drift_status status;
    const latents *l = d->state;
    digest *sum = digest_new();
    if (!sum)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    digest_add(sum, l->images->digest, strlen(l->images->digest));
    status = encoder_digest(e, sum);
    digest_finish(sum, d->digest);
    return status;
}

drift_status latents_new(drift_context *ctx, encoder *e, dataset *images,
                         dataset **out)
{
    drift_status status = DRIFT_OK;
    dataset *d = NULL;
    latents *l = NULL;
    *out = NULL;
    if (!images->count || images->flip)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "generator.autoencoder: its latents are computed once: %s",
             images->count ? "data.flip has to be false"
                           : "the data cannot be endless");
    d = mem_alloc(ctx, 1, sizeof *d);
    l = mem_alloc(ctx, 1, sizeof *l);
    if (!d || !l) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    l->images = images;
    images = NULL;
    *d = (dataset){.ctx = ctx,
                   .count = l->images->count,
                   .classes = l->images->classes,
                   .class_names = l->images->class_names,
                   .source = l->images,
                   .get = latents_get,
                   .label = latents_label,
                   .close = latents_close,
                   .state = l};
    l = NULL;
    TRY(encode_all(ctx, e, d));
    TRY(make_digest(ctx, e, d));
    *out = d;
    d = NULL;
out:
    dataset_free(images);
    dataset_free(d);
    if (!d && l)
        mem_free(l);
    return status;
}
