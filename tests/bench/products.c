/* Products at the shapes of the presets: DriftDiT-Tiny (640 samples of 80
 * tokens, width 256) and the conv generator (7x7x64, 14x14x32, 28x28x16). */
#include <stdio.h>

#include "bench.h"

#define SAMPLES 640
#define TOKENS  80

static void linear(bench *b, size_t in, size_t out)
{
    drift_context *ctx = bench_context(b);
    char name[3][64];
    const char *kind[] = {"fwd", "dx", "dw"};
    size_t rows = SAMPLES * TOKENS;
    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof name[i], "linear_%s.%zux%zu", kind[i], in,
                 out);
    if (!bench_wants(b, name[0]) && !bench_wants(b, name[1]) &&
        !bench_wants(b, name[2]))
        return;
    double flops = 2.0 * (double)rows * (double)in * (double)out;
    tensor *x = bench_tensor(b, SHAPE(SAMPLES, TOKENS, in));
    tensor *y = bench_tensor(b, SHAPE(SAMPLES, TOKENS, out));
    tensor *w = bench_tensor(b, SHAPE(in, out));
    tensor *dx = bench_tensor(b, SHAPE(SAMPLES, TOKENS, in));
    tensor *dw = bench_tensor(b, SHAPE(in, out));
    BENCH(b, name[0], flops, 0, op_linear_fwd(ctx, y, x, w, NULL));
    BENCH(b, name[1], flops, 0, op_linear_bwd(ctx, dx, NULL, NULL, y, x, w));
    BENCH(b, name[2], flops, 0, op_linear_bwd(ctx, NULL, dw, NULL, y, x, w));
    bench_free(b);
}

static void conv(bench *b, size_t side, size_t ci, size_t co, size_t taps,
                 int stride)
{
    drift_context *ctx = bench_context(b);
    char name[3][64];
    const char *kind[] = {"fwd", "dx", "dw"};
    size_t out = side / (size_t)stride;
    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof name[i], "conv2d_%s.%zux%zu-%zu-%zu-%zux%zu%s",
                 kind[i], side, side, ci, co, taps, taps,
                 stride > 1 ? "-strided" : "");
    if (!bench_wants(b, name[0]) && !bench_wants(b, name[1]) &&
        !bench_wants(b, name[2]))
        return;
    conv_args args = {stride, stride, (int)taps / 2, (int)taps / 2, 1, 1, 1};
    double flops = 2.0 * SAMPLES * (double)(out * out * taps * taps * ci * co);
    tensor *x = bench_tensor(b, SHAPE(SAMPLES, side, side, ci));
    tensor *y = bench_tensor(b, SHAPE(SAMPLES, out, out, co));
    tensor *w = bench_tensor(b, SHAPE(taps, taps, ci, co));
    tensor *bias = bench_tensor(b, SHAPE(co));
    tensor *dx = bench_tensor(b, SHAPE(SAMPLES, side, side, ci));
    tensor *dw = bench_tensor(b, SHAPE(taps, taps, ci, co));
    BENCH(b, name[0], flops, 0, op_conv2d_fwd(ctx, y, x, w, bias, args));
    BENCH(b, name[1], flops, 0,
          op_conv2d_bwd(ctx, dx, NULL, NULL, y, x, w, args));
    BENCH(b, name[2], flops, 0,
          op_conv2d_bwd(ctx, NULL, dw, NULL, y, x, w, args));
    bench_free(b);
}

static void attention(bench *b, size_t batch, size_t tokens, size_t heads,
                      size_t d)
{
    drift_context *ctx = bench_context(b);
    char name[2][64];
    snprintf(name[0], sizeof name[0], "attention_fwd.%zu-%zu-%zu", tokens,
             heads, d);
    snprintf(name[1], sizeof name[1], "attention_bwd.%zu-%zu-%zu", tokens,
             heads, d);
    if (!bench_wants(b, name[0]) && !bench_wants(b, name[1]))
        return;
    double flops = 4.0 * (double)(batch * heads * tokens * tokens * d);
    shape s = SHAPE(batch, tokens, heads, d);
    tensor *q = bench_tensor(b, s), *k = bench_tensor(b, s);
    tensor *v = bench_tensor(b, s), *o = bench_tensor(b, s);
    tensor *lse = bench_tensor(b, SHAPE(batch, heads, tokens));
    tensor *dy = bench_tensor(b, s), *dq = bench_tensor(b, s);
    tensor *dk = bench_tensor(b, s), *dv = bench_tensor(b, s);
    BENCH(b, name[0], flops, 0, op_attention_fwd(ctx, o, lse, q, k, v, 0.125f));
    BENCH(b, name[1], 2.5 * flops, 0,
          op_attention_bwd(ctx, dq, dk, dv, dy, q, k, v, o, lse, 0.125f));
    bench_free(b);
}

static void batches(bench *b)
{
    drift_context *ctx = bench_context(b);
    if (!bench_wants(b, "gemm."))
        return;
    tensor *a = bench_tensor(b, SHAPE(10, 64, 784));
    tensor *y = bench_tensor(b, SHAPE(10, 200, 784));
    tensor *c = bench_tensor(b, SHAPE(10, 64, 200));
    BENCH(b, "gemm.10-64x200x784", 2.0 * 10 * 64 * 200 * 784, 0,
          op_gemm(ctx, c, a, y, 0, 1, 1, 0));
    bench_free(b);
}

void bench_products(bench *b)
{
    batches(b);
    linear(b, 256, 256);
    linear(b, 256, 768);
    linear(b, 256, 1024);
    linear(b, 1024, 256);
    attention(b, SAMPLES, 80, 4, 64);
    attention(b, 16, 272, 12, 64);
    conv(b, 7, 64, 64, 3, 1);
    conv(b, 14, 32, 32, 3, 1);
    conv(b, 28, 16, 16, 3, 1);
    conv(b, 28, 16, 1, 3, 1);
    conv(b, 14, 64, 32, 1, 1);
    conv(b, 32, 64, 64, 3, 1);
    conv(b, 32, 64, 128, 3, 2);
}
