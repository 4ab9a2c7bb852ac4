/* ConvNeXt-V2, networks-and-formats section 2: a stem of 4x4 patches, then
 * stages of blocks
 *
 *     x = x + linear(grn(gelu(linear(layernorm(depthwise7x7(x))))))
 *
 * with a layernorm and a 2x2 convolution of stride 2 before each but the
 * first. Maps and vectors are those of the release (method.md section 3), whose
 * spelling they keep: `convenxt_stage_<i>` is a stage's map, at each location
 * less its mean over the channels, by its deviation + 1e-3 (as it is without
 * map_norm); `global_mean` the layernorm of the last map's mean, `global_std`
 * the deviation of the normalised one. */
#include <stdio.h>

#include "base/mem.h"
#include "nn/encoder_layer.h"

#define EPS     1e-6f
#define MAP_EPS 1e-3f /* added to the deviation */
#define STD_EPS 1e-6f /* of the families of method.md section 3 */
#define WIDER   4     /* the width inside a block */

typedef struct convnext_block {
    encoder_layer depthwise, norm, linear1, grn, linear2;
} convnext_block;

typedef struct convnext {
    int stages;
    encoder_layer conv[ENCODER_STAGES]; /* of the stem, or before a stage */
    encoder_layer norm[ENCODER_STAGES]; /* after the stem, before the conv */
    convnext_block *blocks[ENCODER_STAGES];
    encoder_layer last;
} convnext;

/* -- parameters ----------------------------------------------------------- */

static drift_status declare_stage(encoder *e, convnext *k, int s)
{
    const encoder_config *c = &e->config;
    size_t n = (size_t)c->widths[s], in = (size_t)c->channels, side = 4;
    size_t wide = WIDER * n;
    char part[24];
    snprintf(part, sizeof part, "stage%d", s);
    if (s) {
        in = (size_t)c->widths[s - 1];
        side = 2;
    }
    k->conv[s] = encoder_add(e, part, SHAPE(side, side, in, n),
                             "stages.%d.down.conv", s);
    k->norm[s] =
        encoder_add(e, part, SHAPE(s ? in : n), "stages.%d.down.norm", s);
    k->blocks[s] = mem_alloc(e->ctx, (size_t)c->blocks[s], sizeof **k->blocks);
    if (!k->blocks[s])
        return DRIFT_ERROR_MEMORY;
#define ADD(field, shape, name)                                                \
    b->field = encoder_add(e, part, shape, "stages.%d.%d." name, s, i)
    for (int i = 0; i < c->blocks[s]; i++) {
        convnext_block *b = &k->blocks[s][i];
        ADD(depthwise, SHAPE(7, 7, 1, n), "depthwise");
        ADD(norm, SHAPE(n), "norm");
        ADD(linear1, SHAPE(n, wide), "linear1");
        ADD(grn, SHAPE(wide), "grn");
        ADD(linear2, SHAPE(wide, n), "linear2");
    }
#undef ADD
    return e->params.status;
}

static drift_status convnext_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    drift_status status = DRIFT_OK;
    convnext *k = e->state = mem_alloc(e->ctx, 1, sizeof *k);
    if (!k)
        return DRIFT_ERROR_MEMORY;
    while (k->stages < ENCODER_STAGES && c->blocks[k->stages] &&
           c->widths[k->stages])
        k->stages++;
    if (!k->stages)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: a convnext needs blocks and widths");
    for (int s = 0; s < k->stages; s++)
        TRY(declare_stage(e, k, s));
    k->last =
        encoder_add(e, "norm", SHAPE((size_t)c->widths[k->stages - 1]), "norm");
    TRY(e->params.status);
out:
    return status;
}

static void convnext_close(encoder *e)
{
    convnext *k = e->state;
    for (int s = 0; k && s < ENCODER_STAGES; s++)
        mem_free(k->blocks[s]);
}

/* -- forward -------------------------------------------------------------- */

static var *conv(encoder *e, tape *t, const tensor *flat,
                 const encoder_layer *l, int stride, var *x)
{
    return encoder_conv(e, t, flat, l->weight, l->bias, stride, x);
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const convnext_block *b, var *x)
{
    tape_open(t);
    var *y = conv(e, t, flat, &b->depthwise, 1, x);
    y = encoder_norm(e, t, flat, &b->norm, EPS, y);
    y = encoder_linear(e, t, flat, &b->linear1, y);
    y = tape_activation(t, y, ACT_GELU_ERF);
    y = tape_grn(t, y, encoder_leaf(e, t, flat, b->grn.weight),
                 encoder_leaf(e, t, flat, b->grn.bias), EPS);
    y = encoder_linear(e, t, flat, &b->linear2, y);
    return tape_close(t, tape_add(t, x, y, 1, 1));
}

/* Half the size, or the stem. */
static var *down(encoder *e, tape *t, const tensor *flat, const convnext *k,
                 int s, var *x)
{
    tape_open(t);
    if (s)
        x = encoder_norm(e, t, flat, &k->norm[s], EPS, x);
    x = conv(e, t, flat, &k->conv[s], s ? 2 : 4, x);
    if (!s)
        x = encoder_norm(e, t, flat, &k->norm[s], EPS, x);
    return tape_close(t, x);
}

/* The deviation over all locations: [b,h,w,c] -> [b,c]. */
static var *deviation(tape *t, var *x)
{
    var *std = NULL;
    if (!x)
        return NULL;
    const size_t *d = x->value.shape.dim;
    tape_open(t);
    tape_moments(t, x, (int)d[1], (int)d[2], STD_EPS, NULL, &std);
    return tape_close(t, tape_reshape(t, std, SHAPE(d[0], d[3])));
}

static void convnext_forward(encoder *e, tape *t, const tensor *flat, var *x,
                             encoder_out *out)
{
    const convnext *k = e->state;
    const encoder_config *c = &e->config;
    var *map = NULL;
    for (int s = 0; s < k->stages; s++) {
        x = encoder_next(t, out, x, down(e, t, flat, k, s, x));
        for (int i = 0; i < c->blocks[s]; i++)
            x = encoder_next(t, out, x,
                             block_forward(e, t, flat, &k->blocks[s][i], x));
        map = c->map_norm ? tape_layernorm(t, x, NULL, NULL, 0, MAP_EPS) : x;
        encoder_emit(t, out, map,
                     FAMILY_MEAN | FAMILY_STD | (s ? FAMILY_LOCATIONS : 0),
                     "convenxt_stage_%d", s);
        if (encoder_done(out))
            return;
    }
    tape_open(t);
    var *mean = encoder_norm(e, t, flat, &k->last, EPS, encoder_mean(t, x));
    out->summary = mean = tape_close(t, mean);
    encoder_emit(t, out, mean, 0, "global_mean");
    encoder_emit(t, out, deviation(t, map), 0, "global_std");
}

/* -- files: transformers' names ------------------------------------------- */

#define ANCHOR "encoder.stages.0.layers.0.dwconv.weight"

static int convnext_recognize(const array_list *arrays, encoder_config *c)
{
    if (!weights_named(arrays, ANCHOR))
        return 0;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        char list[40], name[64];
        snprintf(list, sizeof list, "encoder.stages.%d.layers.", s);
        c->blocks[s] = weights_extent(arrays, list);
        snprintf(name, sizeof name, "%s0.dwconv.weight", list);
        const array *a = weights_named(arrays, name);
        if (!a) {
            snprintf(name, sizeof name, "%s0.dwconv.bias", list);
            a = weights_named(arrays, name);
        }
        c->widths[s] = a && a->ndim ? (int)a->dim[0] : 0;
        if (!c->blocks[s] || !c->widths[s])
            return 0;
    }
    c->width = c->widths[0];
    c->channels = 3;
    c->resize = 224;
    c->shrink = c->imagenet = c->map_norm = 1;
    return 1;
}

static drift_status load_block(weights *w, const convnext_block *b, int s,
                               int i)
{
    drift_status status = DRIFT_OK;
    char head[48];
    snprintf(head, sizeof head, "encoder.stages.%d.layers.%d.", s, i);
    TRY(encoder_take(w, &b->depthwise, WEIGHTS_OIHW, "%sdwconv", head));
    TRY(encoder_take(w, &b->norm, WEIGHTS_AS_OURS, "%slayernorm", head));
    TRY(encoder_take(w, &b->linear1, WEIGHTS_OI, "%spwconv1", head));
    TRY(encoder_take(w, &b->grn, WEIGHTS_AS_OURS, "%sgrn", head));
    TRY(encoder_take(w, &b->linear2, WEIGHTS_OI, "%spwconv2", head));
out:
    return status;
}

static drift_status load_stage(encoder *e, weights *w, int s)
{
    const convnext *k = e->state;
    drift_status status = DRIFT_OK;
    char conv[64] = "embeddings.patch_embeddings";
    char norm[64] = "embeddings.layernorm";
    if (s) {
        snprintf(norm, sizeof norm, "encoder.stages.%d.downsampling_layer.0",
                 s);
        snprintf(conv, sizeof conv, "encoder.stages.%d.downsampling_layer.1",
                 s);
    }
    TRY(encoder_take(w, &k->conv[s], WEIGHTS_OIHW, "%s", conv));
    TRY(encoder_take(w, &k->norm[s], WEIGHTS_AS_OURS, "%s", norm));
    for (int i = 0; i < e->config.blocks[s]; i++)
        TRY(load_block(w, &k->blocks[s][i], s, i));
out:
    return status;
}

static drift_status convnext_load(encoder *e, const array_list *arrays,
                                  tensor *flat)
{
    const convnext *k = e->state;
    drift_status status = DRIFT_OK;
    weights w;
    TRY(weights_open(&e->params, flat, arrays, ANCHOR, &w));
    for (int s = 0; s < k->stages; s++)
        TRY(load_stage(e, &w, s));
    TRY(encoder_take(&w, &k->last, WEIGHTS_AS_OURS, "layernorm"));
    weights_ignore(&w, "hidden_states_norms.*"); /* of other uses */
out:
    return weights_close(&w, status);
}

const encoder_ops convnext_ops = {.name = "convnext",
                                  .declare = convnext_declare,
                                  .forward = convnext_forward,
                                  .close = convnext_close,
                                  .signs = "'" ANCHOR "' and blocks in each "
                                           "of four stages",
                                  .recognize = convnext_recognize,
                                  .load = convnext_load};
