/* Residual networks of other people, networks-and-formats section 3: a stem,
 * then stages of blocks
 *
 *     x = relu(conv(relu(conv(x))) + shortcut(x))
 *
 * whose first block halves the size from the second stage on, where the width
 * doubles. Maps `layer<s>`, the vector `pool`, the mean over the last map;
 * logits = linear(pool).
 *
 * cifar-resnet (3.4): the stem is a 3x3 convolution, map `conv1`. The shortcut
 * has no weights: every second pixel, the new channels 0, half of them before
 * the old.
 * resnet (3.1, torchvision's): the stem is a 7x7 convolution of stride 2 and
 * the largest of 3x3, with stride 2. The shortcut is a 1x1 convolution where
 * the shape changes. A bottleneck block has three convolutions, 1x1, 3x3 and
 * 1x1 to 4 times the width.
 *
 * Each convolution is followed by a frozen batch normalisation, which is folded
 * into its weight and bias when a file is read. */
#include <stdio.h>

#include "base/mem.h"
#include "nn/encoder_layer.h"

#define EPS 1e-5f /* of batch normalisation */

typedef struct residual {
    encoder_layer conv[3];
    int convs;           /* how many */
    int stride, strided; /* of convolution number `strided` and the shortcut */
    int projects;        /* the shortcut has weights */
    encoder_layer project;
} residual;

typedef struct resnet {
    int cifar;
    int stages;
    encoder_layer stem;
    residual *blocks[ENCODER_STAGES];
    tensor
        shortcut[ENCODER_STAGES]; /* cifar: [1,1,n/2,n], of the first block */
    const char *head_name;
    encoder_layer head;
} resnet;

/* -- parameters ----------------------------------------------------------- */

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

static void declare_block(encoder *e, const resnet *r, residual *b,
                          const char *part, int number, size_t in, size_t width,
                          size_t n)
{
    int bottleneck = e->config.bottleneck;
    b->convs = bottleneck ? 3 : 2;
    b->strided = bottleneck;
    for (int k = 0; k < b->convs; k++) {
        size_t side = bottleneck && k != 1 ? 1 : 3;
        size_t out = k == b->convs - 1 ? n : width;
        b->conv[k] =
            encoder_add(e, part, SHAPE(side, side, k ? width : in, out),
                        "%s.%d.conv%d", part, number, k + 1);
    }
    b->projects = !r->cifar && (b->stride > 1 || in != n);
    if (b->projects)
        b->project = encoder_add(e, part, SHAPE(1, 1, in, n),
                                 "%s.%d.downsample", part, number);
}

/* *in: channels that come; then, that go. */
static drift_status declare_stage(encoder *e, resnet *r, int s, size_t *in)
{
    const encoder_config *c = &e->config;
    size_t width = (size_t)c->width << s, n = c->bottleneck ? 4 * width : width;
    char part[16];
    snprintf(part, sizeof part, "layer%d", s + 1);
    r->blocks[s] = mem_alloc(e->ctx, (size_t)c->blocks[s], sizeof **r->blocks);
    if (!r->blocks[s])
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i < c->blocks[s]; i++) {
        r->blocks[s][i].stride = s && !i ? 2 : 1;
        declare_block(e, r, &r->blocks[s][i], part, i, *in, width, n);
        *in = n;
    }
    return s && r->cifar ? make_shortcut(e, &r->shortcut[s], n)
                         : e->params.status;
}

static drift_status resnet_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    drift_status status = DRIFT_OK;
    resnet *r = e->state = mem_alloc(e->ctx, 1, sizeof *r);
    size_t in = (size_t)c->width, n = (size_t)c->classes;
    if (!r)
        return DRIFT_ERROR_MEMORY;
    r->cifar = c->kind == ENCODER_CIFAR_RESNET;
    size_t side = r->cifar ? 3 : 7;
    r->head_name = r->cifar ? "linear" : "fc";
    while (r->stages < ENCODER_STAGES && c->blocks[r->stages])
        r->stages++;
    if (!r->stages || (r->cifar && (c->width % 2 || c->bottleneck)))
        FAIL(e->ctx, DRIFT_ERROR_USAGE, "encoder: a %s needs blocks%s",
             e->ops->name, r->cifar ? ", no bottlenecks, an even width" : "");
    r->stem = encoder_add(e, "conv1",
                          SHAPE(side, side, (size_t)c->channels, in), "conv1");
    for (int s = 0; s < r->stages; s++)
        TRY(declare_stage(e, r, s, &in));
    if (n)
        r->head = encoder_add(e, "head", SHAPE(in, n), "%s", r->head_name);
    TRY(e->params.status);
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

static var *conv(encoder *e, tape *t, const tensor *flat,
                 const encoder_layer *l, int stride, var *x)
{
    return encoder_conv(e, t, flat, l->weight, l->bias, stride, x);
}

static var *shortcut(encoder *e, tape *t, const tensor *flat, const residual *b,
                     const tensor *weight, var *x)
{
    conv_args args = {.stride_h = b->stride,
                      .stride_w = b->stride,
                      .dilation_h = 1,
                      .dilation_w = 1,
                      .groups = 1};
    if (b->projects)
        return conv(e, t, flat, &b->project, b->stride, x);
    if (b->stride == 1 || !x)
        return x;
    const size_t *d = x->value.shape.dim, s = (size_t)b->stride;
    return tape_conv2d(t, x, tape_constant(t, weight), NULL, args,
                       (d[1] - 1) / s + 1, (d[2] - 1) / s + 1);
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const residual *b, const tensor *weight, var *x)
{
    var *y = x;
    tape_open(t);
    for (int k = 0; k < b->convs; k++) {
        if (k)
            y = tape_activation(t, y, ACT_RELU);
        y = conv(e, t, flat, &b->conv[k], k == b->strided ? b->stride : 1, y);
    }
    y = tape_add(t, y, shortcut(e, t, flat, b, weight, x), 1, 1);
    return tape_close(t, tape_activation(t, y, ACT_RELU));
}

static var *stem_forward(encoder *e, tape *t, const tensor *flat,
                         const resnet *r, var *x)
{
    tape_open(t);
    x = conv(e, t, flat, &r->stem, r->cifar ? 1 : 2, x);
    x = tape_activation(t, x, ACT_RELU);
    if (!r->cifar)
        x = tape_maxpool(t, x, (pool_args){.size = 3, .stride = 2, .pad = 1});
    return tape_close(t, x);
}

static void resnet_forward(encoder *e, tape *t, const tensor *flat, var *x,
                           encoder_out *out)
{
    const resnet *r = e->state;
    x = encoder_next(t, out, x, stem_forward(e, t, flat, r, x));
    if (r->cifar)
        encoder_emit(t, out, x, FAMILY_ALL | FAMILY_FLAT, "conv1");
    for (int s = 0; s < r->stages; s++) {
        for (int i = 0; i < e->config.blocks[s]; i++)
            x = encoder_next(t, out, x,
                             block_forward(e, t, flat, &r->blocks[s][i],
                                           &r->shortcut[s], x));
        encoder_emit(t, out, x, FAMILY_ALL | FAMILY_FLAT, "layer%d", s + 1);
        if (encoder_done(out))
            return;
    }
    var *pool = encoder_mean(t, x);
    encoder_emit(t, out, pool, 0, "pool");
    out->summary = pool;
    if (out->want_logits && e->config.classes)
        out->logits = encoder_linear(e, t, flat, &r->head, pool);
}

/* -- files ---------------------------------------------------------------- */

#define ANCHOR "layer1.0.conv1.weight"

/* Whether there are so many stages; their blocks, the width. */
static int recognize(const array_list *arrays, encoder_config *c, int stages)
{
    const array *first = weights_named(arrays, ANCHOR);
    if (!first || first->ndim != 4)
        return 0;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        char list[24];
        snprintf(list, sizeof list, "layer%d.", s + 1);
        c->blocks[s] = weights_extent(arrays, list);
        if (!c->blocks[s] != (s >= stages))
            return 0;
    }
    c->width = (int)first->dim[0];
    c->channels = 3;
    c->imagenet = 1;
    return 1;
}

static int cifar_recognize(const array_list *arrays, encoder_config *c)
{
    c->classes = encoder_count_classes(arrays, "linear");
    return recognize(arrays, c, 3);
}

static int resnet_recognize(const array_list *arrays, encoder_config *c)
{
    /* MoCo's fc tells no classes. */
    if (!weights_named(arrays, "encoder_q." ANCHOR))
        c->classes = encoder_count_classes(arrays, "fc");
    c->bottleneck = weights_named(arrays, "layer1.0.conv3.weight") ||
                    weights_named(arrays, "layer1.0.bn3.weight");
    c->resize = 64;
    return recognize(arrays, c, 4);
}

static drift_status load_conv(weights *w, const encoder_layer *l,
                              const char *conv, const char *norm)
{
    return weights_fold(w, l->weight, l->bias, EPS, conv, norm);
}

static drift_status load_block(weights *w, const residual *b, int s, int i)
{
    drift_status status = DRIFT_OK;
    char name[48], norm[48];
    for (int k = 0; k < b->convs; k++) {
        snprintf(name, sizeof name, "layer%d.%d.conv%d", s + 1, i, k + 1);
        snprintf(norm, sizeof norm, "layer%d.%d.bn%d", s + 1, i, k + 1);
        TRY(load_conv(w, &b->conv[k], name, norm));
    }
    if (b->projects) {
        snprintf(name, sizeof name, "layer%d.%d.downsample.0", s + 1, i);
        snprintf(norm, sizeof norm, "layer%d.%d.downsample.1", s + 1, i);
        TRY(load_conv(w, &b->project, name, norm));
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
    if (e->config.classes)
        TRY(encoder_take(&w, &r->head, WEIGHTS_OI, "%s", r->head_name));
    else
        weights_ignore(&w, *e->ops->heads);
out:
    return weights_close(&w, status);
}

static const char *const cifar_heads[] = {"linear.*", NULL};
static const char *const resnet_heads[] = {"fc.*", NULL};

const encoder_ops cifar_resnet_ops = {.name = "cifar-resnet",
                                      .declare = resnet_declare,
                                      .forward = resnet_forward,
                                      .close = resnet_close,
                                      .signs = "'" ANCHOR "' of 4 dimensions "
                                               "and layer1 to layer3",
                                      .recognize = cifar_recognize,
                                      .load = resnet_load,
                                      .heads = cifar_heads};
const encoder_ops resnet_ops = {
    .name = "resnet",
    .declare = resnet_declare,
    .forward = resnet_forward,
    .close = resnet_close,
    .signs = "'" ANCHOR "' of 4 dimensions and layer1 to layer4",
    .recognize = resnet_recognize,
    .load = resnet_load,
    .heads = resnet_heads};
