/* The ops that are bound by memory, on the activations of DriftDiT-Tiny and
 * of the conv generator. GB/s counts each operand once as read or written, a
 * gradient that is added to as both. */
#include "bench.h"

#define SAMPLES 640
#define TOKENS  80
#define WIDTH   256
#define INNER   1024 /* of SwiGLU */

/* `tensors` passes over a tensor of n floats. */
static double pass(double tensors, size_t n)
{
    return tensors * 4.0 * (double)n;
}

static void tokens(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * TOKENS * WIDTH;
    shape s = SHAPE(SAMPLES, TOKENS, WIDTH), one = SHAPE(SAMPLES, WIDTH);
    tensor *x = bench_tensor(b, s), *y = bench_tensor(b, s);
    tensor *dx = bench_tensor(b, s), *dr = bench_tensor(b, s);
    tensor *shift = bench_tensor(b, one), *scale = bench_tensor(b, one);
    tensor *dshift = bench_tensor(b, one), *dscale = bench_tensor(b, one);
    tensor *w = bench_tensor(b, SHAPE(WIDTH)),
           *dw = bench_tensor(b, SHAPE(WIDTH));
    tensor *rstd = bench_tensor(b, SHAPE(SAMPLES * TOKENS));
    BENCH(b, "rmsnorm_fwd", 0, pass(2, n),
          op_rmsnorm_fwd(ctx, y, rstd, x, w, 1e-6f));
    BENCH(b, "rmsnorm_bwd", 0, pass(4, n),
          op_rmsnorm_bwd(ctx, dx, dw, y, x, w, rstd));
    BENCH(b, "modulate_fwd", 0, pass(2, n),
          op_modulate_fwd(ctx, y, x, shift, scale));
    BENCH(b, "modulate_bwd", 0, pass(4, n),
          op_modulate_bwd(ctx, dx, dshift, dscale, y, x, scale));
    BENCH(b, "gate_fwd", 0, pass(3, n), op_gate_fwd(ctx, y, x, dr, scale));
    BENCH(b, "gate_bwd", 0, pass(6, n),
          op_gate_bwd(ctx, dx, dr, dscale, y, x, scale));
    BENCH(b, "add_fwd", 0, pass(3, n), op_add_fwd(ctx, y, x, dr, 1, 1));
    BENCH(b, "add_bwd", 0, pass(5, n), op_add_bwd(ctx, dx, dr, y, 1, 1));
    BENCH(b, "mul_fwd", 0, pass(3, n), op_mul_fwd(ctx, y, x, dr));
    BENCH(b, "mul_fwd.channels", 0, pass(2, n), op_mul_fwd(ctx, y, x, w));
    BENCH(b, "mul_bwd", 0, pass(4, n), op_mul_bwd(ctx, dx, NULL, y, x, x));
    BENCH(b, "mul_bwd.channels", 0, pass(4, n),
          op_mul_bwd(ctx, dx, dw, y, x, w));
    BENCH(b, "fill", 0, pass(1, n), op_fill(ctx, y, 0));
    bench_free(b);
}

static void layernorm(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * TOKENS * WIDTH;
    shape s = SHAPE(SAMPLES, TOKENS, WIDTH);
    if (!bench_wants(b, "layernorm"))
        return;
    tensor *x = bench_tensor(b, s), *y = bench_tensor(b, s);
    tensor *w = bench_tensor(b, SHAPE(WIDTH)),
           *o = bench_tensor(b, SHAPE(WIDTH));
    tensor *dx = bench_tensor(b, s);
    tensor *dw = bench_tensor(b, SHAPE(WIDTH)),
           *db = bench_tensor(b, SHAPE(WIDTH));
    tensor *mean = bench_tensor(b, SHAPE(SAMPLES * TOKENS));
    tensor *rstd = bench_tensor(b, SHAPE(SAMPLES * TOKENS));
    BENCH(b, "layernorm_fwd", 0, pass(2, n),
          op_layernorm_fwd(ctx, y, mean, rstd, x, w, o, 1e-5f, 0));
    BENCH(b, "layernorm_bwd", 0, pass(4, n),
          op_layernorm_bwd(ctx, dx, dw, db, y, x, w, mean, rstd, 0));
    bench_free(b);
}

/* Ops that only move numbers; bytes of what they read and write. */
static void moves(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t image = SAMPLES * 32 * 32 * 4, n = SAMPLES * TOKENS * WIDTH;
    shape s = SHAPE(SAMPLES, TOKENS, WIDTH), flat = SHAPE(SAMPLES, WIDTH);
    tensor *pixels = bench_tensor(b, SHAPE(SAMPLES, 32, 32, 4));
    tensor *tokens = bench_tensor(b, SHAPE(SAMPLES, 64, 64));
    tensor *small = bench_tensor(b, SHAPE(SAMPLES, 24, 24, 4));
    tensor *x = bench_tensor(b, s), *y = bench_tensor(b, s);
    tensor *part = bench_tensor(b, SHAPE(SAMPLES, TOKENS / 2, WIDTH));
    tensor *row = bench_tensor(b, flat),
           *table = bench_tensor(b, SHAPE(64, WIDTH));
    tensor *index = bench_index(b, SHAPE(SAMPLES, 32), 64);
    tensor *four = bench_tensor(b, SHAPE(SAMPLES, 4, TOKENS, WIDTH / 4));
    tensor four_x = tensor_reshape(x, SHAPE(SAMPLES, TOKENS, 4, WIDTH / 4));
    size_t half = n / 2, rows = SAMPLES * WIDTH,
           small_n = SAMPLES * 24 * 24 * 4;
    BENCH(b, "patchify_fwd", 0, pass(2, image),
          op_patchify_fwd(ctx, tokens, pixels, 4, PATCH_PIXEL_MAJOR));
    BENCH(b, "patchify_bwd", 0, pass(3, image),
          op_patchify_bwd(ctx, pixels, tokens, 4, PATCH_PIXEL_MAJOR));
    BENCH(b, "unpatchify_fwd", 0, pass(2, image),
          op_unpatchify_fwd(ctx, pixels, tokens, 4, PATCH_PIXEL_MAJOR));
    BENCH(b, "unpatchify_bwd", 0, pass(3, image),
          op_unpatchify_bwd(ctx, tokens, pixels, 4, PATCH_PIXEL_MAJOR));
    BENCH(b, "resize_bilinear_fwd", 0, pass(1, image + small_n),
          op_resize_bilinear_fwd(ctx, pixels, small, (resize_args){0, 0}));
    BENCH(b, "resize_bilinear_bwd", 0, pass(1, image + 2 * small_n),
          op_resize_bilinear_bwd(ctx, small, pixels, (resize_args){0, 0}));
    BENCH(b, "swap_fwd", 0, pass(2, n), op_swap_fwd(ctx, four, &four_x));
    BENCH(b, "swap_bwd", 0, pass(3, n), op_swap_bwd(ctx, &four_x, four));
    BENCH(b, "concat_fwd", 0, pass(2, half),
          op_concat_fwd(ctx, y, part, 1, TOKENS / 2));
    BENCH(b, "concat_bwd", 0, pass(3, half),
          op_concat_bwd(ctx, part, y, 1, TOKENS / 2));
    BENCH(b, "expand_fwd", 0, pass(1, n), op_expand_fwd(ctx, y, row));
    BENCH(b, "expand_bwd", 0, pass(1, n), op_expand_bwd(ctx, row, y));
    BENCH(b, "embedding_fwd", 0, pass(33, rows),
          op_embedding_fwd(ctx, row, table, index, 0));
    BENCH(b, "embedding_bwd", 0, pass(33, rows),
          op_embedding_bwd(ctx, table, row, index, 0));
    tensor strength = tensor_view(row, 0, SHAPE(SAMPLES, 1));
    tensor waves = tensor_view(table, 0, SHAPE(WIDTH / 2));
    BENCH(b, "sinusoid", 0, pass(1, rows),
          op_sinusoid(ctx, row, &strength, &waves));
    bench_free(b);
}

static void moments(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * 28 * 28 * 16;
    tensor *x = bench_tensor(b, SHAPE(SAMPLES, 28, 28, 16));
    tensor *dx = bench_tensor(b, SHAPE(SAMPLES, 28, 28, 16));
    tensor *mean = bench_tensor(b, SHAPE(SAMPLES, 49, 16));
    tensor *std = bench_tensor(b, SHAPE(SAMPLES, 49, 16));
    BENCH(b, "moments_fwd.4x4", 0, pass(1, n),
          op_moments_fwd(ctx, mean, std, x, 4, 4, 1e-6f));
    BENCH(b, "moments_bwd.4x4", 0, pass(3, n),
          op_moments_bwd(ctx, dx, mean, std, x, mean, std, 4, 4));
    bench_free(b);
}

static void heads(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * TOKENS * WIDTH;
    shape s = SHAPE(SAMPLES, TOKENS, 4, WIDTH / 4);
    shape s3 = SHAPE(SAMPLES, TOKENS, 3 * WIDTH);
    shape part = SHAPE(SAMPLES, TOKENS, WIDTH);
    tensor *x = bench_tensor(b, s), *y = bench_tensor(b, s);
    tensor *cosine = bench_tensor(b, SHAPE(TOKENS, WIDTH / 8));
    tensor *sine = bench_tensor(b, SHAPE(TOKENS, WIDTH / 8));
    tensor *qkv = bench_tensor(b, s3), *q = bench_tensor(b, part);
    BENCH(b, "rope_fwd", 0, pass(2, n), op_rope_fwd(ctx, y, x, cosine, sine));
    BENCH(b, "rope_bwd", 0, pass(3, n), op_rope_bwd(ctx, y, x, cosine, sine));
    BENCH(b, "split_fwd", 0, pass(2, n), op_split_fwd(ctx, q, qkv, 2, WIDTH));
    BENCH(b, "split_bwd", 0, pass(3, n), op_split_bwd(ctx, qkv, q, 2, WIDTH));
    bench_free(b);
}

static void swiglu(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * TOKENS * INNER;
    shape s = SHAPE(SAMPLES, TOKENS, INNER);
    if (!bench_wants(b, "swiglu"))
        return;
    tensor *x = bench_tensor(b, s), *z = bench_tensor(b, s);
    tensor *y = bench_tensor(b, s);
    tensor *da = bench_tensor(b, s), *db = bench_tensor(b, s);
    BENCH(b, "swiglu_fwd", 0, pass(3, n), op_swiglu_fwd(ctx, y, x, z));
    BENCH(b, "swiglu_bwd", 0, pass(7, n), op_swiglu_bwd(ctx, da, db, y, x, z));
    bench_free(b);
}

static void maps(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = SAMPLES * 28 * 28 * 16;
    shape s = SHAPE(SAMPLES, 28, 28, 16), one = SHAPE(SAMPLES, 16);
    tensor *x = bench_tensor(b, s), *y = bench_tensor(b, s);
    tensor *dx = bench_tensor(b, s);
    tensor *w = bench_tensor(b, SHAPE(16)), *bias = bench_tensor(b, SHAPE(16));
    tensor *dw = bench_tensor(b, SHAPE(16)), *db = bench_tensor(b, SHAPE(16));
    tensor *mean = bench_tensor(b, SHAPE(SAMPLES, 4));
    tensor *rstd = bench_tensor(b, SHAPE(SAMPLES, 4));
    tensor *shift = bench_tensor(b, one), *scale = bench_tensor(b, one);
    tensor *dshift = bench_tensor(b, one), *dscale = bench_tensor(b, one);
    tensor *mod = bench_tensor(b, SHAPE(SAMPLES, 32));
    tensor *dmod = bench_tensor(b, SHAPE(SAMPLES, 32));
    tensor *small = bench_tensor(b, SHAPE(SAMPLES, 14, 14, 16));
    BENCH(b, "groupnorm_fwd", 0, pass(2, n),
          op_groupnorm_fwd(ctx, y, mean, rstd, x, w, bias, NULL, 4, 1e-5f,
                           ACT_NONE));
    BENCH(b, "groupnorm_bwd", 0, pass(4, n),
          op_groupnorm_bwd(ctx, dx, dw, db, NULL, y, x, w, bias, NULL, mean,
                           rstd, 4, ACT_NONE));
    BENCH(b, "groupnorm_fwd.mod-silu", 0, pass(2, n),
          op_groupnorm_fwd(ctx, y, mean, rstd, x, w, bias, mod, 4, 1e-5f,
                           ACT_SILU));
    BENCH(b, "groupnorm_bwd.mod-silu", 0, pass(4, n),
          op_groupnorm_bwd(ctx, dx, dw, db, dmod, y, x, w, bias, mod, mean,
                           rstd, 4, ACT_SILU));
    tensor *norm = bench_tensor(b, one);
    BENCH(b, "grn_fwd", 0, pass(2, n),
          op_grn_fwd(ctx, y, norm, x, w, bias, 1e-6f));
    BENCH(b, "grn_bwd", 0, pass(4, n),
          op_grn_bwd(ctx, dx, dw, db, y, x, w, norm));
    BENCH(b, "modulate_fwd.map", 0, pass(2, n),
          op_modulate_fwd(ctx, y, x, shift, scale));
    BENCH(b, "modulate_bwd.map", 0, pass(4, n),
          op_modulate_bwd(ctx, dx, dshift, dscale, y, x, scale));
    BENCH(b, "activation_fwd.silu", 0, pass(2, n),
          op_activation_fwd(ctx, y, x, ACT_SILU));
    BENCH(b, "activation_bwd.silu", 0, pass(4, n),
          op_activation_bwd(ctx, dx, y, x, ACT_SILU));
    BENCH(b, "activation_fwd.gelu_erf", 0, pass(2, n),
          op_activation_fwd(ctx, y, x, ACT_GELU_ERF));
    BENCH(b, "activation_bwd.gelu_erf", 0, pass(4, n),
          op_activation_bwd(ctx, dx, y, x, ACT_GELU_ERF));
    BENCH(b, "activation_fwd.gelu_tanh", 0, pass(2, n),
          op_activation_fwd(ctx, y, x, ACT_GELU_TANH));
    BENCH(b, "activation_fwd.relu", 0, pass(2, n),
          op_activation_fwd(ctx, y, x, ACT_RELU));
    BENCH(b, "activation_fwd.tanh", 0, pass(2, n),
          op_activation_fwd(ctx, y, x, ACT_TANH));
    tensor *index = bench_index(b, SHAPE(SAMPLES, 14, 14, 16), 9);
    BENCH(b, "maxpool_fwd.3x3", 0, pass(1.5, n),
          op_maxpool_fwd(ctx, small, index, x, (pool_args){3, 2, 1}));
    BENCH(b, "maxpool_bwd.3x3", 0, pass(2.5, n),
          op_maxpool_bwd(ctx, dx, small, index, (pool_args){3, 2, 1}));
    BENCH(b, "avgpool_fwd.3x3", 0, pass(1.25, n),
          op_avgpool_fwd(ctx, small, x, (pool_args){3, 2, 1}));
    BENCH(b, "avgpool_bwd.3x3", 0, pass(2.25, n),
          op_avgpool_bwd(ctx, dx, small, (pool_args){3, 2, 1}));
    BENCH(b, "upsample_nearest_fwd", 0, pass(1.25, n),
          op_upsample_nearest_fwd(ctx, y, small));
    BENCH(b, "upsample_nearest_bwd", 0, pass(1.5, n),
          op_upsample_nearest_bwd(ctx, small, y));
    bench_free(b);
}

static void parameters(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = 4000000;
    tensor *p = bench_tensor(b, SHAPE(n)), *m = bench_tensor(b, SHAPE(n));
    tensor *v = bench_tensor(b, SHAPE(n)), *g = bench_tensor(b, SHAPE(n));
    tensor *sum = bench_tensor(b, SHAPE(1));
    adamw_args args = adamw_args_of(1e-4, .9, .95, 1e-8, .01, 10);
    BENCH(b, "reduce.sumsq", 0, pass(1, n),
          op_reduce(ctx, sum, g, REDUCE_SUMSQ));
    tensor squares = tensor_view(g, 0, SHAPE(130));
    BENCH(b, "clip", 0, pass(1, 130), op_clip(ctx, sum, &squares, 1));
    BENCH(b, "adamw", 0, pass(7, n), op_adamw(ctx, p, m, v, g, NULL, args));
    BENCH(b, "ema", 0, pass(3, n), op_ema(ctx, v, p, NULL, .999f));
    BENCH(b, "uniform", 0, pass(1, n),
          op_uniform(ctx, g, (rng_stream){1, RNG_TEST, 1}, 0, 0, 1));
    BENCH(b, "normal", 0, pass(1, n),
          op_normal(ctx, g, (rng_stream){1, RNG_TEST, 1}, 0, 0, 1));
    bench_free(b);
}

static void cross_entropy(bench *b)
{
    drift_context *ctx = bench_context(b);
    size_t n = 8192 * 1000;
    tensor *logits = bench_tensor(b, SHAPE(8192, 1000));
    tensor *dlogits = bench_tensor(b, SHAPE(8192, 1000));
    tensor *loss = bench_tensor(b, SHAPE(8192));
    tensor *hit = bench_tensor(b, SHAPE(8192));
    tensor *labels = bench_index(b, SHAPE(8192), 1000);
    BENCH(b, "cross_entropy", 0, pass(2, n),
          op_cross_entropy(ctx, loss, hit, dlogits, logits, labels, 1, .1f, 0));
    bench_free(b);
}

static void distance(bench *b)
{
    drift_context *ctx = bench_context(b);
    if (!bench_wants(b, "distance_fwd"))
        return;
    tensor *x = bench_tensor(b, SHAPE(10, 64, 784));
    tensor *y = bench_tensor(b, SHAPE(10, 256, 784));
    tensor *d = bench_tensor(b, SHAPE(10, 64, 256));
    BENCH(b, "distance_fwd.10-64x256x784", 10.0 * 64 * 256 * 2 * 784, 0,
          op_distance_fwd(ctx, d, x, y));
    tensor *dx = bench_tensor(b, SHAPE(10, 64, 784));
    tensor *dy = bench_tensor(b, SHAPE(10, 256, 784));
    BENCH(b, "distance_bwd.10-64x256x784", 10.0 * 64 * 256 * 4 * 784, 0,
          op_distance_bwd(ctx, dx, dy, d, x, y, d));
    bench_free(b);
}

void bench_ops(bench *b)
{
    tokens(b);
    layernorm(b);
    moves(b);
    moments(b);
    heads(b);
    swiglu(b);
    maps(b);
    parameters(b);
    cross_entropy(b);
    distance(b);
}
