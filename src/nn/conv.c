/* A class-conditional convolutional decoder, small enough for a CPU:
 *
 *     z = [noise, cond] -> linear -> map of h0 x w0 x c0
 *     each resolution: `depth` blocks x += conv3x3(SiLU(mod(GroupNorm(x)))),
 *     then a linear to half the channels and nearest upsampling
 *     out = conv3x3(SiLU(GroupNorm(x))), patch x patch pixels a location
 *
 * The channels halve where the resolution doubles, so every resolution costs
 * the same; with 3 levels, hidden = 16 and patch = 1 a 28x28 picture grows over
 * 7x7x64, 14x14x32, 28x28x16. With `smooth` maps grow by bilinear interpolation,
 * the last one by `patch`, too, before the convolution that makes the pixels:
 * neighbours then share what they are made of, where patches of pixels made
 * alone show as a grid. A size that the levels do not divide is made a little
 * larger and cropped. mod(u) = u (1 + scale) + shift with scale and shift linear
 * in SiLU(cond). */
#include "base/mem.h"
#include "nn/generator.h"

#define EPS 1e-5f

typedef struct conv_block {
    int norm_w, norm_b, conv_w, conv_b;
    size_t modulation; /* where its shift starts; scale follows */
} conv_block;

typedef struct conv_level {
    size_t channels;
    int groups;
    int shrink_w, shrink_b; /* from the level before; -1 at the first */
    conv_block *blocks;
} conv_level;

typedef struct conv {
    size_t h0, w0; /* the first map */
    int input_w, input_b;
    int modulation_w, modulation_b; /* of all blocks at once; -1: none */
    conv_level *levels;
    int norm_w, norm_b, output_w, output_b;
} conv;

/* The largest divisor of c that is at most `most`. */
static int divisor(size_t c, int most)
{
    int d = most > 1 ? most : 1;
    while (c % (size_t)d)
        d--;
    return d;
}

static drift_status declare_level(generator *g, conv *v, int i)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    conv_level *level = &v->levels[i];
    size_t n = level->channels = (size_t)c->hidden << (c->levels - 1 - i);
    size_t before = 2 * n;
    char part[32] = "map1";
    part[3] = (char)('1' + i);
    level->groups = divisor(n, c->groups);
    level->shrink_w = level->shrink_b = -1;
    if (i) {
        level->shrink_w = params_add(p, part, SHAPE(before, n), INIT_XAVIER, 0,
                                     "maps.%d.shrink.weight", i);
        level->shrink_b = params_add(p, part, SHAPE(n), INIT_ZERO, 0,
                                     "maps.%d.shrink.bias", i);
    }
    level->blocks = mem_alloc(g->ctx, (size_t)c->depth, sizeof *level->blocks);
    if (!level->blocks)
        return DRIFT_ERROR_MEMORY;
    for (int k = 0; k < c->depth; k++) {
        conv_block *b = &level->blocks[k];
        b->norm_w = params_add(p, part, SHAPE(n), INIT_ONE, 0,
                               "maps.%d.blocks.%d.norm.weight", i, k);
        b->norm_b = params_add(p, part, SHAPE(n), INIT_ZERO, 0,
                               "maps.%d.blocks.%d.norm.bias", i, k);
        b->conv_w = params_add(p, part, SHAPE(3, 3, n, n), INIT_XAVIER, 0,
                               "maps.%d.blocks.%d.conv.weight", i, k);
        b->conv_b = params_add(p, part, SHAPE(n), INIT_ZERO, 0,
                               "maps.%d.blocks.%d.conv.bias", i, k);
    }
    return p->status;
}

static drift_status check(generator *g)
{
    const generator_config *c = &g->config;
    if (c->noise_dim < 1 || c->levels < 1 || c->levels > 8 || c->patch < 1 ||
        c->groups < 1)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator: the conv generator needs noise_dim, levels "
                     "(up to 8), patch and groups of at least 1");
    if (c->hidden > 65536)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator.hidden: %d is too large", c->hidden);
    return DRIFT_OK;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static drift_status conv_declare(generator *g)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    drift_status status = DRIFT_OK;
    TRY(check(g));
    conv *v = g->state = mem_alloc(g->ctx, 1, sizeof *v);
    if (!v)
        return DRIFT_ERROR_MEMORY;
    v->levels = mem_alloc(g->ctx, (size_t)c->levels, sizeof *v->levels);
    if (!v->levels)
        return DRIFT_ERROR_MEMORY;
    size_t cell = (size_t)c->patch << (c->levels - 1);
    size_t widest = (size_t)c->hidden << (c->levels - 1);
    size_t cond = c->condition ? (size_t)c->condition : widest;
    v->h0 = divide_up((size_t)g->sample.height, cell);
    v->w0 = divide_up((size_t)g->sample.width, cell);
    int conditioned = c->use_class || c->use_alpha || c->style_tokens;
    size_t in = (size_t)c->noise_dim;
    if (conditioned) {
        TRY(condition_declare(g, cond));
        in += cond;
    }
    size_t first = v->h0 * v->w0 * widest;
    v->input_w = params_add(p, "input", SHAPE(in, first), INIT_XAVIER, 0,
                            "input.weight");
    v->input_b =
        params_add(p, "input", SHAPE(first), INIT_ZERO, 0, "input.bias");
    for (int i = 0; i < c->levels; i++)
        TRY(declare_level(g, v, i));
    v->modulation_w = v->modulation_b = -1;
    if (conditioned && c->depth) {
        size_t all = 0;
        for (int i = 0; i < c->levels; i++)
            for (int k = 0; k < c->depth; k++) {
                v->levels[i].blocks[k].modulation = all;
                all += 2 * v->levels[i].channels;
            }
        v->modulation_w = params_add(p, "modulation", SHAPE(cond, all),
                                     INIT_XAVIER, 0, "modulation.weight");
        v->modulation_b = params_add(p, "modulation", SHAPE(all), INIT_ZERO, 0,
                                     "modulation.bias");
    }
    size_t n = (size_t)c->hidden;
    size_t pixels = c->smooth ? 1 : (size_t)c->patch * (size_t)c->patch;
    size_t out = pixels * (size_t)g->sample.channels;
    v->norm_w =
        params_add(p, "output", SHAPE(n), INIT_ONE, 0, "output.norm.weight");
    v->norm_b =
        params_add(p, "output", SHAPE(n), INIT_ZERO, 0, "output.norm.bias");
    v->output_w = params_add(p, "output", SHAPE(3, 3, n, out),
                             c->zero_output ? INIT_ZERO : INIT_XAVIER, 0,
                             "output.conv.weight");
    v->output_b =
        params_add(p, "output", SHAPE(out), INIT_ZERO, 0, "output.conv.bias");
    g->last_weight = v->output_w;
    TRY(p->status);
out:
    return status;
}

static void conv_close(generator *g)
{
    conv *v = g->state;
    for (int i = 0; v && v->levels && i < g->config.levels; i++)
        mem_free(v->levels[i].blocks);
    if (v)
        mem_free(v->levels);
}

static shape conv_noise(const generator *g, size_t b)
{
    return SHAPE(b, (size_t)g->config.noise_dim);
}

/* -- forward ------------------------------------------------------------- */

typedef struct pass {
    generator *g;
    tape *t;
    const tensor *flat;
    var *modulation; /* [b, all], or NULL */
} pass;

static var *leaf(const pass *p, int i)
{
    return params_leaf(&p->g->params, p->t, p->flat, i);
}

static var *block_forward(const pass *p, const conv_level *level,
                          const conv_block *k, var *x)
{
    tape *t = p->t;
    size_t n = level->channels;
    tape_open(t);
    var *mod = NULL;
    if (p->modulation)
        mod = tape_split(t, p->modulation, 1, k->modulation, 2 * n);
    var *y =
        tape_groupnorm_act(t, x, leaf(p, k->norm_w), leaf(p, k->norm_b), mod,
                           level->groups, EPS, ACT_SILU);
    y = tape_conv2d_same(t, y, leaf(p, k->conv_w), leaf(p, k->conv_b));
    return tape_close(t, tape_add(t, x, y, 1, 1));
}

/* The first map, [b,h0,w0,c0]. */
static var *first_map(const pass *p, const conv *v, var *noise, var *cond)
{
    tape *t = p->t;
    size_t b = noise->value.shape.dim[0];
    tape_open(t);
    var *z = noise;
    if (cond) {
        var *both[2] = {noise, cond};
        z = tape_concat(t, 1, both, 2);
    }
    z = tape_linear(t, z, leaf(p, v->input_w), leaf(p, v->input_b));
    z = tape_reshape(t, z, SHAPE(b, v->h0, v->w0, v->levels[0].channels));
    return tape_close(t, z);
}

static var *enlarge(const pass *p, var *x, size_t times)
{
    if (!x || times == 1)
        return x;
    const size_t *d = x->value.shape.dim;
    return p->g->config.smooth
               ? tape_resize_bilinear(p->t, x, times * d[1], times * d[2],
                                      (resize_args){0})
               : tape_upsample_nearest(p->t, x, times);
}

/* Pixels of the last map, cropped to the sample's size. */
static var *output(const pass *p, const conv *v, var *x)
{
    const generator_config *c = &p->g->config;
    const sample_shape *s = &p->g->sample;
    tape *t = p->t;
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    const conv_level *level = &v->levels[c->levels - 1];
    const size_t *map = x->value.shape.dim;
    size_t h = map[1] * (size_t)c->patch, w = map[2] * (size_t)c->patch;
    shape image = SHAPE(map[0], h, w, (size_t)s->channels);
    tape_open(t);
    x = tape_groupnorm_act(t, x, leaf(p, v->norm_w), leaf(p, v->norm_b), NULL,
                           level->groups, EPS, ACT_SILU);
    if (c->smooth)
        x = enlarge(p, x, (size_t)c->patch);
    x = tape_conv2d_same(t, x, leaf(p, v->output_w), leaf(p, v->output_b));
    if (c->patch > 1 && !c->smooth) {
        size_t out = (size_t)(c->patch * c->patch * s->channels);
        x = tape_reshape(t, x, SHAPE(map[0], map[1] * map[2], out));
        x = tape_unpatchify(t, x, image, c->patch, PATCH_PIXEL_MAJOR);
    }
    if (h > (size_t)s->height)
        x = tape_split(t, x, 1, 0, (size_t)s->height);
    if (w > (size_t)s->width)
        x = tape_split(t, x, 2, 0, (size_t)s->width);
    return tape_close(t, x);
}

static var *conv_forward(generator *g, tape *t, const tensor *flat, var *noise,
                         var *cond)
{
    const conv *v = g->state;
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    pass p = {.g = g, .t = t, .flat = flat};
    tape_open(t);
    if (v->modulation_w >= 0)
        p.modulation =
            tape_linear(t, tape_activation(t, cond, ACT_SILU),
                        leaf(&p, v->modulation_w), leaf(&p, v->modulation_b));
    var *x = first_map(&p, v, noise, cond);
    for (int i = 0; i < g->config.levels; i++) {
        const conv_level *level = &v->levels[i];
        if (i) {
            tape_open(t);
            var *y = tape_linear(t, x, leaf(&p, level->shrink_w),
                                 leaf(&p, level->shrink_b));
            tape_drop(t, x);
            x = tape_close(t, enlarge(&p, y, 2));
        }
        for (int k = 0; k < g->config.depth; k++) {
            var *y = block_forward(&p, level, &level->blocks[k], x);
            tape_drop(t, x);
            x = y;
        }
        generator_watch(g, "map", i, x);
    }
    return tape_close(t, output(&p, v, x));
}

const generator_ops conv_ops = {"conv", conv_declare, conv_forward, conv_noise,
                                conv_close};
