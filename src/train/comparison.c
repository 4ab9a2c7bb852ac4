/* Real images beside decoded ones and samples: see comparison.h. */
#include "train/comparison.h"

#include "base/mem.h"

#define CLASSES ((size_t)10)

static size_t image_numbers(const comparison *c)
{
    return c->height * c->width * c->channels;
}

/* Image `column` of a row. */
static unsigned char *place(const comparison *c, size_t class_, size_t kind,
                            size_t column)
{
    return c->images + ((class_ * c->kinds + kind) * c->columns + column) *
                           image_numbers(c);
}

/* A latent through the decoder. */
static drift_status decode(comparison *c, generator *g, const float *latent,
                           tape *t, float *out)
{
    drift_status status = DRIFT_OK;
    const sample_shape *s = &g->sample;
    tensor z = {0};
    TRY(tensor_new(c->ctx, &z, DTYPE_F32,
                   SHAPE(1, (size_t)s->height, (size_t)s->width,
                         (size_t)s->channels)));
    TRY(tensor_write(c->ctx, &z, latent));
    var *y = generator_image(g, t, tape_constant(t, &z));
    TRY(tape_status(t));
    TRY(tensor_read(c->ctx, &y->value, out));
out:
    tape_reset(t, 0);
    tensor_free(c->ctx, &z);
    return status;
}

static drift_status take(comparison *c, generator *g, dataset *data, size_t i,
                         size_t column, tape *t, float *sample, float *pixels)
{
    drift_status status = DRIFT_OK;
    size_t label = (size_t)data->label(data, i), n = image_numbers(c);
    dataset *images = data->source ? data->source : data;
    TRY(images->get(images, i, pixels));
    dataset_to_bytes(pixels, n, place(c, label, 0, column));
    if (c->kinds == 3) {
        TRY(data->get(data, i, sample));
        TRY(decode(c, g, sample, t, pixels));
        drift_to_bytes(pixels, n, place(c, label, 1, column));
    }
out:
    return status;
}

drift_status comparison_new(drift_context *ctx, generator *g, dataset *data,
                            size_t columns, comparison *c)
{
    drift_status status = DRIFT_OK;
    sample_shape image = generator_image_shape(g);
    size_t have[CLASSES] = {0}, classes = (size_t)data->classes, open;
    size_t latent = (size_t)data->height * (size_t)data->width *
                    (size_t)data->channels;
    float *sample = NULL, *pixels = NULL;
    tape *t = NULL;
    *c = (comparison){.ctx = ctx,
                      .classes = classes < CLASSES ? classes : CLASSES,
                      .kinds = data->source ? 3 : 2,
                      .columns = columns,
                      .height = (size_t)image.height,
                      .width = (size_t)image.width,
                      .channels = (size_t)image.channels};
    /* Of images so large that only the samples fit into a picture, none. */
    if (drift_sheet_check(ctx, c->classes * c->kinds * columns, columns,
                          c->height, c->width, 0) != DRIFT_OK) {
        drift_error_clear(ctx);
        return DRIFT_OK;
    }
    c->images =
        mem_alloc(ctx, c->classes * c->kinds * columns, image_numbers(c));
    sample = mem_alloc(ctx, latent, sizeof *sample);
    pixels = mem_alloc(ctx, image_numbers(c), sizeof *pixels);
    if (!c->images || !sample || !pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tape_new(ctx, 0, &t));
    open = c->classes * columns;
    for (size_t i = 0; open && i < data->count; i++) {
        size_t label = (size_t)data->label(data, i);
        if (label >= c->classes || have[label] == columns)
            continue;
        TRY(take(c, g, data, i, have[label], t, sample, pixels));
        have[label]++;
        open--;
    }
out:
    tape_free(t);
    mem_free(sample);
    mem_free(pixels);
    return status;
}

void comparison_free(comparison *c)
{
    mem_free(c->images);
    c->images = NULL;
}

drift_status comparison_write(comparison *c, const char *path,
                              const float *samples, const int *labels,
                              size_t count)
{
    size_t have[CLASSES] = {0}, n = image_numbers(c);
    for (size_t i = 0; i < count; i++) {
        size_t label = (size_t)labels[i];
        if (label < c->classes && have[label] < c->columns)
            drift_to_bytes(samples + i * n, n,
                           place(c, label, c->kinds - 1, have[label]++));
    }
    return drift_write_sheet(c->ctx, path, c->images,
                             c->classes * c->kinds * c->columns, c->columns,
                             c->height, c->width, c->channels, 0);
}
