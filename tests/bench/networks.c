/* Whole networks: forward and backward of the generators for a part of a
 * batch, counted over their matrix products (a backward is two of each, but for
 * the first layer's input). */
#include "bench.h"
#include "nn/generator.h"

/* As many samples at a time as a training step has in a part. */
#define CONV_SAMPLES 128
#define DIT_SAMPLES  128

typedef struct network {
    generator *g;
    tape *t;
    generator_input in;
    tensor *dy;
} network;

static network network_new(bench *b, const generator_config *c, sample_shape s,
                           size_t samples)
{
    drift_context *ctx = bench_context(b);
    network n = {NULL, NULL, {0}, NULL};
    bench_need(b, generator_new(ctx, c, s, 1, 1, &n.g));
    bench_need(b, tape_new(ctx, 1, &n.t));
    n.in.noise = bench_tensor(b, generator_noise_shape(n.g, samples));
    n.in.label = bench_index(b, SHAPE(samples, 1), s.classes);
    n.in.alpha = bench_tensor(b, SHAPE(samples, 1));
    if (c->style_tokens)
        n.in.style = bench_index(b, SHAPE(samples, (size_t)c->style_tokens),
                                 c->style_codes);
    n.dy = bench_tensor(b, SHAPE(samples, (size_t)s.height, (size_t)s.width,
                                 (size_t)s.channels));
    return n;
}

static void network_free(bench *b, network *n)
{
    tape_free(n->t);
    generator_free(n->g);
    bench_free(b);
}

static drift_status forward(network *n)
{
    tape_reset(n->t, 0);
    generator_forward(n->g, n->t, &n->g->params.value, &n->in);
    return tape_status(n->t);
}

static drift_status forward_backward(network *n)
{
    drift_status status = DRIFT_OK;
    tape_reset(n->t, 1);
    var *y = generator_forward(n->g, n->t, &n->g->params.value, &n->in);
    TRY(tape_status(n->t));
    tape_seed(n->t, y, n->dy);
    TRY(tape_backward(n->t));
out:
    return status;
}

/* The conv generator at one pixel a location. */
static void conv(bench *b)
{
    if (!bench_wants(b, "conv."))
        return;
    generator_config c = {.kind = GENERATOR_CONV,
                          .hidden = 16,
                          .depth = 2,
                          .condition = 64,
                          .noise_std = 1,
                          .use_class = 1,
                          .use_alpha = 1,
                          .alpha_max_period = 10000,
                          .patch = 1,
                          .noise_dim = 64,
                          .levels = 3,
                          .groups = 8};
    sample_shape s = {28, 28, 1, 10};
    network n = network_new(b, &c, s, CONV_SAMPLES);
    double flops = 0;
    for (int level = 0; level < 3; level++) {
        double side = 7 << level, width = 64 >> level;
        flops += c.depth * 2 * side * side * 9 * width * width;
        /* The layer to half the channels. */
        flops += level < 2 ? 2 * side * side * width * width / 2 : 0;
    }
    flops += 2.0 * 28 * 28 * 9 * 16 + 2.0 * 128 * 49 * 64;
    flops *= CONV_SAMPLES;
    BENCH(b, "conv.forward", flops, 0, forward(&n));
    BENCH(b, "conv.forward-backward", 3 * flops, 0, forward_backward(&n));
    network_free(b, &n);
}

/* DriftDiT-Tiny as in the PyTorch line, 32x32x1, 16 extra tokens. */
static void dit_tiny(bench *b)
{
    if (!bench_wants(b, "dit-tiny."))
        return;
    generator_config c = {.kind = GENERATOR_DIT,
                          .hidden = 256,
                          .depth = 6,
                          .condition = 256,
                          .noise_std = 1,
                          .use_class = 1,
                          .use_alpha = 1,
                          .style_tokens = 32,
                          .style_codes = 64,
                          .style_shared = 1,
                          .null_class = 1,
                          .alpha_max_period = 10,
                          .patch = 4,
                          .heads = 4,
                          .extra_tokens = 16,
                          .mlp_hidden = 1024,
                          .patch_order = PATCH_CHANNEL_MAJOR,
                          .qk_norm = 1};
    sample_shape s = {32, 32, 1, 10};
    network n = network_new(b, &c, s, DIT_SAMPLES);
    double h = 256, tokens = 80, inner = 1024;
    double layer = tokens * 2 * (h * 3 * h + h * h + 3 * h * inner) +
                   4 * tokens * tokens * h + 2 * h * 6 * h;
    double flops = DIT_SAMPLES * (6 * layer + 64 * 2 * 16 * h * 2);
    BENCH(b, "dit-tiny.forward", flops, 0, forward(&n));
    BENCH(b, "dit-tiny.forward-backward", 3 * flops, 0, forward_backward(&n));
    network_free(b, &n);
}

void bench_networks(bench *b)
{
    conv(b);
    dit_tiny(b);
}
