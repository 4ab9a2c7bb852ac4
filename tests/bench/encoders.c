/* Encoders as training uses them: the maps of a part of a batch, and the way
 * back from all of them to the images, with the parameters frozen; one product
 * of a convolution each way. */
#include <stdio.h>

#include "bench.h"
#include "drift/extractor.h"

#define SAMPLES   128      /* as a training step has in a part */
#define INCEPTION 11.422e9 /* products of an image of its size */

/* -- products ------------------------------------------------------------- */

static double conv(double side, double taps, double in, double out)
{
    return 2 * side * side * taps * in * out;
}

static double linear(double in, double out)
{
    return 2 * in * out;
}

static double classifier_flops(const encoder_config *c, double side)
{
    double flops = 0, in = (double)encoder_channels(c);
    side /= c->patch > 1 ? c->patch : 1;
    for (int s = 0; s < ENCODER_STAGES && c->blocks[s]; s++) {
        double n = c->width << s;
        side /= s ? 2 : 1;
        flops += conv(side, 9, in, n) + c->blocks[s] * conv(side, 9, n, n);
        in = n;
    }
    return flops + linear(in, c->hidden);
}

/* Stages of blocks of two convolutions, with one more where they change the
 * shape. */
static double residual_flops(const encoder_config *c, double side)
{
    double flops = 0, in = c->width;
    for (int s = 0; s < ENCODER_STAGES && c->blocks[s]; s++) {
        double n = c->width << s;
        side /= s ? 2 : 1;
        flops += (2 * c->blocks[s] - 1) * conv(side, 9, n, n) +
                 conv(side, 9, in, n) + (in < n ? conv(side, 1, in, n) : 0);
        in = n;
    }
    return flops;
}

double bench_encoder_flops(const encoder *e, int size)
{
    const encoder_config *c = &e->config;
    double side = size < c->resize ? c->resize : size, w = c->width;
    switch (c->kind) {
    case ENCODER_CLASSIFIER:
        return classifier_flops(c, side);
    case ENCODER_CIFAR_RESNET:
        return conv(side, 9, c->channels, w) + residual_flops(c, side);
    case ENCODER_RESNET:
        return c->bottleneck ? 0
                             : conv(side / 2, 49, c->channels, w) +
                                   residual_flops(c, side / 4);
    case ENCODER_MAE:
        side /= c->patch;
        return conv(side, 9, c->patch * c->patch * c->channels, w) +
               residual_flops(c, side);
    case ENCODER_INCEPTION:
        return c->width == 32 && size == 299 ? INCEPTION : 0;
    default:
        return 0;
    }
}

/* -- cases ---------------------------------------------------------------- */

typedef struct network {
    encoder *e;
    tape *t;
    const tensor *images;
    tensor *slopes[ENCODER_MAPS]; /* of the maps */
} network;

static drift_status forward(network *n, int record, encoder_out *out)
{
    *out = (encoder_out){.want_logits = 0};
    tape_reset(n->t, record);
    encoder_forward(n->e, n->t, &n->e->params.value,
                    tape_input(n->t, n->images), out);
    return tape_status(n->t);
}

static drift_status forward_backward(network *n)
{
    drift_status status = DRIFT_OK;
    encoder_out out;
    TRY(forward(n, 1, &out));
    for (size_t i = 0; i < out.count; i++)
        tape_seed(n->t, out.list[i].value, n->slopes[i]);
    TRY(tape_backward(n->t));
out:
    return status;
}

typedef struct setting {
    const char *name, *file; /* file NULL: made of the configuration */
    int side;                /* of the images */
    size_t samples;          /* 0: SAMPLES */
    encoder_config config;
} setting;

static const setting settings[] = {
    /* of the preset encoder-fashion */
    {"classifier",
     NULL,
     28,
     0,
     {.kind = ENCODER_CLASSIFIER,
      .width = 12,
      .blocks = {1, 2, 2},
      .groups = 2,
      .hidden = 128,
      .channels = 1}},
    {"cifar-resnet20", "cifar10-resnet20", 32, 0, {0}},
    /* torchvision's, which enlarges images to 64x64 */
    {"resnet18",
     NULL,
     32,
     0,
     {.kind = ENCODER_RESNET,
      .width = 64,
      .blocks = {2, 2, 2, 2},
      .channels = 3,
      .imagenet = 1,
      .resize = 64}},
    {"mae",
     NULL,
     32,
     0,
     {.kind = ENCODER_MAE,
      .width = 32,
      .blocks = {3, 4, 6, 3},
      .groups = 32,
      .patch = 1,
      .channels = 3}},
    /* as drift-eval looks at images */
    {"inception",
     NULL,
     299,
     8,
     {.kind = ENCODER_INCEPTION, .width = 32, .classes = 1008, .channels = 3}},
};

static void one(bench *b, const setting *set)
{
    drift_context *ctx = bench_context(b);
    char name[2][64];
    size_t side = (size_t)set->side;
    size_t samples = set->samples ? set->samples : SAMPLES;
    encoder_out out;
    network n = {0};
    snprintf(name[0], sizeof name[0], "%s.forward", set->name);
    snprintf(name[1], sizeof name[1], "%s.forward-backward", set->name);
    if (!bench_wants(b, name[0]) && !bench_wants(b, name[1]))
        return;
    bench_need(b, set->file ? encoder_named(ctx, set->file, encoder_open, &n.e)
                            : encoder_new(ctx, &set->config, 1, 0, &n.e));
    bench_need(b, tape_new(ctx, 0, &n.t));
    n.images = bench_tensor(
        b, SHAPE(samples, side, side, (size_t)n.e->config.channels));
    bench_need(b, forward(&n, 0, &out));
    for (size_t i = 0; i < out.count; i++)
        n.slopes[i] = bench_tensor(b, out.list[i].value->value.shape);
    double flops = (double)samples * bench_encoder_flops(n.e, set->side);
    BENCH(b, name[0], flops, 0, forward(&n, 0, &out));
    BENCH(b, name[1], 2 * flops, 0, forward_backward(&n));
    tape_free(n.t);
    encoder_free(n.e);
    bench_free(b);
}

void bench_encoders(bench *b)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        one(b, &settings[i]);
}
