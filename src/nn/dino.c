/* DINOv2's vision transformers, networks-and-formats section 5: patches of an
 * image, one token more in front (cls), a position table, then blocks
 *
 *     x = x + attention(layernorm(x)),  x = x + mlp(layernorm(x))
 *
 * Four maps `block<i>`, evenly spread over the depth (2, 5, 8, 11 of 12), and
 * the vector `cls`, each after the last layernorm. Images whose sides are no
 * multiple of the patch are enlarged to the next one.
 *
 * The table is for positions^2 patches; for others it is resized as torch hub's
 * code does it: bicubic, a = -3/4, coordinates by (n + 0.1) / positions. That
 * is a product with a matrix, made when the size changes: all that is on tapes
 * at a time must be of one size. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "nn/encoder_layer.h"

#define EPS  1e-6f
#define MAPS 4
#define HEAD 64 /* channels of a head in their files */

typedef struct vit_block {
    encoder_layer norm1, q, k, v, out, norm2, fc1, fc2;
} vit_block;

typedef struct dino {
    int cls, position; /* [1,width], [1 + positions^2,width] */
    encoder_layer patch, norm;
    vit_block *blocks;
    tensor resize; /* [rows*columns, positions^2] */
    size_t rows, columns;
} dino;

/* -- parameters ----------------------------------------------------------- */

static void declare_block(encoder *e, vit_block *b, int i)
{
    size_t n = (size_t)e->config.width, f = (size_t)e->config.hidden;
#define ADD(field, part, shape, name)                                          \
    b->field = encoder_add(e, part, shape, "blocks.%d." name, i)
    ADD(norm1, "attention", SHAPE(n), "norm1");
    ADD(q, "attention", SHAPE(n, n), "attention.q");
    ADD(k, "attention", SHAPE(n, n), "attention.k");
    ADD(v, "attention", SHAPE(n, n), "attention.v");
    ADD(out, "attention", SHAPE(n, n), "attention.out");
    ADD(norm2, "mlp", SHAPE(n), "norm2");
    ADD(fc1, "mlp", SHAPE(n, f), "mlp.fc1");
    ADD(fc2, "mlp", SHAPE(f, n), "mlp.fc2");
#undef ADD
}

static drift_status dino_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    drift_status status = DRIFT_OK;
    dino *d = e->state = mem_alloc(e->ctx, 1, sizeof *d);
    size_t n = (size_t)c->width, p = (size_t)c->patch;
    size_t places = (size_t)c->positions * (size_t)c->positions;
    if (!d)
        return DRIFT_ERROR_MEMORY;
    if (!c->blocks[0] || !c->hidden || !p || !places || !c->heads ||
        c->width % c->heads)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: a dino needs blocks, hidden, patch, positions and heads "
             "that divide its width");
    d->blocks = mem_alloc(e->ctx, (size_t)c->blocks[0], sizeof *d->blocks);
    if (!d->blocks)
        return DRIFT_ERROR_MEMORY;
    d->cls = params_add(&e->params, "tokens", SHAPE(1, n), INIT_NORMAL, .02f,
                        "cls.token");
    d->position = params_add(&e->params, "tokens", SHAPE(1 + places, n),
                             INIT_NORMAL, .02f, "position.table");
    d->patch =
        encoder_add(e, "tokens", SHAPE(p, p, (size_t)c->channels, n), "patch");
    for (int i = 0; i < c->blocks[0]; i++)
        declare_block(e, &d->blocks[i], i);
    d->norm = encoder_add(e, "norm", SHAPE(n), "norm");
    TRY(e->params.status);
out:
    return status;
}

static void dino_close(encoder *e)
{
    dino *d = e->state;
    if (!d)
        return;
    tensor_free(e->ctx, &d->resize);
    mem_free(d->blocks);
}

/* -- the position table --------------------------------------------------- */

/* The weights of `from` numbers in number i of n: cubic, edges repeated. */
static void resize_row(double *w, size_t from, size_t i, size_t n)
{
    const double a = -.75;
    double at = ((double)i + .5) * (double)from / ((double)n + .1) - .5;
    double first = floor(at) - 1;
    for (size_t j = 0; j < from; j++)
        w[j] = 0;
    for (int k = 0; k < 4; k++) {
        double x = fabs(at - (first + k)), place = first + k;
        double weight = x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1
                               : ((x - 5) * x + 8) * x * a - 4 * a;
        place = fmin(fmax(place, 0), (double)from - 1);
        w[(size_t)place] += weight;
    }
}

static drift_status make_resize(encoder *e, size_t rows, size_t columns)
{
    dino *d = e->state;
    drift_status status = DRIFT_OK;
    size_t s = (size_t)e->config.positions;
    double *w = NULL;
    float *m = NULL;
    if (d->rows == rows && d->columns == columns)
        return DRIFT_OK;
    d->rows = d->columns = 0;
    tensor_free(e->ctx, &d->resize);
    TRY(tensor_new(e->ctx, &d->resize, DTYPE_F32,
                   SHAPE(rows * columns, s * s)));
    w = mem_alloc(e->ctx, (1 + columns) * s, sizeof *w);
    m = mem_alloc(e->ctx, rows * columns * s * s, sizeof *m);
    if (!w || !m) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t j = 0; j < columns; j++)
        resize_row(w + (1 + j) * s, s, j, columns);
    for (size_t i = 0; i < rows; i++) {
        resize_row(w, s, i, rows);
        for (size_t j = 0; j < columns; j++)
            for (size_t k = 0; k < s * s; k++)
                m[(i * columns + j) * s * s + k] =
                    (float)(w[k / s] * w[(1 + j) * s + k % s]);
    }
    TRY(tensor_write(e->ctx, &d->resize, m));
    d->rows = rows;
    d->columns = columns;
out:
    mem_free(w);
    mem_free(m);
    return status;
}

/* -- forward -------------------------------------------------------------- */

/* The tokens [b,1+rows*columns,width] of patches [b,rows,columns,width]. */
static var *add_positions(encoder *e, tape *t, const tensor *flat, var *x)
{
    const dino *d = e->state;
    const size_t *s = x->value.shape.dim;
    size_t side = (size_t)e->config.positions;
    var *table = encoder_leaf(e, t, flat, d->position);
    var *place = tape_split(t, table, 0, 1, side * side);
    if (s[1] != side || s[2] != side) {
        drift_status status = make_resize(e, s[1], s[2]);
        if (status != DRIFT_OK) {
            tape_fail(t, status);
            return NULL;
        }
        place = tape_linear(t, tape_constant(t, &d->resize), place, NULL);
    }
    x = tape_add(t, tape_reshape(t, x, SHAPE(s[0], s[1] * s[2], s[3])), place,
                 1, 1);
    var *cls = tape_add(t, encoder_leaf(e, t, flat, d->cls),
                        tape_split(t, table, 0, 0, 1), 1, 1);
    cls = tape_reshape(t, tape_expand(t, cls, s[0]), SHAPE(s[0], 1, s[3]));
    var *tokens[2] = {cls, x};
    return tape_concat(t, 1, tokens, 2);
}

static var *tokens(encoder *e, tape *t, const tensor *flat, var *image)
{
    const dino *d = e->state;
    const size_t *s = image->value.shape.dim;
    size_t p = (size_t)e->config.patch;
    size_t h = (s[1] + p - 1) / p * p, w = (s[2] + p - 1) / p * p;
    tape_open(t);
    var *x = image;
    if (h != s[1] || w != s[2])
        x = tape_resize_bilinear(t, x, h, w, (resize_args){0});
    x = encoder_conv(e, t, flat, d->patch.weight, d->patch.bias, (int)p, x);
    return tape_close(t, x ? add_positions(e, t, flat, x) : NULL);
}

static var *attention(encoder *e, tape *t, const tensor *flat,
                      const vit_block *b, var *x)
{
    if (!x)
        return NULL;
    const size_t *s = x->value.shape.dim;
    size_t heads = (size_t)e->config.heads, n = s[2] / heads;
    shape split = SHAPE(s[0], s[1], heads, n);
    tape_open(t);
    var *y = encoder_norm(e, t, flat, &b->norm1, EPS, x);
    var *q = tape_reshape(t, encoder_linear(e, t, flat, &b->q, y), split);
    var *k = tape_reshape(t, encoder_linear(e, t, flat, &b->k, y), split);
    var *v = tape_reshape(t, encoder_linear(e, t, flat, &b->v, y), split);
    y = tape_attention(t, q, k, v, 1 / sqrtf((float)n));
    y = tape_reshape(t, y, SHAPE(s[0], s[1], s[2]));
    return tape_close(t, encoder_linear(e, t, flat, &b->out, y));
}

static var *mlp(encoder *e, tape *t, const tensor *flat, const vit_block *b,
                var *x)
{
    tape_open(t);
    var *y = encoder_norm(e, t, flat, &b->norm2, EPS, x);
    y = encoder_linear(e, t, flat, &b->fc1, y);
    y = tape_activation(t, y, ACT_GELU_ERF);
    return tape_close(t, encoder_linear(e, t, flat, &b->fc2, y));
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const vit_block *b, var *x)
{
    tape_open(t);
    x = tape_add(t, x, attention(e, t, flat, b, x), 1, 1);
    return tape_close(t, tape_add(t, x, mlp(e, t, flat, b, x), 1, 1));
}

static void emit(encoder *e, tape *t, const tensor *flat, var *x, int i,
                 size_t rows, size_t columns, encoder_out *out)
{
    const dino *d = e->state;
    if (!x)
        return;
    const size_t *s = x->value.shape.dim;
    tape_open(t);
    var *y = encoder_norm(e, t, flat, &d->norm, EPS, x);
    var *map = tape_split(t, y, 1, 1, rows * columns);
    map = tape_reshape(t, map, SHAPE(s[0], rows, columns, s[2]));
    map = tape_close(t, map);
    encoder_emit(t, out, map, FAMILY_ALL, "block%d", i);
}

static void dino_forward(encoder *e, tape *t, const tensor *flat, var *x,
                         encoder_out *out)
{
    const dino *d = e->state;
    const size_t *s = x->value.shape.dim, p = (size_t)e->config.patch;
    size_t rows = (s[1] + p - 1) / p, columns = (s[2] + p - 1) / p;
    int depth = e->config.blocks[0];
    x = encoder_next(t, out, x, tokens(e, t, flat, x));
    for (int i = 0; i < depth; i++) {
        x = encoder_next(t, out, x,
                         block_forward(e, t, flat, &d->blocks[i], x));
        if ((i + 1) * MAPS / depth > i * MAPS / depth)
            emit(e, t, flat, x, i, rows, columns, out);
        if (!x || encoder_done(out))
            return;
    }
    s = x->value.shape.dim;
    tape_open(t);
    var *cls = tape_split(t, x, 1, 0, 1);
    cls = encoder_norm(e, t, flat, &d->norm, EPS, cls);
    cls = tape_close(t, tape_reshape(t, cls, SHAPE(s[0], s[2])));
    encoder_emit(t, out, cls, 0, "cls");
    out->summary = cls;
}

/* -- files ---------------------------------------------------------------- */

/* Torch hub's names and transformers'; of a block without "<block>.<i>.". */
typedef struct names {
    const char *anchor, *blocks, *cls, *mask, *position, *patch, *norm;
    const char *qkv[3]; /* the second NULL: all three in the first */
    const char *out, *scale1, *scale2;
} names;

#define HUB_ANCHOR          "blocks.0.ls1.gamma"
#define TRANSFORMERS_ANCHOR "encoder.layer.0.layer_scale1.lambda1"

static const names hub = {.anchor = HUB_ANCHOR,
                          .blocks = "blocks.",
                          .cls = "cls_token",
                          .mask = "mask_token",
                          .position = "pos_embed",
                          .patch = "patch_embed.proj",
                          .norm = "norm",
                          .qkv = {"attn.qkv"},
                          .out = "attn.proj",
                          .scale1 = "ls1.gamma",
                          .scale2 = "ls2.gamma"};
static const names transformers = {
    .anchor = TRANSFORMERS_ANCHOR,
    .blocks = "encoder.layer.",
    .cls = "embeddings.cls_token",
    .mask = "embeddings.mask_token",
    .position = "embeddings.position_embeddings",
    .patch = "embeddings.patch_embeddings.projection",
    .norm = "layernorm",
    .qkv = {"attention.attention.query", "attention.attention.key",
            "attention.attention.value"},
    .out = "attention.output.dense",
    .scale1 = "layer_scale1.lambda1",
    .scale2 = "layer_scale2.lambda1"};

static const names *names_of(const array_list *arrays)
{
    return weights_named(arrays, hub.anchor)            ? &hub
           : weights_named(arrays, transformers.anchor) ? &transformers
                                                        : NULL;
}

static int dino_recognize(const array_list *arrays, encoder_config *c)
{
    const names *n = names_of(arrays);
    const array *scale = n ? weights_named(arrays, n->anchor) : NULL;
    if (!scale || scale->ndim != 1 || !scale->dim[0] || scale->dim[0] % HEAD ||
        scale->dim[0] > 1 << 16)
        return 0;
    c->width = (int)scale->dim[0];
    c->heads = c->width / HEAD;
    c->hidden = 4 * c->width;
    c->blocks[0] = weights_extent(arrays, n->blocks);
    c->patch = 14;
    c->positions = 37;
    c->channels = 3;
    c->resize = 112;
    c->imagenet = c->clamp = 1;
    return 1;
}

/* A linear layer whose outputs are scaled. */
static drift_status take_scaled(weights *w, const encoder_layer *l,
                                const char *head, const char *name,
                                const char *scale)
{
    drift_status status = DRIFT_OK;
    TRY(encoder_take(w, l, WEIGHTS_OI, "%s%s", head, name));
    TRY(weights_scale(w, l->weight, "%s%s", head, scale));
    TRY(weights_scale(w, l->bias, "%s%s", head, scale));
out:
    return status;
}

static drift_status load_block(weights *w, const vit_block *b, const names *n,
                               int i)
{
    const encoder_layer *const qkv[3] = {&b->q, &b->k, &b->v};
    drift_status status = DRIFT_OK;
    char head[64];
    snprintf(head, sizeof head, "%s%d.", n->blocks, i);
    for (size_t k = 0; k < 3; k++) {
        size_t parts = n->qkv[1] ? 1 : 3;
        const char *name = n->qkv[n->qkv[1] ? k : 0];
        TRY(weights_take_part(w, qkv[k]->weight, k % parts, parts, WEIGHTS_OI,
                              "%s%s.weight", head, name));
        TRY(weights_take_part(w, qkv[k]->bias, k % parts, parts,
                              WEIGHTS_AS_OURS, "%s%s.bias", head, name));
    }
    TRY(encoder_take(w, &b->norm1, WEIGHTS_AS_OURS, "%snorm1", head));
    TRY(encoder_take(w, &b->norm2, WEIGHTS_AS_OURS, "%snorm2", head));
    TRY(encoder_take(w, &b->fc1, WEIGHTS_OI, "%smlp.fc1", head));
    TRY(take_scaled(w, &b->out, head, n->out, n->scale1));
    TRY(take_scaled(w, &b->fc2, head, "mlp.fc2", n->scale2));
out:
    return status;
}

static drift_status dino_load(encoder *e, const array_list *arrays,
                              tensor *flat)
{
    const dino *d = e->state;
    const names *n = names_of(arrays);
    drift_status status = DRIFT_OK;
    weights w;
    TRY(weights_open(&e->params, flat, arrays, (n ? n : &hub)->anchor, &w));
    TRY(weights_take(&w, d->cls, WEIGHTS_AS_OURS, "%s", n->cls));
    TRY(weights_take(&w, d->position, WEIGHTS_AS_OURS, "%s", n->position));
    TRY(encoder_take(&w, &d->patch, WEIGHTS_OIHW, "%s", n->patch));
    for (int i = 0; i < e->config.blocks[0]; i++)
        TRY(load_block(&w, &d->blocks[i], n, i));
    TRY(encoder_take(&w, &d->norm, WEIGHTS_AS_OURS, "%s", n->norm));
    weights_ignore(&w, n->mask);
out:
    return weights_close(&w, status);
}

const encoder_ops dino_ops = {
    .name = "dino",
    .declare = dino_declare,
    .forward = dino_forward,
    .close = dino_close,
    .signs = "'" HUB_ANCHOR "' or '" TRANSFORMERS_ANCHOR "', a multiple of "
             "64 numbers",
    .recognize = dino_recognize,
    .load = dino_load};
