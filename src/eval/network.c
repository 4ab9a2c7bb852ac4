/* A network that looks at images: see network.h. */
#include "eval/network.h"

#include <math.h>

#include "base/mem.h"
#include "drift/extractor.h"

/* Images looked at together, and the numbers of them: bounds the memory; of
 * those that are resized, which each take 40 MB on their way. */
#define BATCH         256
#define BATCH_NUMBERS ((size_t)1 << 20)
#define BATCH_RESIZED 8

/* A batch as it is read and as the network takes it. */
typedef struct view {
    size_t most, h, w, c;
    float *pixels;
    resizer *resizer; /* NULL: it takes them as they are, */
    float *resized;   /* and so is this */
} view;

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

int network_resizes(const network *n)
{
    return n->encoder->config.kind == ENCODER_INCEPTION;
}

static drift_status view_open(const network *n, const images *x, view *v)
{
    drift_context *ctx = n->ctx;
    const encoder_config *c = &n->encoder->config;
    drift_status status = DRIFT_OK;
    int resizes = network_resizes(n);
    size_t h = (size_t)x->height, w = (size_t)x->width;
    *v = (view){.h = h, .w = w, .c = (size_t)x->channels};
    v->most = images_at_once(x, resizes ? BATCH_RESIZED : BATCH, BATCH_NUMBERS);
    v->pixels = mem_alloc(ctx, v->most * images_numbers(x), sizeof *v->pixels);
    if (!v->pixels)
        return DRIFT_ERROR_MEMORY;
    if (!resizes)
        return DRIFT_OK;
    v->h = (size_t)c->image_height;
    v->w = (size_t)c->image_width;
    TRY(resizer_new(ctx, n->resize, h, w, v->c, v->h, v->w, &v->resizer));
    v->resized =
        mem_alloc(ctx, v->most * v->h * v->w * v->c, sizeof *v->resized);
    if (!v->resized)
        status = DRIFT_ERROR_MEMORY;
out:
    return status;
}

static void view_close(view *v)
{
    resizer_free(v->resizer);
    mem_free(v->resized);
    mem_free(v->pixels);
}

/* The b images in v->pixels as the network takes them. */
static drift_status view_batch(drift_context *ctx, const view *v, size_t b,
                               tensor *batch)
{
    drift_status status = DRIFT_OK;
    if (v->resizer)
        TRY(resizer_run(v->resizer, v->pixels, b, v->resized));
    TRY(tensor_new(ctx, batch, DTYPE_F32, SHAPE(b, v->h, v->w, v->c)));
    TRY(tensor_write(ctx, batch, v->resizer ? v->resized : v->pixels));
out:
    return status;
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
static drift_status look_at(network *n, tape *t, const view *v, size_t count,
                            size_t first, size_t b, const int32_t *labels,
                            look *out, size_t *right)
{
    drift_context *ctx = n->ctx;
    drift_status status = DRIFT_OK;
    size_t classes = (size_t)n->classes;
    tensor batch = {0};
    float *answers = mem_alloc(ctx, b * classes, sizeof *answers);
    if (!answers)
        return DRIFT_ERROR_MEMORY;
    TRY(view_batch(ctx, v, b, &batch));
    var *logits, *seen = run(n, t, tape_constant(t, &batch), &logits);
    TRY(tape_status(t));
    size_t d = seen->value.shape.dim[1];
    if (!out->features) {
        n->features = d;
        out->features = mem_alloc(ctx, count, d * sizeof *out->features);
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
    size_t right = 0, b;
    tape *t = NULL;
    view v = {0};
    int32_t labels[BATCH];
    *out = (look){0};
    TRY(view_open(n, x, &v));
    TRY(tape_new(ctx, 0, &t));
    for (size_t first = 0; first < x->count; first += b) {
        b = x->count - first < v.most ? x->count - first : v.most;
        TRY(images_read(x, first, b, v.pixels, labels));
        TRY(look_at(n, t, &v, x->count, first, b, labels, out, &right));
        if (o->tell)
            o->tell(o->user, kind, first + b, x->count);
    }
    out->accuracy = x->labelled && n->classes == x->classes
                        ? (double)right / (double)x->count
                        : NAN;
out:
    tape_free(t);
    view_close(&v);
    return status;
}
