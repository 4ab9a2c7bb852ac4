/* Whole encoders: gradients against finite differences in every parameter and
 * the image, of all that they emit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn/encoder.h"
#include "slope.h"

#define BATCH 2

typedef struct model {
    encoder *e;
    size_t image;
    slope slope;
} model;

/* Every output as one row a sample, side by side: at most 4 at a time. */
static var *side_by_side(tape *t, const encoder_out *out)
{
    var *all = NULL;
    for (size_t i = 0; i < out->count && tape_status(t) == DRIFT_OK; i++) {
        var *v = out->list[i].value;
        size_t n = tensor_count(&v->value) / BATCH;
        var *row = tape_reshape(t, v, SHAPE(BATCH, n));
        var *pair[2] = {all, row};
        all = all ? tape_concat(t, 1, pair, 2) : row;
    }
    var *pair[2] = {all, out->logits};
    return out->logits ? tape_concat(t, 1, pair, 2) : all;
}

static var *forward(slope *s, tape *t, void *arg)
{
    model *m = arg;
    encoder_out out = {.want_logits = 1};
    encoder_forward(m->e, t, &m->e->params.value, slope_leaf(s, t, m->image),
                    &out);
    return side_by_side(t, &out);
}

/* Every parameter drawn anew. relu and the largest of a window have kinks,
 * which differences must not cross: of three channels two are far above 0 and
 * one below, and `kinks`, the seed, is one that keeps windows clear of them; 0
 * for a network without. */
static void stir(model *m, uint64_t kinks)
{
    params *p = &m->e->params;
    drift_context *ctx = m->e->ctx;
    int pools = m->e->config.kind == ENCODER_RESNET;
    for (size_t i = 0; i < p->count; i++) {
        tensor view = params_view(p, &p->value, (int)i);
        size_t n = tensor_count(&view);
        rng_stream r = {
            .seed = kinks ? kinks : 6, .purpose = RNG_TEST, .step = i};
        size_t out = view.shape.dim[view.shape.ndim - 1];
        int vector = view.shape.ndim == 1;
        float mean = p->list[i].init == INIT_ONE ? 1 : 0;
        float std = kinks && !vector
                        ? (float)((i ? .5 : 4) / sqrt((double)(n / out)))
                        : 0.2f;
        assert_int_equal(op_normal(ctx, &view, r, 0, mean, std), 0);
        if (!kinks || !vector)
            continue;
        float *x = malloc(n * sizeof *x);
        assert_int_equal(tensor_read(ctx, &view, x), 0);
        for (size_t k = 0; k < n; k++)
            x[k] += k % 3 == 2 ? -90 : i > 1 || !pools ? 3 : 6;
        assert_int_equal(tensor_write(ctx, &view, x), 0);
        free(x);
    }
}

static void check_gradients(encoder_config c, size_t side, uint64_t kinks,
                            const char *name)
{
    model m = {0};
    slope *s = &m.slope;
    *s = (slope){.ctx = slope_context(1), .name = name, .f = forward};
    s->arg = &m;
    s->terms = kinks ? 16 : 200; /* 16: sums that a bias dominates */
    s->step = kinks ? 1.0 / 1024 : 1.0 / 256;
    if (encoder_new(s->ctx, &c, 3, 1, &m.e) != DRIFT_OK)
        fail_msg("%s: %s", name, drift_error_text(s->ctx));
    stir(&m, kinks);
    m.image = slope_add(s, SHAPE(BATCH, side, side, (size_t)c.channels), -1, 1);
    s->names[m.image] = "image";
    params *p = &m.e->params;
    for (size_t i = 0; i < p->count; i++) {
        s->names[s->count] = p->list[i].name;
        /* A key's bias changes nothing: its gradient is 0 but for rounding. */
        s->frozen[s->count] =
            strstr(p->list[i].name, "attention.k.bias") != NULL;
        s->value[s->count] = params_view(p, &p->value, (int)i);
        s->grad[s->count++] = params_view(p, &p->grad, (int)i);
    }
    slope_check(s);
    slope_free(s);
    encoder_free(m.e);
    drift_context_close(s->ctx);
}

static void cifar_resnet(void **state)
{
    encoder_config c = {.kind = ENCODER_CIFAR_RESNET,
                        .width = 4,
                        .blocks = {1, 1, 1},
                        .classes = 4,
                        .channels = 3,
                        .imagenet = 1};
    (void)state;
    check_gradients(c, 7, 25, "cifar-resnet");
}

static void resnet(void **state)
{
    encoder_config c = {.kind = ENCODER_RESNET,
                        .width = 3,
                        .blocks = {1, 1, 1, 1},
                        .classes = 4,
                        .channels = 3};
    (void)state;
    check_gradients(c, 12, 12, "resnet");
    c.bottleneck = 1;
    check_gradients(c, 12, 12, "resnet, bottlenecks");
}

static void convnext(void **state)
{
    encoder_config c = {.kind = ENCODER_CONVNEXT,
                        .width = 4,
                        .blocks = {1, 1, 1},
                        .widths = {4, 5, 3},
                        .channels = 3,
                        .resize = 20,
                        .imagenet = 1,
                        .shrink = 1,
                        .map_norm = 1};
    (void)state;
    check_gradients(c, 24, 0, "convnext");
}

static void dino(void **state)
{
    encoder_config c = {.kind = ENCODER_DINO,
                        .width = 8,
                        .blocks = {2},
                        .hidden = 12,
                        .patch = 3,
                        .heads = 2,
                        .positions = 3,
                        .channels = 3,
                        .imagenet = 1};
    (void)state;
    check_gradients(c, 9, 0, "dino");
    check_gradients(c, 11, 0, "dino, resized");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cifar_resnet),
        cmocka_unit_test(resnet),
        cmocka_unit_test(convnext),
        cmocka_unit_test(dino),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
