/* The DiT of the authors' release and its PyTorch relatives, method.md
 * section 6 (paper, section "architecture").
 *
 *     x = patches of the noise -> linear (+ position table), [b,T,h]
 *     x = [extra tokens, x], [b,N,h], N = extra + T
 *     block: x += gate1 * attention(mod(RMSNorm(x), shift1, scale1))
 *            x += gate2 * swiglu(mod(RMSNorm(x), shift2, scale2))
 *     out = linear(mod(RMSNorm(x), shift, scale)) of the T patch tokens
 *
 * The final layer works on each token alone, so the extra tokens are dropped
 * before it, whatever the source does. Values that are cheap to make again
 * (norms, modulation, q, k, v, swiglu, the sum after attention) are not kept
 * for the backward: tape_again. */
#include <math.h>

#include "base/mem.h"
#include "nn/dit.h"
#include "nn/generator.h"

#define EPS       1e-6f
#define ROPE_BASE 10000.0
#define TABLE_STD 0.02f

typedef struct dit_block {
    int norm1, norm2, modulation_w, modulation_b;
    int qkv_w, qkv_b, q_norm, k_norm, out_w, out_b;
    int w1, b1, w2, b2, w3, b3;
} dit_block;

typedef struct dit {
    int patch_w, patch_b, position, extra_w, extra_b, extra_table;
    int final_norm, final_modulation_w, final_modulation_b, final_w, final_b;
    size_t tokens;       /* patches of a sample */
    tensor cosine, sine; /* [extra + tokens, head size / 2] */
    dit_block *blocks;
} dit;

/* -- tables -------------------------------------------------------------- */

/* Nearest bfloat16, ties to even. */
static double bf16(double value)
{
    union {
        float f;
        uint32_t u;
    } x = {.f = (float)value};
    x.u += 0x7fffu + (x.u >> 16 & 1);
    x.u &= 0xffff0000u;
    return x.f;
}

/* The release, where attention runs in bfloat16, rounds every step. */
static void rope_bf16(size_t tokens, size_t half, float *cosine, float *sine)
{
    for (size_t i = 0; i < tokens; i++)
        for (size_t k = 0; k < half; k++) {
            double frequency = bf16(pow(ROPE_BASE, -(double)k / (double)half));
            double angle = bf16(bf16((double)i) * frequency);
            cosine[i * half + k] = (float)bf16(cos(angle));
            sine[i * half + k] = (float)bf16(sin(angle));
        }
}

void dit_rope_tables(size_t tokens, size_t half, int rounded, float *cosine,
                     float *sine)
{
    if (rounded) {
        rope_bf16(tokens, half, cosine, sine);
        return;
    }
    for (size_t i = 0; i < tokens; i++)
        for (size_t k = 0; k < half; k++) {
            double angle =
                (double)i * pow(ROPE_BASE, -(double)k / (double)half);
            cosine[i * half + k] = (float)cos(angle);
            sine[i * half + k] = (float)sin(angle);
        }
}

/* [rows*columns,h]: the first half of h from the column, the second from the
 * row, each [sines, cosines] of index * 10000^(-k/(h/4)). */
static void position_table(size_t rows, size_t columns, size_t h, float *out)
{
    size_t quarter = h / 4;
    for (size_t i = 0; i < rows * columns; i++) {
        size_t at[2] = {i % columns, i / columns};
        for (size_t half = 0; half < 2; half++)
            for (size_t k = 0; k < quarter; k++) {
                double angle = (double)at[half] *
                               pow(ROPE_BASE, -(double)k / (double)quarter);
                float *to = out + i * h + half * 2 * quarter + k;
                to[0] = (float)sin(angle);
                to[quarter] = (float)cos(angle);
            }
    }
}

size_t dit_mlp_hidden(const generator_config *c)
{
    if (c->mlp_hidden)
        return (size_t)c->mlp_hidden;
    /* round_up(int(2/3 * int(4h)), 32), in doubles as the release does. */
    size_t hidden = (size_t)(2.0 / 3.0 * (4.0 * c->hidden));
    return (hidden + 31) / 32 * 32;
}

/* -- declaration --------------------------------------------------------- */

static drift_status check(generator *g)
{
    const generator_config *c = &g->config;
    const sample_shape *s = &g->sample;
    if (c->patch < 1 || s->height % c->patch || s->width % c->patch)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator.patch: %d does not divide %dx%d", c->patch,
                     s->height, s->width);
    if (c->heads < 1 || c->hidden % c->heads || c->hidden / c->heads % 2)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator.heads: %d heads do not cut %d (hidden) into "
                     "even sizes",
                     c->heads, c->hidden);
    if (c->position_table && c->hidden % 4)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator.hidden: %d is not divisible by 4, which the "
                     "position table needs",
                     c->hidden);
    if (c->extra_tokens < 0 || c->mlp_hidden < 0)
        return ERROR(g->ctx, DRIFT_ERROR_USAGE,
                     "generator: a size is out of range");
    return DRIFT_OK;
}

static void declare_patch(generator *g, dit *d, size_t rows, size_t columns)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    size_t h = (size_t)c->hidden;
    size_t in = (size_t)(c->patch * c->patch * g->sample.channels);
    /* A patch embedding of the PyTorch line is a convolution and starts as
     * one does there. */
    int conv = c->patch_order == PATCH_CHANNEL_MAJOR;
    float bound = 1 / sqrtf((float)in);
    d->patch_w =
        params_add(p, "patch", SHAPE(in, h), conv ? INIT_UNIFORM : INIT_XAVIER,
                   bound, "patch.weight");
    d->patch_b =
        params_add(p, "patch", SHAPE(h), conv ? INIT_UNIFORM : INIT_ZERO, bound,
                   "patch.bias");
    d->position = -1;
    if (c->position_table) {
        float *table = mem_alloc(g->ctx, rows * columns * h, sizeof *table);
        if (!table) {
            p->status = DRIFT_ERROR_MEMORY;
            return;
        }
        position_table(rows, columns, h, table);
        d->position = params_add_values(p, "patch", SHAPE(rows * columns, h),
                                        table, "position.table");
        mem_free(table);
    }
}

static void declare_extra(generator *g, dit *d)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    size_t h = (size_t)c->hidden;
    d->extra_w = d->extra_b = d->extra_table = -1;
    if (!c->extra_tokens)
        return;
    if (c->extra_conditioned) {
        d->extra_w = params_add(p, "extra", SHAPE(g->condition.width, h),
                                INIT_XAVIER, 0, "extra.weight");
        d->extra_b =
            params_add(p, "extra", SHAPE(h), INIT_ZERO, 0, "extra.bias");
    }
    d->extra_table = params_add(p, "extra", SHAPE((size_t)c->extra_tokens, h),
                                INIT_NORMAL, TABLE_STD, "extra.table");
}

static void declare_block(generator *g, dit_block *b, int i)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    size_t h = (size_t)c->hidden, f = dit_mlp_hidden(c);
    size_t d = h / (size_t)c->heads;
#define ADD(field, part, shape, init, name)                                    \
    b->field = params_add(p, part, shape, init, 0, "blocks.%d." name, i)
    b->q_norm = b->k_norm = b->qkv_b = b->b1 = b->b2 = b->b3 = -1;
    ADD(modulation_w, "modulation", SHAPE(g->condition.width, 6 * h), INIT_ZERO,
        "modulation.weight");
    ADD(modulation_b, "modulation", SHAPE(6 * h), INIT_ZERO, "modulation.bias");
    ADD(norm1, "attention", SHAPE(h), INIT_ONE, "norm1.weight");
    ADD(qkv_w, "attention", SHAPE(h, 3 * h), INIT_XAVIER,
        "attention.qkv.weight");
    if (c->qkv_bias)
        ADD(qkv_b, "attention", SHAPE(3 * h), INIT_ZERO, "attention.qkv.bias");
    if (c->qk_norm) {
        ADD(q_norm, "attention", SHAPE(d), INIT_ONE, "attention.q_norm.weight");
        ADD(k_norm, "attention", SHAPE(d), INIT_ONE, "attention.k_norm.weight");
    }
    ADD(out_w, "attention", SHAPE(h, h), INIT_XAVIER, "attention.out.weight");
    ADD(out_b, "attention", SHAPE(h), INIT_ZERO, "attention.out.bias");
    ADD(norm2, "mlp", SHAPE(h), INIT_ONE, "norm2.weight");
    ADD(w1, "mlp", SHAPE(h, f), INIT_XAVIER, "mlp.w1.weight");
    ADD(w3, "mlp", SHAPE(h, f), INIT_XAVIER, "mlp.w3.weight");
    ADD(w2, "mlp", SHAPE(f, h), INIT_XAVIER, "mlp.w2.weight");
    if (c->mlp_bias) {
        ADD(b1, "mlp", SHAPE(f), INIT_ZERO, "mlp.w1.bias");
        ADD(b3, "mlp", SHAPE(f), INIT_ZERO, "mlp.w3.bias");
        ADD(b2, "mlp", SHAPE(h), INIT_ZERO, "mlp.w2.bias");
    }
#undef ADD
}

static void declare_final(generator *g, dit *d)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    size_t h = (size_t)c->hidden;
    size_t out = (size_t)(c->patch * c->patch * g->sample.channels);
    d->final_norm =
        params_add(p, "final", SHAPE(h), INIT_ONE, 0, "final.norm.weight");
    d->final_modulation_w =
        params_add(p, "final", SHAPE(g->condition.width, 2 * h), INIT_ZERO, 0,
                   "final.modulation.weight");
    d->final_modulation_b = params_add(p, "final", SHAPE(2 * h), INIT_ZERO, 0,
                                       "final.modulation.bias");
    d->final_w = params_add(p, "final", SHAPE(h, out),
                            c->zero_output ? INIT_ZERO : INIT_NORMAL, TABLE_STD,
                            "final.linear.weight");
    d->final_b =
        params_add(p, "final", SHAPE(out), INIT_ZERO, 0, "final.linear.bias");
    g->last_weight = d->final_w;
}

static drift_status make_rope(generator *g, dit *d)
{
    drift_context *ctx = g->ctx;
    drift_status status = DRIFT_OK;
    size_t n = d->tokens + (size_t)g->config.extra_tokens;
    size_t half = (size_t)(g->config.hidden / g->config.heads / 2);
    float *cosine = mem_alloc(ctx, n * half, sizeof *cosine);
    float *sine = mem_alloc(ctx, n * half, sizeof *sine);
    if (!cosine || !sine) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    dit_rope_tables(n, half, g->config.rope_bf16, cosine, sine);
    TRY(tensor_new(ctx, &d->cosine, DTYPE_F32, SHAPE(n, half)));
    TRY(tensor_new(ctx, &d->sine, DTYPE_F32, SHAPE(n, half)));
    TRY(tensor_write(ctx, &d->cosine, cosine));
    TRY(tensor_write(ctx, &d->sine, sine));
out:
    mem_free(cosine);
    mem_free(sine);
    return status;
}

static drift_status dit_declare(generator *g)
{
    const generator_config *c = &g->config;
    drift_status status = DRIFT_OK;
    TRY(check(g));
    dit *d = g->state = mem_alloc(g->ctx, 1, sizeof *d);
    if (!d)
        return DRIFT_ERROR_MEMORY;
    d->blocks = mem_alloc(g->ctx, (size_t)c->depth, sizeof *d->blocks);
    if (!d->blocks)
        return DRIFT_ERROR_MEMORY;
    size_t rows = (size_t)(g->sample.height / c->patch);
    size_t columns = (size_t)(g->sample.width / c->patch);
    d->tokens = rows * columns;
    TRY(condition_declare(g,
                          (size_t)(c->condition ? c->condition : c->hidden)));
    declare_patch(g, d, rows, columns);
    declare_extra(g, d);
    for (int i = 0; i < c->depth; i++)
        declare_block(g, &d->blocks[i], i);
    declare_final(g, d);
    TRY(g->params.status);
    TRY(make_rope(g, d));
out:
    return status;
}

static void dit_close(generator *g)
{
    dit *d = g->state;
    if (!d)
        return;
    tensor_free(g->ctx, &d->cosine);
    tensor_free(g->ctx, &d->sine);
    mem_free(d->blocks);
}

static shape dit_noise(const generator *g, size_t b)
{
    return SHAPE(b, (size_t)g->sample.height, (size_t)g->sample.width,
                 (size_t)g->sample.channels);
}

/* -- forward ------------------------------------------------------------- */

typedef struct pass {
    generator *g;
    dit *d;
    tape *t;
    const tensor *flat;
    size_t b, n, h, heads; /* batch, tokens with the extra ones, widths */
    var *silu;             /* SiLU(cond) */
} pass;

static var *leaf(const pass *p, int i)
{
    return i < 0 ? NULL : params_leaf(&p->g->params, p->t, p->flat, i);
}

/* Part i of the modulation vector, [b,h]. */
static var *part(const pass *p, var *all, size_t i)
{
    return tape_split(p->t, all, 1, i * p->h, p->h);
}

/* mod(RMSNorm(x)): shift and scale are parts i and i+1. */
static var *normed(const pass *p, var *x, int norm, var *modulation, size_t i)
{
    var *y = tape_again(p->t, tape_rmsnorm(p->t, x, leaf(p, norm), EPS));
    var *shift = part(p, modulation, i), *scale = part(p, modulation, i + 1);
    return tape_again(p->t, tape_modulate(p->t, y, shift, scale));
}

/* Query or key (i = 0, 1): normalised per head, rotated, [b,n,heads,d]. */
static var *rotated(const pass *p, var *qkv, size_t i, int norm)
{
    var *x = tape_again(p->t, tape_split(p->t, qkv, 2, i * p->h, p->h));
    if (norm >= 0)
        x = tape_again(p->t, tape_rmsnorm(p->t, x, leaf(p, norm), EPS));
    x = tape_reshape(p->t, x, SHAPE(p->b, p->n, p->heads, p->h / p->heads));
    return tape_again(p->t, tape_rope(p->t, x, &p->d->cosine, &p->d->sine));
}

static var *attention(const pass *p, const dit_block *k, var *x,
                      var *modulation)
{
    tape *t = p->t;
    shape heads = SHAPE(p->b, p->n, p->heads, p->h / p->heads);
    tape_open(t);
    var *qkv = tape_linear(t, normed(p, x, k->norm1, modulation, 0),
                           leaf(p, k->qkv_w), leaf(p, k->qkv_b));
    var *v = tape_again(t, tape_split(t, qkv, 2, 2 * p->h, p->h));
    var *query = rotated(p, qkv, 0, k->q_norm);
    var *key = rotated(p, qkv, 1, k->k_norm);
    var *o = tape_attention(t, query, key, tape_reshape(t, v, heads),
                            1 / sqrtf((float)(p->h / p->heads)));
    o = tape_close(t, tape_reshape(t, o, SHAPE(p->b, p->n, p->h)));
    return tape_linear(t, o, leaf(p, k->out_w), leaf(p, k->out_b));
}

static var *mlp(const pass *p, const dit_block *k, var *x, var *modulation)
{
    tape *t = p->t;
    tape_open(t);
    var *u = normed(p, x, k->norm2, modulation, 3);
    var *a = tape_linear(t, u, leaf(p, k->w1), leaf(p, k->b1));
    var *b = tape_linear(t, u, leaf(p, k->w3), leaf(p, k->b3));
    u = tape_again(t, tape_swiglu(t, a, b));
    return tape_close(t, tape_linear(t, u, leaf(p, k->w2), leaf(p, k->b2)));
}

static var *block_forward(const pass *p, const dit_block *k, var *x)
{
    tape *t = p->t;
    tape_open(t);
    var *modulation = tape_linear(t, p->silu, leaf(p, k->modulation_w),
                                  leaf(p, k->modulation_b));
    var *r = attention(p, k, x, modulation);
    x = tape_again(t, tape_gate(t, x, r, part(p, modulation, 2)));
    tape_drop(t, r);
    r = mlp(p, k, x, modulation);
    return tape_close(t, tape_gate(t, x, r, part(p, modulation, 5)));
}

/* The in-context or register tokens, [b,extra,h]. */
static var *extra_tokens(const pass *p, var *cond)
{
    size_t count = (size_t)p->g->config.extra_tokens;
    var *table = leaf(p, p->d->extra_table);
    if (p->d->extra_w < 0) { /* the table for every sample */
        table = tape_reshape(p->t, table, SHAPE(1, count * p->h));
        return tape_reshape(p->t, tape_expand(p->t, table, p->b),
                            SHAPE(p->b, count, p->h));
    }
    var *x =
        tape_linear(p->t, cond, leaf(p, p->d->extra_w), leaf(p, p->d->extra_b));
    return tape_add(p->t, tape_expand(p->t, x, count), table, 1, 1);
}

/* Patches, positions, extra tokens: [b,n,h]. */
static var *tokens(const pass *p, var *noise, var *cond)
{
    const generator_config *c = &p->g->config;
    tape *t = p->t;
    tape_open(t);
    var *x = tape_patchify(t, noise, c->patch, c->patch_order);
    x = tape_linear(t, x, leaf(p, p->d->patch_w), leaf(p, p->d->patch_b));
    if (p->d->position >= 0)
        x = tape_add(t, x, leaf(p, p->d->position), 1, 1);
    if (c->extra_tokens) {
        var *both[2] = {extra_tokens(p, cond), x};
        x = tape_concat(t, 1, both, 2);
    }
    return tape_close(t, x);
}

static var *final_layer(const pass *p, var *x, shape image)
{
    const dit *d = p->d;
    tape *t = p->t;
    tape_open(t);
    var *modulation = tape_linear(t, p->silu, leaf(p, d->final_modulation_w),
                                  leaf(p, d->final_modulation_b));
    if (p->n > d->tokens)
        x = tape_split(t, x, 1, p->n - d->tokens, d->tokens);
    x = normed(p, x, d->final_norm, modulation, 0);
    x = tape_linear(t, x, leaf(p, d->final_w), leaf(p, d->final_b));
    return tape_close(
        t, tape_unpatchify(t, x, image, p->g->config.patch, PATCH_PIXEL_MAJOR));
}

/* With every path off the modulation has its biases alone. */
static var *no_condition(const pass *p)
{
    tensor zero = {0};
    drift_status status = tensor_new(p->g->ctx, &zero, DTYPE_F32,
                                     SHAPE(p->b, p->g->condition.width));
    if (status == DRIFT_OK)
        status = op_fill(p->g->ctx, &zero, 0);
    if (status != DRIFT_OK)
        tape_fail(p->t, status);
    var *cond = zero.block ? tape_constant(p->t, &zero) : NULL;
    tensor_free(p->g->ctx, &zero);
    return cond;
}

static var *dit_forward(generator *g, tape *t, const tensor *flat, var *noise,
                        var *cond)
{
    dit *d = g->state;
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    pass p = {.g = g, .d = d, .t = t, .flat = flat};
    p.b = noise->value.shape.dim[0];
    p.h = (size_t)g->config.hidden;
    p.heads = (size_t)g->config.heads;
    p.n = d->tokens + (size_t)g->config.extra_tokens;
    tape_open(t);
    if (!cond)
        cond = no_condition(&p);
    p.silu = tape_activation(t, cond, ACT_SILU);
    var *x = tokens(&p, noise, cond);
    for (int i = 0; i < g->config.depth; i++) {
        var *y = block_forward(&p, &d->blocks[i], x);
        tape_drop(t, x);
        x = y;
        generator_watch(g, "block", i, x);
    }
    return tape_close(t, final_layer(&p, x, dit_noise(g, p.b)));
}

const generator_ops dit_ops = {"dit", dit_declare, dit_forward, dit_noise,
                               dit_close};
