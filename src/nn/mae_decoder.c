/* The decoder of the masked autoencoder and the pass of its training:
 * method.md section 7.
 *
 *     y = ReLU(GN(conv3x3(layer4)))                      bridge
 *     for layer3, layer2, layer1, conv1:                 up43 ... up10
 *         y = GN([y resized to the skip's size, skip])
 *         y = ReLU(GN(conv3x3(y))), twice                proj, refine
 *     recon = conv1x1(y) */
#include <stdio.h>

#include "nn/mae.h"

void mae_declare_decoder(encoder *e, mae *k)
{
    size_t width = (size_t)e->config.width, in = width << 3;
    size_t cin = encoder_channels(&e->config);
    char conv[64], norm[64];
    mae_declare_unit(e, &k->bridge, "decoder", 3, in, in, "decoder.bridge.conv",
                     "decoder.bridge.gn");
    for (int i = 0; i < ENCODER_STAGES; i++) {
        mae_up *u = &k->up[i];
        int from = ENCODER_STAGES - i, to = from - 1;
        size_t out = to ? width << (to - 1) : width, skip = out;
        mae_unit *const units[2] = {&u->proj, &u->refine};
        snprintf(norm, sizeof norm, "decoder.up%d%d.concat_norm_fn", from, to);
        mae_declare_norm(e, &u->norm, "decoder", in + skip, norm);
        for (int j = 0; j < 2; j++) {
            const char *name = j ? "refine" : "proj";
            snprintf(conv, sizeof conv, "decoder.up%d%d.%s.conv", from, to,
                     name);
            snprintf(norm, sizeof norm, "decoder.up%d%d.%s.gn", from, to, name);
            mae_declare_unit(e, units[j], "decoder", 3, j ? out : in + skip,
                             out, conv, norm);
        }
        in = out;
    }
    k->head_kernel = params_add(&e->params, "decoder", SHAPE(1, 1, in, cin),
                                INIT_XAVIER, 0, "decoder.head.kernel");
    k->head_bias = params_add(&e->params, "decoder", SHAPE(cin), INIT_ZERO, 0,
                              "decoder.head.bias");
}

static var *up_forward(encoder *e, tape *t, const tensor *flat, const mae_up *u,
                       var *x, var *skip)
{
    if (!x || !skip || tape_status(t) != DRIFT_OK)
        return NULL;
    const size_t *d = skip->value.shape.dim;
    int act = ((const mae *)e->state)->act;
    tape_open(t);
    var *both[2] = {
        tape_resize_bilinear(t, x, d[1], d[2], (resize_args){.antialias = 1}),
        skip};
    x = mae_norm_forward(e, t, flat, &u->norm, ACT_NONE,
                         tape_concat(t, 3, both, 2));
    x = mae_unit_forward(e, t, flat, &u->proj, 1, act, x);
    return tape_close(t, mae_unit_forward(e, t, flat, &u->refine, 1, act, x));
}

static var *decode(encoder *e, tape *t, const tensor *flat,
                   var *const level[ENCODER_STAGES + 1])
{
    const mae *k = e->state;
    tape_open(t);
    var *y = mae_unit_forward(e, t, flat, &k->bridge, 1, k->act,
                              level[ENCODER_STAGES]);
    for (int i = 0; i < ENCODER_STAGES; i++)
        y = up_forward(e, t, flat, &k->up[i], y, level[ENCODER_STAGES - 1 - i]);
    return tape_close(
        t, encoder_conv(e, t, flat, k->head_kernel, k->head_bias, 1, y));
}

var *mae_spread(tape *t, var *places, size_t c)
{
    if (!places || tape_status(t) != DRIFT_OK)
        return NULL;
    const size_t *d = places->value.shape.dim;
    size_t count = shape_count(places->value.shape);
    tape_open(t);
    var *all = tape_expand(t, tape_reshape(t, places, SHAPE(count, 1)), c);
    return tape_close(t, tape_reshape(t, all, SHAPE(d[0], d[1], d[2], c)));
}

/* x, 0 where the mask is 1. */
static var *hide(tape *t, var *x, const tensor *mask)
{
    if (!x || tape_status(t) != DRIFT_OK)
        return NULL;
    const size_t *d = x->value.shape.dim;
    if (!shape_equal(mask->shape, SHAPE(d[0], d[1], d[2], 1))) {
        char is[SHAPE_TEXT], want[SHAPE_TEXT];
        tape_fail(t, ERROR(tape_context(t), DRIFT_ERROR_SHAPE,
                           "mae: a mask of %s for patches of %s",
                           shape_text(mask->shape, is),
                           shape_text(x->value.shape, want)));
        return NULL;
    }
    tape_open(t);
    var *m = tape_mul(t, x, mae_spread(t, tape_constant(t, mask), d[3]));
    return tape_close(t, tape_add(t, x, m, 1, -1));
}

void mae_forward(encoder *e, tape *t, const tensor *flat, var *image,
                 const tensor *mask, mae_out *out)
{
    var *level[ENCODER_STAGES + 1] = {NULL};
    encoder_out maps = {.count = 0};
    *out = (mae_out){NULL, NULL, NULL};
    if (e->ops != &mae_ops || !e->config.decoder) {
        tape_fail(t, ERROR(e->ctx, DRIFT_ERROR_USAGE,
                           "encoder: training as an mae needs one with a "
                           "decoder"));
        return;
    }
    out->target = encoder_patchify(e, t, encoder_input(e, t, image));
    mae_encode(e, t, flat, hide(t, out->target, mask), &maps, level);
    out->recon = decode(e, t, flat, level);
    if (e->config.classes)
        out->logits = mae_classify(e, t, flat, level[ENCODER_STAGES]);
}
