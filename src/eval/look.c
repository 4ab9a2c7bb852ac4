/* What a network saw: see look.h. */
#include "eval/look.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/inception_score.h"

/* Numbers of images that are read together: bounds the memory. */
#define BATCH_NUMBERS ((size_t)1 << 20)

/* Parts of an Inception Score, and the order of images that is cut into them:
 * as it is published. */
#define SPLITS     10
#define SPLIT_SEED 2020

typedef struct pass {
    network *network;
    images *x;
    look *look;
    inception_score score;
    float *pixels, *features, *logits; /* of a batch */
    int32_t *labels;                   /* of a batch, too */
    size_t right;
} pass;

void look_free(look *l)
{
    moments_free(&l->moments);
    mem_free(l->features);
    mem_free(l->labels);
    mem_free(l->taken);
    mem_free(l->asked);
    *l = (look){0};
}

drift_status look_new(drift_context *ctx, size_t count, size_t d,
                      size_t classes, look *out)
{
    drift_status status = DRIFT_OK;
    *out = (look){.count = count,
                  .kept = count < LOOK_KEPT ? count : LOOK_KEPT,
                  .classes = classes,
                  .accuracy = NAN,
                  .score = NAN,
                  .score_deviation = NAN};
    out->features = mem_alloc(ctx, out->kept, d * sizeof *out->features);
    out->labels = mem_alloc(ctx, out->kept, sizeof *out->labels);
    out->taken = mem_alloc(ctx, classes, sizeof *out->taken);
    out->asked = mem_alloc(ctx, classes, sizeof *out->asked);
    if (!out->features || !out->labels || !out->taken || !out->asked) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(moments_new(ctx, d, &out->moments));
out:
    if (status != DRIFT_OK)
        look_free(out);
    return status;
}

/* Once the first batch has shown how many features there are. */
static drift_status begin(pass *p, size_t most, size_t d)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = p->network->ctx;
    size_t count = p->x->count, classes = (size_t)p->network->classes;
    TRY(look_new(ctx, count, d, classes, p->look));
    p->features = mem_alloc(ctx, most, d * sizeof *p->features);
    p->logits = mem_alloc(ctx, most, classes * sizeof *p->logits);
    if (!p->features || !p->logits) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (classes && count >= SPLITS)
        TRY(inception_score_new(ctx, count, classes, SPLITS, SPLIT_SEED,
                                &p->score));
out:
    return status;
}

static void count_classes(pass *p, size_t b)
{
    look *l = p->look;
    for (size_t i = 0; i < b; i++) {
        const float *logits = p->logits + i * l->classes;
        size_t best = 0;
        for (size_t k = 1; k < l->classes; k++)
            if (logits[k] > logits[best])
                best = k;
        l->taken[best]++;
        if ((size_t)p->labels[i] < l->classes)
            l->asked[p->labels[i]]++;
        p->right += best == (size_t)p->labels[i];
    }
}

/* Image i is kept where i kept / count takes a new value with it. */
static void keep(pass *p, size_t first, size_t b)
{
    look *l = p->look;
    size_t d = l->moments.d;
    for (size_t i = 0; i < b; i++) {
        size_t at = (first + i) * l->kept / l->count;
        if ((first + i + 1) * l->kept / l->count == at)
            continue;
        memcpy(l->features + at * d, p->features + i * d,
               d * sizeof *l->features);
        l->labels[at] = p->labels[i];
    }
}

static drift_status look_at_batch(pass *p, size_t most, size_t first, size_t b)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = p->network->ctx;
    const tensor *features, *logits;
    const images *x = p->x;
    TRY(p->x->read(p->x, first, b, p->pixels, p->labels));
    TRY(network_run(p->network, p->pixels, b, (size_t)x->height,
                    (size_t)x->width, (size_t)x->channels, &features, &logits));
    if (!p->features)
        TRY(begin(p, most, features->shape.dim[1]));
    TRY(tensor_read(ctx, features, p->features));
    TRY(moments_add(ctx, &p->look->moments, p->features, b));
    keep(p, first, b);
    if (logits) {
        TRY(tensor_read(ctx, logits, p->logits));
        count_classes(p, b);
        if (p->score.n)
            inception_score_add(&p->score, first, p->logits, b);
    }
out:
    network_forget(p->network);
    return status;
}

drift_status look_take(network *n, images *x, const char *kind,
                       const drift_evaluate_options *o, look *out)
{
    drift_status status = DRIFT_OK;
    pass p = {.network = n, .x = x, .look = out};
    size_t most = images_at_once(x, network_at_once(n), BATCH_NUMBERS), b;
    *out = (look){0};
    p.pixels = mem_alloc(n->ctx, most * images_numbers(x), sizeof *p.pixels);
    p.labels = mem_alloc(n->ctx, most, sizeof *p.labels);
    if (!p.pixels || !p.labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t first = 0; first < x->count; first += b) {
        b = x->count - first < most ? x->count - first : most;
        TRY(look_at_batch(&p, most, first, b));
        if (o->tell)
            o->tell(o->user, kind, first + b, x->count);
    }
    TRY(moments_finish(n->ctx, &out->moments));
    if (x->labelled && n->classes == x->classes)
        out->accuracy = (double)p.right / (double)x->count;
    if (p.score.n)
        inception_score_finish(&p.score, &out->score, &out->score_deviation);
out:
    inception_score_free(&p.score);
    mem_free(p.pixels);
    mem_free(p.labels);
    mem_free(p.features);
    mem_free(p.logits);
    if (status != DRIFT_OK)
        look_free(out);
    return status;
}
