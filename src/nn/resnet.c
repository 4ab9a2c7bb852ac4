/* Residual networks of other people, networks-and-formats section 3.
 *
 * cifar-resnet (3.4): conv3x3, then three stages of blocks
 *
 *     x = relu(conv3x3(relu(conv3x3(x))) + shortcut(x))
 *
 * of widths w, 2w, 4w; the first block of the later stages has stride 2 and a
 * shortcut without weights: every second pixel, the new channels 0, half of
 * them before the old. Maps `conv1` and `layer<s>`, the vector `pool`, their
 * mean over the last map; logits = linear(pool).
 *
 * Each convolution is followed by a frozen batch normalisation, which is folded
 * into its weight and bias when a file is read. */
#include <stdio.h>

#include "base/mem.h"
#include "nn/encoder.h"
#include "nn/weights.h"

#define EPS 1e-5f /* of batch normalisation */

typedef struct layer {
    int weight, bias;
} layer;

typedef struct residual {
    layer conv[2];
    int stride;
} residual;

typedef struct resnet {
    int stages;
    layer stem;
    residual *blocks[ENCODER_STAGES];
    tensor shortcut[ENCODER_STAGES]; /* [1,1,n/2,n], of the first block */
    layer head;
} resnet;

/* -- parameters ----------------------------------------------------------- */

static layer add_conv(params *p, const char *part, size_t side, size_t in,
                      size_t out, const char *name)
{
    return (layer){
        params_add(p, part, SHAPE(side, side, in, out), INIT_XAVIER, 0,
                   "%s.weight", name),
        params_add(p, part, SHAPE(out), INIT_ZERO, 0, "%s.bias", name)};
}

/* A convolution with this weight is the shortcut from n/2 to n channels. */
static drift_status make_shortcut(encoder *e, tensor *t, size_t n)
{
    drift_status status = DRIFT_OK;
    size_t in = n / 2;
    float *w = mem_alloc(e->ctx, in * n, sizeof *w);
    if (!w)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < in; i++)
        w[i * n + n / 4 + i] = 1;
    TRY(tensor_new(e->ctx, t, DTYPE_F32, SHAPE(1, 1, in, n)));
    TRY(tensor_write(e->ctx, t, w));
out:
    mem_free(w);
    return status;
}

static drift_status declare_stage(encoder *e, resnet *r, int s, size_t in)
{
    params *p = &e->params;
    int count = e->config.blocks[s];
    size_t n = (size_t)e->config.width << s;
    char part[16], name[64];
    snprintf(part, sizeof part, "layer%d", s + 1);
    r->blocks[s] = mem_alloc(e->ctx, (size_t)count, sizeof **r->blocks);
    if (!r->blocks[s])
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i < count; i++) {
        residual *b = &r->blocks[s][i];
        b->stride = s && !i ? 2 : 1;
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "%s.%d.conv%d", part, i, k + 1);
            b->conv[k] = add_conv(p, part, 3, i || k ? n : in, n, name);
        }
    }
    return s ? make_shortcut(e, &r->shortcut[s], n) : p->status;
}

static drift_status resnet_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    params *p = &e->params;
    drift_status status = DRIFT_OK;
    resnet *r = e->state = mem_alloc(e->ctx, 1, sizeof *r);
    size_t in = (size_t)c->width;
    if (!r)
        return DRIFT_ERROR_MEMORY;
    while (r->stages < ENCODER_STAGES && c->blocks[r->stages])
        r->stages++;
    if (!r->stages || (r->stages > 1 && c->width % 2))
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: a resnet needs blocks, and an even width");
    r->stem = add_conv(p, "conv1", 3, (size_t)c->channels, in, "conv1");
    for (int s = 0; s < r->stages; s++) {
        TRY(declare_stage(e, r, s, in));
        in = (size_t)c->width << s;
    }
    if (c->classes) {
        size_t n = (size_t)c->classes;
        r->head.weight = params_add(p, "head", SHAPE(in, n), INIT_XAVIER, 0,
                                    "linear.weight");
        r->head.bias =
            params_add(p, "head", SHAPE(n), INIT_ZERO, 0, "linear.bias");
    }
    TRY(p->status);
out:
    return status;
}

static void resnet_close(encoder *e)
{
    resnet *r = e->state;
    for (int s = 0; r && s < ENCODER_STAGES; s++) {
        mem_free(r->blocks[s]);
        tensor_free(e->ctx, &r->shortcut[s]);
    }
}

/* -- forward -------------------------------------------------------------- */

static var *conv(encoder *e, tape *t, const tensor *flat, const layer *l,
                 int stride, var *x)
{
    return encoder_conv(e, t, flat, l->weight, l->bias, stride, x);
}

static var *shortcut(tape *t, const tensor *weight, int stride, var *x)
{
    conv_args args = {.stride_h = stride,
                      .stride_w = stride,
                      .dilation_h = 1,
                      .dilation_w = 1,
                      .groups = 1};
    if (stride == 1 || !x)
        return x;
    const size_t *d = x->value.shape.dim, s = (size_t)stride;
    return tape_conv2d(t, x, tape_constant(t, weight), NULL, args,
                       (d[1] - 1) / s + 1, (d[2] - 1) / s + 1);
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const residual *b, const tensor *weight, var *x)
{
    tape_open(t);
    var *y = conv(e, t, flat, &b->conv[0], b->stride, x);
    y = conv(e, t, flat, &b->conv[1], 1, tape_activation(t, y, ACT_RELU));
    y = tape_add(t, y, shortcut(t, weight, b->stride, x), 1, 1);
    return tape_close(t, tape_activation(t, y, ACT_RELU));
}

static void resnet_forward(encoder *e, tape *t, const tensor *flat, var *x,
                           encoder_out *out)
{
    const resnet *r = e->state;
    tape_open(t);
    x = tape_activation(t, conv(e, t, flat, &r->stem, 1, x), ACT_RELU);
    x = tape_close(t, x);
    encoder_emit(t, out, x, FAMILY_ALL, "conv1");
    for (int s = 0; s < r->stages; s++) {
        for (int i = 0; i < e->config.blocks[s]; i++)
            x = encoder_next(t, out, x,
                             block_forward(e, t, flat, &r->blocks[s][i],
                                           &r->shortcut[s], x));
        encoder_emit(t, out, x, FAMILY_ALL, "layer%d", s + 1);
    }
    var *pool = encoder_mean(t, x);
    encoder_emit(t, out, pool, 0, "pool");
    if (out->want_logits && e->config.classes)
        out->logits =
            tape_linear(t, pool, encoder_leaf(e, t, flat, r->head.weight),
                        encoder_leaf(e, t, flat, r->head.bias));
}

/* -- files ---------------------------------------------------------------- */

#define ANCHOR "layer1.0.conv1.weight"

static int count_blocks(const array_list *arrays, encoder_config *c)
{
    int stages = 0;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        char list[16];
        snprintf(list, sizeof list, "layer%d.", s + 1);
        c->blocks[s] = weights_extent(arrays, list);
        if (c->blocks[s] && stages == s)
            stages++;
    }
    return stages;
}

static int cifar_recognize(const array_list *arrays, encoder_config *c)
{
    const array *first = weights_seek(arrays, ANCHOR);
    const array *head = weights_seek(arrays, "linear.weight");
    if (!head)
        head = weights_seek(arrays, "linear.bias");
    if (count_blocks(arrays, c) != 3 || !first || first->ndim != 4)
        return 0;
    c->width = (int)first->dim[0];
    c->channels = 3;
    c->classes = head && head->ndim ? (int)head->dim[0] : 0;
    c->imagenet = 1;
    return 1;
}

static drift_status load_conv(weights *w, const layer *l, const char *conv,
                              const char *norm)
{
    return weights_fold(w, l->weight, l->bias, EPS, conv, norm);
}

static drift_status load_block(weights *w, const residual *b, int s, int i)
{
    drift_status status = DRIFT_OK;
    for (int k = 0; k < 2; k++) {
        char name[48], norm[48];
        snprintf(name, sizeof name, "layer%d.%d.conv%d", s + 1, i, k + 1);
        snprintf(norm, sizeof norm, "layer%d.%d.bn%d", s + 1, i, k + 1);
        TRY(load_conv(w, &b->conv[k], name, norm));
    }
out:
    return status;
}

static drift_status resnet_load(encoder *e, const array_list *arrays,
                                tensor *flat)
{
    const resnet *r = e->state;
    drift_status status = DRIFT_OK;
    weights w;
    TRY(weights_open(&e->params, flat, arrays, ANCHOR, &w));
    TRY(load_conv(&w, &r->stem, "conv1", "bn1"));
    for (int s = 0; s < r->stages; s++)
        for (int i = 0; i < e->config.blocks[s]; i++)
            TRY(load_block(&w, &r->blocks[s][i], s, i));
    if (e->config.classes) {
        TRY(weights_take(&w, r->head.weight, WEIGHTS_OI, "linear.weight"));
        TRY(weights_take(&w, r->head.bias, WEIGHTS_AS_OURS, "linear.bias"));
    } else {
        weights_ignore(&w, *e->ops->heads);
    }
out:
    return weights_close(&w, status);
}

static const char *const cifar_heads[] = {"linear.*", NULL};

const encoder_ops cifar_resnet_ops = {.name = "cifar-resnet",
                                      .declare = resnet_declare,
                                      .forward = resnet_forward,
                                      .close = resnet_close,
                                      .recognize = cifar_recognize,
                                      .load = resnet_load,
                                      .heads = cifar_heads};
