/* Names and shapes: networks-and-formats sections 2 to 5. */
#include "networks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formula.h"

#define NAME 128

/* A list in the making; does nothing once it has failed. */
typedef struct maker {
    drift_context *ctx;
    const char *salt;
    array_list *list;
    drift_status status;
} maker;

static void add(maker *m, int ndim, const size_t *dim, double lo, double hi,
                const char *format, ...) DRIFT_PRINTF(6, 7);
static void add(maker *m, int ndim, const size_t *dim, double lo, double hi,
                const char *format, ...)
{
    char name[NAME];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof name, format, ap);
    va_end(ap);
    if (m->status == DRIFT_OK)
        m->status =
            formula_add(m->ctx, m->list, m->salt, name, ndim, dim, lo, hi);
}

/* A weight of several dimensions: uniform, by what comes in. */
static void weight(maker *m, int ndim, const size_t *dim, double gain,
                   const char *name)
{
    double in = 1;
    for (int i = 1; i < ndim; i++)
        in *= (double)dim[i];
    double b = gain * sqrt(3 / in);
    add(m, ndim, dim, -b, b, "%s.weight", name);
}

static void conv(maker *m, size_t out, size_t in, size_t side, const char *name)
{
    weight(m, 4, (size_t[]){out, in, side, side}, 1, name);
}

static void linear(maker *m, size_t out, size_t in, double gain,
                   const char *name)
{
    weight(m, 2, (size_t[]){out, in}, gain, name);
    add(m, 1, &out, -.05, .05, "%s.bias", name);
}

static void norm(maker *m, size_t n, const char *name)
{
    add(m, 1, &n, .8, 1.2, "%s.weight", name);
    add(m, 1, &n, -.1, .1, "%s.bias", name);
}

static void batch_norm(maker *m, size_t n, const char *name)
{
    norm(m, n, name);
    add(m, 1, &n, -.1, .1, "%s.running_mean", name);
    add(m, 1, &n, .8, 1.2, "%s.running_var", name);
}

/* -- resnet --------------------------------------------------------------- */

static void residual(maker *m, const encoder_config *c, int s, int i, size_t in,
                     size_t width, size_t n)
{
    int convs = c->bottleneck ? 3 : 2;
    char name[NAME];
    for (int k = 0; k < convs; k++) {
        size_t side = c->bottleneck && k != 1 ? 1 : 3;
        size_t out = k == convs - 1 ? n : width;
        snprintf(name, sizeof name, "layer%d.%d.conv%d", s + 1, i, k + 1);
        conv(m, out, k ? width : in, side, name);
        snprintf(name, sizeof name, "layer%d.%d.bn%d", s + 1, i, k + 1);
        batch_norm(m, out, name);
    }
    if (c->kind != ENCODER_RESNET || i || (!s && in == n))
        return;
    snprintf(name, sizeof name, "layer%d.0.downsample.0", s + 1);
    conv(m, n, in, 1, name);
    snprintf(name, sizeof name, "layer%d.0.downsample.1", s + 1);
    batch_norm(m, n, name);
}

static void resnet(maker *m, const encoder_config *c)
{
    int cifar = c->kind == ENCODER_CIFAR_RESNET;
    size_t in = (size_t)c->width;
    conv(m, in, (size_t)c->channels, cifar ? 3 : 7, "conv1");
    batch_norm(m, in, "bn1");
    for (int s = 0; s < ENCODER_STAGES; s++)
        for (int i = 0; i < c->blocks[s]; i++) {
            size_t width = (size_t)c->width << s;
            size_t n = c->bottleneck ? 4 * width : width;
            residual(m, c, s, i, in, width, n);
            in = n;
        }
    if (c->classes)
        linear(m, (size_t)c->classes, in, 1, cifar ? "linear" : "fc");
}

/* -- convnext: transformers' names ---------------------------------------- */

static void convnext_block(maker *m, size_t n, int s, int i)
{
    size_t wide = 4 * n;
    char head[48], name[NAME];
    snprintf(head, sizeof head, "encoder.stages.%d.layers.%d", s, i);
#define IN(part) (snprintf(name, sizeof name, "%s." part, head), name)
    conv(m, n, 1, 7, IN("dwconv"));
    add(m, 1, &n, -.05, .05, "%s.dwconv.bias", head);
    norm(m, n, IN("layernorm"));
    linear(m, wide, n, 1, IN("pwconv1"));
    add(m, 4, (size_t[]){1, 1, 1, wide}, .5, 1.5, "%s.grn.weight", head);
    add(m, 4, (size_t[]){1, 1, 1, wide}, -.1, .1, "%s.grn.bias", head);
    linear(m, n, wide, .7, IN("pwconv2"));
#undef IN
}

static void convnext(maker *m, const encoder_config *c)
{
    size_t in = (size_t)c->channels, n = (size_t)c->widths[0];
    char name[NAME];
    conv(m, n, in, 4, "embeddings.patch_embeddings");
    add(m, 1, &n, -.05, .05, "embeddings.patch_embeddings.bias");
    norm(m, n, "embeddings.layernorm");
    for (int s = 0; s < ENCODER_STAGES; s++) {
        in = n;
        n = (size_t)c->widths[s];
        snprintf(name, sizeof name, "encoder.stages.%d.downsampling_layer.0",
                 s);
        if (s)
            norm(m, in, name);
        snprintf(name, sizeof name, "encoder.stages.%d.downsampling_layer.1",
                 s);
        if (s) {
            conv(m, n, in, 2, name);
            add(m, 1, &n, -.05, .05, "%s.bias", name);
        }
        for (int i = 0; i < c->blocks[s]; i++)
            convnext_block(m, n, s, i);
    }
    norm(m, n, "layernorm");
}

/* -- dino: torch hub's names ---------------------------------------------- */

static void dino_block(maker *m, size_t n, size_t hidden, int i)
{
    char head[32], name[NAME];
    snprintf(head, sizeof head, "blocks.%d", i);
#define IN(part) (snprintf(name, sizeof name, "%s." part, head), name)
    norm(m, n, IN("norm1"));
    linear(m, 3 * n, n, 1.5, IN("attn.qkv"));
    linear(m, n, n, 1, IN("attn.proj"));
    add(m, 1, &n, .2, .6, "%s.ls1.gamma", head);
    norm(m, n, IN("norm2"));
    linear(m, hidden, n, 1, IN("mlp.fc1"));
    linear(m, n, hidden, 1, IN("mlp.fc2"));
    add(m, 1, &n, .2, .6, "%s.ls2.gamma", head);
#undef IN
}

static void dino(maker *m, const encoder_config *c)
{
    size_t n = (size_t)c->width, side = (size_t)c->patch;
    size_t places = 1 + (size_t)c->positions * (size_t)c->positions;
    add(m, 3, (size_t[]){1, 1, n}, -.5, .5, "cls_token");
    add(m, 3, (size_t[]){1, places, n}, -.5, .5, "pos_embed");
    add(m, 2, (size_t[]){1, n}, -.5, .5, "mask_token");
    conv(m, n, (size_t)c->channels, side, "patch_embed.proj");
    add(m, 1, &n, -.05, .05, "patch_embed.proj.bias");
    for (int i = 0; i < c->blocks[0]; i++)
        dino_block(m, n, (size_t)c->hidden, i);
    norm(m, n, "norm");
}

/* -- inception: pytorch-fid's names --------------------------------------- */

/* As the program's own network has them, whose parameter P.weight is the file's
 * P.conv.weight and P.bn: a name or a shape that is not the original's would
 * change the numbers. */
static void inception(maker *m, const encoder_config *c)
{
    encoder *e = NULL;
    char name[NAME];
    m->status = encoder_declare(m->ctx, c, &e);
    for (size_t i = 0; e && i < e->params.count; i++) {
        const param *p = &e->params.list[i];
        const size_t *d = p->shape.dim;
        int n = (int)(strrchr(p->name, '.') - p->name);
        if (p->shape.ndim != 4)
            continue;
        snprintf(name, sizeof name, "%.*s.conv", n, p->name);
        weight(m, 4, (size_t[]){d[3], d[2], d[0], d[1]}, sqrt(2), name);
        snprintf(name, sizeof name, "%.*s.bn", n, p->name);
        batch_norm(m, d[3], name);
    }
    int fc = e ? params_find(&e->params, "fc.weight") : -1;
    if (fc >= 0)
        linear(m, (size_t)c->classes, e->params.list[fc].shape.dim[0], 1, "fc");
    encoder_free(e);
}

drift_status networks_arrays(drift_context *ctx, const encoder_config *c,
                             const char *salt, array_list *list)
{
    maker m = {ctx, salt, list, DRIFT_OK};
    switch (c->kind) {
    case ENCODER_CIFAR_RESNET:
    case ENCODER_RESNET:
        resnet(&m, c);
        break;
    case ENCODER_CONVNEXT:
        convnext(&m, c);
        break;
    case ENCODER_DINO:
        dino(&m, c);
        break;
    case ENCODER_INCEPTION:
        inception(&m, c);
        break;
    default:
        return ERROR(ctx, DRIFT_ERROR_USAGE, "networks: no files of kind %d",
                     c->kind);
    }
    return m.status;
}
