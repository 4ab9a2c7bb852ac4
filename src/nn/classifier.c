/* A small classifier for images of 28x28 to 64x64, whose maps and last hidden
 * layer are what samples are compared in:
 *
 *     x = patches of the image as channels (patch 1: the image)
 *     stage i: conv3x3 (stride 2 from the second on), then blocks[i] times
 *              x = SiLU(GroupNorm(conv3x3(x)));  map `map<i>`
 *     hidden = SiLU(linear(mean over locations of the last map))
 *     logits = linear(hidden), where there are classes
 *
 * The channels double where the size halves. GroupNorm, because it means the
 * same in training and in use, and in any batch. */
#include "base/mem.h"
#include "nn/conv_layer.h"
#include "nn/encoder.h"

typedef struct classifier {
    int stages;
    conv_layer *layers[ENCODER_STAGES]; /* [1 + blocks] */
    int hidden_w, hidden_b, out_w, out_b;
} classifier;

static drift_status declare_stage(encoder *e, classifier *k, int s, size_t in)
{
    drift_status status = DRIFT_OK;
    const encoder_config *c = &e->config;
    char part[16] = "stage1";
    size_t n = (size_t)c->width << s;
    part[5] = (char)('1' + s);
    k->layers[s] =
        mem_alloc(e->ctx, (size_t)c->blocks[s] + 1, sizeof **k->layers);
    if (!k->layers[s])
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i <= c->blocks[s]; i++)
        TRY(conv_layer_declare(e, part, i ? n : in, n, c->groups,
                               &k->layers[s][i], "stages.%d.%d", s, i));
out:
    return status;
}

static drift_status classifier_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    params *p = &e->params;
    drift_status status = DRIFT_OK;
    classifier *k = e->state = mem_alloc(e->ctx, 1, sizeof *k);
    size_t in = encoder_channels(c), hidden = (size_t)c->hidden;
    if (!k)
        return DRIFT_ERROR_MEMORY;
    while (k->stages < ENCODER_STAGES && c->blocks[k->stages])
        k->stages++;
    if (!k->stages || !hidden || c->groups < 1)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: a classifier needs blocks, groups and hidden of at "
             "least 1");
    for (int s = 0; s < k->stages; s++) {
        TRY(declare_stage(e, k, s, in));
        in = (size_t)c->width << s;
    }
    k->hidden_w = params_add(p, "head", SHAPE(in, hidden), INIT_XAVIER, 0,
                             "hidden.weight");
    k->hidden_b =
        params_add(p, "head", SHAPE(hidden), INIT_ZERO, 0, "hidden.bias");
    if (c->classes) {
        k->out_w = params_add(p, "head", SHAPE(hidden, (size_t)c->classes),
                              INIT_XAVIER, 0, "out.weight");
        k->out_b = params_add(p, "head", SHAPE((size_t)c->classes), INIT_ZERO,
                              0, "out.bias");
    }
    TRY(p->status);
out:
    return status;
}

static void classifier_close(encoder *e)
{
    classifier *k = e->state;
    for (int s = 0; k && s < ENCODER_STAGES; s++)
        mem_free(k->layers[s]);
}

static void classifier_forward(encoder *e, tape *t, const tensor *flat, var *x,
                               encoder_out *out)
{
    const classifier *k = e->state;
    x = encoder_patchify(e, t, x);
    for (int s = 0; s < k->stages; s++) {
        for (int i = 0; i <= e->config.blocks[s]; i++) {
            int stride = s && !i ? 2 : 1;
            x = encoder_next(
                t, out, x,
                conv_layer_forward(e, t, flat, &k->layers[s][i], stride, x));
        }
        encoder_emit(t, out, x, FAMILY_ALL | FAMILY_FLAT, "map%d", s + 1);
        if (encoder_done(out))
            return;
    }
    tape_open(t);
    var *hidden =
        tape_activation(t,
                        tape_linear(t, encoder_mean(t, x),
                                    encoder_leaf(e, t, flat, k->hidden_w),
                                    encoder_leaf(e, t, flat, k->hidden_b)),
                        ACT_SILU);
    hidden = tape_close(t, hidden);
    encoder_emit(t, out, hidden, 0, "hidden");
    out->summary = hidden;
    if (out->want_logits && e->config.classes)
        out->logits = tape_linear(t, hidden, encoder_leaf(e, t, flat, k->out_w),
                                  encoder_leaf(e, t, flat, k->out_b));
}

const encoder_ops classifier_ops = {.name = "classifier",
                                    .declare = classifier_declare,
                                    .forward = classifier_forward,
                                    .close = classifier_close};
