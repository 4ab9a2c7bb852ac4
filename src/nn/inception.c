/* The network of the Frechet inception distance, networks-and-formats section
 * 4: five convolutions, then blocks whose branches lie side by side in their
 * result. Every convolution has a frozen batch normalisation, folded into it
 * when a file is read, and a relu. Maps are called as their blocks, the vector
 * is `pool`, the mean over the last map.
 *
 * It differs from torchvision's of the same names in its pools: their means
 * leave the padding out, and the last block takes the largest number instead.
 * Since those means are of weights that sum to 1, they change places with the
 * 1x1 convolution that follows, which has fewer channels.
 *
 * The logits are without the head's bias: the Inception Score is published of
 * those. */
#include <stdio.h>

#include "base/mem.h"
#include "nn/encoder_layer.h"

#define EPS   1e-3f /* of batch normalisation */
#define SIDE  299   /* of the images it was trained on */
#define WIDTH 32    /* of the first convolution; another scales all widths */

/* Padded by half the kernel; not padded; that and every second location. */
typedef enum fit { SAME, INSIDE, HALF } fit;

#define POOLED (-1)

typedef struct unit {
    const char *name; /* in its block; "": the block's own */
    int kh, kw;
    int n;    /* channels; 0: the block's width */
    int from; /* reads the unit so many before it, 0: the block's input, POOLED:
                 that through the block's pool */
    fit fit;
} unit;

/* The 3x3 pool of a block: mean or largest, or the largest of every second
 * window, which is a branch by itself, the last. */
typedef enum pooling { NONE, MEAN, LARGEST, BRANCH } pooling;

typedef struct inception_block {
    const char *name;
    const unit *units;
    size_t count;
    pooling pool;
    int width;   /* of the units that have none of their own */
    int shrinks; /* its input to the largest of every second 3x3 window */
} inception_block;

static const unit stem_1a[] = {{"", 3, 3, 32, 0, HALF}};
static const unit stem_2a[] = {{"", 3, 3, 32, 0, INSIDE}};
static const unit stem_2b[] = {{"", 3, 3, 64, 0, SAME}};
static const unit stem_3b[] = {{"", 1, 1, 80, 0, SAME}};
static const unit stem_4a[] = {{"", 3, 3, 192, 0, INSIDE}};

static const unit block_a[] = {
    {"branch1x1", 1, 1, 64, 0, SAME},
    {"branch5x5_1", 1, 1, 48, 0, SAME},
    {"branch5x5_2", 5, 5, 64, 1, SAME},
    {"branch3x3dbl_1", 1, 1, 64, 0, SAME},
    {"branch3x3dbl_2", 3, 3, 96, 1, SAME},
    {"branch3x3dbl_3", 3, 3, 96, 1, SAME},
    {"branch_pool", 1, 1, 0, POOLED, SAME},
};

static const unit block_b[] = {
    {"branch3x3", 3, 3, 384, 0, HALF},
    {"branch3x3dbl_1", 1, 1, 64, 0, SAME},
    {"branch3x3dbl_2", 3, 3, 96, 1, SAME},
    {"branch3x3dbl_3", 3, 3, 96, 1, HALF},
};

static const unit block_c[] = {
    {"branch1x1", 1, 1, 192, 0, SAME},
    {"branch7x7_1", 1, 1, 0, 0, SAME},
    {"branch7x7_2", 1, 7, 0, 1, SAME},
    {"branch7x7_3", 7, 1, 192, 1, SAME},
    {"branch7x7dbl_1", 1, 1, 0, 0, SAME},
    {"branch7x7dbl_2", 7, 1, 0, 1, SAME},
    {"branch7x7dbl_3", 1, 7, 0, 1, SAME},
    {"branch7x7dbl_4", 7, 1, 0, 1, SAME},
    {"branch7x7dbl_5", 1, 7, 192, 1, SAME},
    {"branch_pool", 1, 1, 192, POOLED, SAME},
};

static const unit block_d[] = {
    {"branch3x3_1", 1, 1, 192, 0, SAME},
    {"branch3x3_2", 3, 3, 320, 1, HALF},
    {"branch7x7x3_1", 1, 1, 192, 0, SAME},
    {"branch7x7x3_2", 1, 7, 192, 1, SAME},
    {"branch7x7x3_3", 7, 1, 192, 1, SAME},
    {"branch7x7x3_4", 3, 3, 192, 1, HALF},
};

static const unit block_e[] = {
    {"branch1x1", 1, 1, 320, 0, SAME},
    {"branch3x3_1", 1, 1, 384, 0, SAME},
    {"branch3x3_2a", 1, 3, 384, 1, SAME},
    {"branch3x3_2b", 3, 1, 384, 2, SAME},
    {"branch3x3dbl_1", 1, 1, 448, 0, SAME},
    {"branch3x3dbl_2", 3, 3, 384, 1, SAME},
    {"branch3x3dbl_3a", 1, 3, 384, 1, SAME},
    {"branch3x3dbl_3b", 3, 1, 384, 2, SAME},
    {"branch_pool", 1, 1, 192, POOLED, SAME},
};

#define UNITS(list) list, sizeof(list) / sizeof *(list)

static const inception_block blocks[] = {
    {"Conv2d_1a_3x3", UNITS(stem_1a), NONE, 0, 0},
    {"Conv2d_2a_3x3", UNITS(stem_2a), NONE, 0, 0},
    {"Conv2d_2b_3x3", UNITS(stem_2b), NONE, 0, 0},
    {"Conv2d_3b_1x1", UNITS(stem_3b), NONE, 0, 1},
    {"Conv2d_4a_3x3", UNITS(stem_4a), NONE, 0, 0},
    {"Mixed_5b", UNITS(block_a), MEAN, 32, 1},
    {"Mixed_5c", UNITS(block_a), MEAN, 64, 0},
    {"Mixed_5d", UNITS(block_a), MEAN, 64, 0},
    {"Mixed_6a", UNITS(block_b), BRANCH, 0, 0},
    {"Mixed_6b", UNITS(block_c), MEAN, 128, 0},
    {"Mixed_6c", UNITS(block_c), MEAN, 160, 0},
    {"Mixed_6d", UNITS(block_c), MEAN, 160, 0},
    {"Mixed_6e", UNITS(block_c), MEAN, 192, 0},
    {"Mixed_7a", UNITS(block_d), BRANCH, 0, 0},
    {"Mixed_7b", UNITS(block_e), MEAN, 0, 0},
    {"Mixed_7c", UNITS(block_e), LARGEST, 0, 0},
};
#define BLOCKS     (sizeof blocks / sizeof *blocks)
#define BLOCK_MOST 10 /* units, and parts of a result */

typedef struct inception {
    encoder_layer conv[BLOCKS][BLOCK_MOST];
    encoder_layer head;
} inception;

/* Whether unit i is a part of the result, as nothing else reads it. */
static int is_part(const inception_block *b, size_t i)
{
    for (size_t k = i + 1; k < b->count; k++)
        if (b->units[k].from > 0 && k - (size_t)b->units[k].from == i)
            return 0;
    return 1;
}

/* Its name in a file, or with `more`, ".conv", that of a part of it. */
static const char *unit_name(const inception_block *b, const unit *u,
                             const char *more, char name[64])
{
    snprintf(name, 64, "%s%s%s%s", b->name, *u->name ? "." : "", u->name, more);
    return name;
}

/* -- parameters ----------------------------------------------------------- */

/* Channels of what comes to those of the block's result. */
static size_t declare_block(encoder *e, const inception_block *b,
                            encoder_layer *conv, size_t in)
{
    size_t n[BLOCK_MOST], out = b->pool == BRANCH ? in : 0;
    char name[64];
    for (size_t i = 0; i < b->count; i++) {
        const unit *u = &b->units[i];
        size_t from = u->from > 0 ? n[i - (size_t)u->from] : in;
        n[i] = (size_t)((u->n ? u->n : b->width) * e->config.width / WIDTH);
        conv[i] = encoder_add(e, b->name,
                              SHAPE((size_t)u->kh, (size_t)u->kw, from, n[i]),
                              "%s", unit_name(b, u, "", name));
        out += is_part(b, i) ? n[i] : 0;
    }
    return out;
}

static drift_status inception_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    inception *net = e->state = mem_alloc(e->ctx, 1, sizeof *net);
    size_t n = (size_t)c->channels;
    if (!net)
        return DRIFT_ERROR_MEMORY;
    /* All widths are multiples of 16 of the 32. */
    if (c->width % 2)
        return ERROR(e->ctx, DRIFT_ERROR_USAGE,
                     "encoder: an inception needs an even width, not %d",
                     c->width);
    for (size_t i = 0; i < BLOCKS; i++)
        n = declare_block(e, &blocks[i], net->conv[i], n);
    if (c->classes)
        net->head = encoder_add(e, "head", SHAPE(n, (size_t)c->classes), "fc");
    return e->params.status;
}

/* -- forward -------------------------------------------------------------- */

static var *largest(tape *t, var *x, int stride, int pad)
{
    return tape_maxpool(t, x, (pool_args){3, stride, pad});
}

static var *unit_forward(encoder *e, tape *t, const tensor *flat,
                         const encoder_layer *l, const unit *u, pooling pool,
                         var *x)
{
    int pooled = u->from == POOLED;
    tape_open(t);
    if (pooled && pool == LARGEST)
        x = largest(t, x, 1, 1);
    x = u->fit == SAME ? encoder_conv(e, t, flat, l->weight, l->bias, 1, x)
                       : encoder_conv_inside(e, t, flat, l->weight, l->bias,
                                             u->fit == HALF ? 2 : 1, x);
    if (pooled && pool == MEAN)
        x = tape_avgpool(t, x, (pool_args){3, 1, 1});
    return tape_close(t, tape_activation(t, x, ACT_RELU));
}

static var *side_by_side(tape *t, var *const parts[], size_t count)
{
    var *all = parts[0];
    for (size_t i = 1; i < count; i += 3) {
        var *next[4] = {all};
        size_t n = 1;
        while (n < 4 && i + n - 1 < count) {
            next[n] = parts[i + n - 1];
            n++;
        }
        all = tape_concat(t, 3, next, n);
    }
    return all;
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const encoder_layer *conv, const inception_block *b,
                          var *x)
{
    var *y[BLOCK_MOST], *parts[BLOCK_MOST] = {0};
    size_t count = 0;
    tape_open(t);
    if (b->shrinks)
        x = largest(t, x, 2, 0);
    for (size_t i = 0; i < b->count; i++) {
        const unit *u = &b->units[i];
        y[i] = unit_forward(e, t, flat, &conv[i], u, b->pool,
                            u->from > 0 ? y[i - (size_t)u->from] : x);
        if (is_part(b, i))
            parts[count++] = y[i];
    }
    if (b->pool == BRANCH)
        parts[count++] = largest(t, x, 2, 0);
    return tape_close(t, side_by_side(t, parts, count));
}

static void inception_forward(encoder *e, tape *t, const tensor *flat, var *x,
                              encoder_out *out)
{
    const inception *net = e->state;
    for (size_t i = 0; i < BLOCKS; i++) {
        const inception_block *b = &blocks[i];
        x = encoder_next(t, out, x,
                         block_forward(e, t, flat, net->conv[i], b, x));
        /* The first maps have too many locations for a field at each. */
        encoder_emit(t, out, x,
                     b->pool == NONE ? FAMILY_MEAN | FAMILY_STD
                                     : FAMILY_ALL | FAMILY_FLAT,
                     "%s", b->name);
        if (encoder_done(out))
            return;
    }
    var *mean = encoder_mean(t, x);
    encoder_emit(t, out, mean, 0, "pool");
    out->summary = mean;
    if (out->want_logits && e->config.classes)
        out->logits = tape_linear(
            t, mean, encoder_leaf(e, t, flat, net->head.weight), NULL);
}

/* -- files ---------------------------------------------------------------- */

#define ANCHOR  "Conv2d_1a_3x3.conv.weight"
#define CLASSES 1008

static int inception_recognize(const array_list *arrays, encoder_config *c)
{
    const array *first = weights_named(arrays, ANCHOR);
    if (!first || first->ndim != 4)
        return 0;
    c->width = (int)first->dim[0];
    c->classes = encoder_count_classes(arrays, "fc");
    c->channels = 3;
    c->image_height = c->image_width = SIDE;
    return 1;
}

static drift_status inception_load(encoder *e, const array_list *arrays,
                                   tensor *flat)
{
    const inception *net = e->state;
    drift_status status = DRIFT_OK;
    char conv[64], norm[64];
    weights w;
    if (e->config.width == WIDTH && e->config.classes &&
        e->config.classes != CLASSES)
        return ERROR(e->ctx, DRIFT_ERROR_FORMAT,
                     "the network has %d classes; that of published scores has "
                     "%d, torchvision's of the same names is another",
                     e->config.classes, CLASSES);
    TRY(weights_open(&e->params, flat, arrays, ANCHOR, &w));
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < blocks[i].count; k++) {
            const encoder_layer *l = &net->conv[i][k];
            const unit *u = &blocks[i].units[k];
            TRY(weights_fold(&w, l->weight, l->bias, EPS,
                             unit_name(&blocks[i], u, ".conv", conv),
                             unit_name(&blocks[i], u, ".bn", norm)));
        }
    if (e->config.classes)
        TRY(encoder_take(&w, &net->head, WEIGHTS_OI, "fc"));
    else
        weights_ignore(&w, *e->ops->heads);
out:
    return weights_close(&w, status);
}

static const char *const inception_heads[] = {"fc.*", NULL};

const encoder_ops inception_ops = {.name = "inception",
                                   .declare = inception_declare,
                                   .forward = inception_forward,
                                   .signs = "'" ANCHOR "' of 4 dimensions",
                                   .recognize = inception_recognize,
                                   .load = inception_load,
                                   .heads = inception_heads};
