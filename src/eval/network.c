/* A network that looks at images: see network.h. */
#include "eval/network.h"

#include <math.h>

#include "base/mem.h"
#include "drift/extractor.h"

/* Images looked at together, and the numbers of them: bounds the memory. */
#define BATCH         256
#define BATCH_NUMBERS ((size_t)1 << 20)

/* The features [b,features] of images [b,h,w,c], and the logits or NULL. */
static var *run(network *n, tape *t, var *image, var **logits)
{
    encoder_out out = {.want_logits = 1};
    encoder_forward(n->encoder, t, &n->encoder->params.value, image, &out);
    *logits = out.logits;
    if (tape_status(t) != DRIFT_OK || !out.count)
        return NULL;
    return out.summary ? out.summary
                       : encoder_mean(t, out.list[out.count - 1].value);
}

drift_status network_open(drift_context *ctx, const char *name, network *out)
{
    *out = (network){.ctx = ctx};
    drift_status status =
        encoder_named(ctx, name, encoder_open_whole, &out->encoder);
    if (status == DRIFT_OK)
        out->classes = out->encoder->config.classes;
    return status;
}

void network_close(network *n)
{
    encoder_free(n->encoder);
    n->encoder = NULL;
}

void look_free(look *l)
{
    mem_free(l->features);
    *l = (look){0};
}

static size_t count_right(const float *logits, const int32_t *labels, size_t n,
                          size_t classes)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            if (logits[i * classes + k] > logits[i * classes + best])
                best = k;
        right += best == (size_t)labels[i];
    }
    return right;
}

/* One batch, images first ... first + b - 1, into its place of `out`. */
static drift_status look_at(network *n, tape *t, const images *x, size_t first,
                            size_t b, const float *pixels,
                            const int32_t *labels, look *out, size_t *right)
{
    drift_context *ctx = n->ctx;
    drift_status status = DRIFT_OK;
    size_t classes = (size_t)n->classes;
    tensor batch = {0};
    float *answers = mem_alloc(ctx, b * classes, sizeof *answers);
    if (!answers)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_new(ctx, &batch, DTYPE_F32,
                   SHAPE(b, (size_t)x->height, (size_t)x->width,
                         (size_t)x->channels)));
    TRY(tensor_write(ctx, &batch, pixels));
    var *logits, *seen = run(n, t, tape_constant(t, &batch), &logits);
    TRY(tape_status(t));
    size_t d = seen->value.shape.dim[1];
    if (!out->features) {
        n->features = d;
        out->features = mem_alloc(ctx, x->count, d * sizeof *out->features);
        if (!out->features) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
    }
    TRY(tensor_read(ctx, &seen->value, out->features + first * d));
    if (logits) {
        TRY(tensor_read(ctx, &logits->value, answers));
        *right += count_right(answers, labels, b, classes);
    }
out:
    tape_reset(t, 0);
    tensor_free(ctx, &batch);
    mem_free(answers);
    return status;
}

drift_status network_look(network *n, images *x, const char *kind,
                          const drift_evaluate_options *o, look *out)
{
    drift_context *ctx = n->ctx;
    drift_status status = DRIFT_OK;
    size_t numbers = images_numbers(x), right = 0, b;
    size_t most = images_at_once(x, BATCH, BATCH_NUMBERS);
    tape *t = NULL;
    float *pixels = mem_alloc(ctx, most * numbers, sizeof *pixels);
    int32_t labels[BATCH];
    *out = (look){0};
    if (!pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tape_new(ctx, 0, &t));
    for (size_t first = 0; first < x->count; first += b) {
        b = x->count - first < most ? x->count - first : most;
        TRY(images_read(x, first, b, pixels, labels));
        TRY(look_at(n, t, x, first, b, pixels, labels, out, &right));
        if (o->tell)
            o->tell(o->user, kind, first + b, x->count);
    }
    out->accuracy = x->labelled && n->classes == x->classes
                        ? (double)right / (double)x->count
                        : NAN;
out:
    tape_free(t);
    mem_free(pixels);
    return status;
}
