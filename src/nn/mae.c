/* The encoder of the release's masked autoencoder, method.md section 7 and
 * networks-and-formats 8, whose names the parameters bear:
 *
 *     norm_x, x = patchified image
 *     conv1   = ReLU(GN(conv3x3(x)))
 *     layerI  = GN(blocks), width * 2^(I-1) channels, half the size from I = 2
 *               on; the block's output is layerI_blkK for even K
 *     block   = ReLU(GN(conv3x3(ReLU(GN(conv3x3(x))))) + x or GN(conv1x1(x)))
 *     logits  = linear(mean of layer4 over locations) */
#include "nn/mae.h"

#include <stdio.h>

#include "base/mem.h"
#include "nn/foreign.h"
#include "nn/weights.h"

#define EPS    1e-6f
#define GROUPS 32 /* the release's; it has no other */

/* -- parameters ----------------------------------------------------------- */

/* The largest divisor of c up to the configured number. */
static int groups_of(const encoder *e, size_t c)
{
    int groups = e->config.groups;
    while (groups > 1 && c % (size_t)groups)
        groups--;
    return groups;
}

void mae_declare_norm(encoder *e, mae_norm *n, const char *part, size_t c,
                      const char *name)
{
    params *p = &e->params;
    n->groups = groups_of(e, c);
    n->scale = params_add(p, part, SHAPE(c), INIT_ONE, 0, "%s.scale", name);
    n->bias = params_add(p, part, SHAPE(c), INIT_ZERO, 0, "%s.bias", name);
}

void mae_declare_unit(encoder *e, mae_unit *u, const char *part, size_t window,
                      size_t in, size_t out, const char *conv, const char *norm)
{
    u->kernel = params_add(&e->params, part, SHAPE(window, window, in, out),
                           INIT_XAVIER, 0, "%s.kernel", conv);
    mae_declare_norm(e, &u->norm, part, out, norm);
}

static void declare_block(encoder *e, mae_block *b, int stage, int index,
                          size_t in, size_t out)
{
    static const char *const unit[3][2] = {
        {"conv1", "gn1"}, {"conv2", "gn2"}, {"proj_conv", "proj_gn"}};
    mae_unit *const units[3] = {&b->conv1, &b->conv2, &b->proj};
    char part[16], conv[64], norm[64];
    snprintf(part, sizeof part, "stage%d", stage + 1);
    b->proj.kernel = -1;
    for (int i = 0; i < (in == out ? 2 : 3); i++) {
        snprintf(conv, sizeof conv, "encoder.stages_%d.layers_%d.%s", stage,
                 index, unit[i][0]);
        snprintf(norm, sizeof norm, "encoder.stages_%d.layers_%d.%s", stage,
                 index, unit[i][1]);
        mae_declare_unit(e, units[i], part, i == 2 ? 1 : 3, i == 1 ? out : in,
                         out, conv, norm);
    }
}

static drift_status declare_stage(encoder *e, mae *k, int stage, size_t in)
{
    size_t out = (size_t)e->config.width << stage;
    int blocks = e->config.blocks[stage];
    char part[16], name[32];
    k->blocks[stage] = mem_alloc(e->ctx, (size_t)blocks, sizeof **k->blocks);
    if (!k->blocks[stage])
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i < blocks; i++)
        declare_block(e, &k->blocks[stage][i], stage, i, i ? out : in, out);
    snprintf(part, sizeof part, "stage%d", stage + 1);
    snprintf(name, sizeof name, "encoder.layer%d_norm", stage + 1);
    mae_declare_norm(e, &k->norm[stage], part, out, name);
    return e->params.status;
}

static drift_status mae_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    drift_status status = DRIFT_OK;
    size_t width = (size_t)c->width, cin = encoder_channels(c);
    int maps = 2 + ENCODER_STAGES, whole = c->groups > 0 && c->patch > 0;
    mae *k = e->state = mem_alloc(e->ctx, 1, sizeof *k);
    if (!k)
        return DRIFT_ERROR_MEMORY;
    k->act = ACT_RELU;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        whole = whole && c->blocks[s];
        maps += c->blocks[s] / 2;
    }
    if (!whole || maps > ENCODER_MAPS)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: an mae needs patch and groups of at least 1, four "
             "stages, and blocks for at most %d maps",
             ENCODER_MAPS);
    mae_declare_unit(e, &k->stem, "stem", 3, cin, width, "encoder.conv1",
                     "encoder.gn1");
    for (int s = 0; s < ENCODER_STAGES; s++)
        TRY(declare_stage(e, k, s, s ? width << (s - 1) : width));
    if (c->decoder)
        mae_declare_decoder(e, k);
    if (c->classes) {
        k->fc_kernel = params_add(&e->params, "head",
                                  SHAPE(width << 3, (size_t)c->classes),
                                  INIT_XAVIER, 0, "fc.kernel");
        k->fc_bias = params_add(&e->params, "head", SHAPE((size_t)c->classes),
                                INIT_ZERO, 0, "fc.bias");
    }
    TRY(e->params.status);
out:
    return status;
}

static void mae_close(encoder *e)
{
    mae *k = e->state;
    for (int s = 0; k && s < ENCODER_STAGES; s++)
        mem_free(k->blocks[s]);
}

/* -- forward -------------------------------------------------------------- */

var *mae_norm_forward(encoder *e, tape *t, const tensor *flat,
                      const mae_norm *n, int act, var *x)
{
    tape_open(t);
    return tape_close(t, tape_groupnorm_act(t, x,
                                            encoder_leaf(e, t, flat, n->scale),
                                            encoder_leaf(e, t, flat, n->bias),
                                            NULL, n->groups, EPS, act));
}

var *mae_unit_forward(encoder *e, tape *t, const tensor *flat,
                      const mae_unit *u, int stride, int act, var *x)
{
    tape_open(t);
    var *y = encoder_conv(e, t, flat, u->kernel, -1, stride, x);
    return tape_close(t, mae_norm_forward(e, t, flat, &u->norm, act, y));
}

static var *block_forward(encoder *e, tape *t, const tensor *flat,
                          const mae_block *b, int stride, var *x)
{
    int act = ((const mae *)e->state)->act;
    tape_open(t);
    var *y = mae_unit_forward(e, t, flat, &b->conv1, stride, act, x);
    y = mae_unit_forward(e, t, flat, &b->conv2, 1, ACT_NONE, y);
    if (b->proj.kernel >= 0)
        x = mae_unit_forward(e, t, flat, &b->proj, stride, ACT_NONE, x);
    return tape_close(t, tape_activation(t, tape_add(t, x, y, 1, 1), act));
}

void mae_encode(encoder *e, tape *t, const tensor *flat, var *x,
                encoder_out *out, var *level[ENCODER_STAGES + 1])
{
    const mae *k = e->state;
    encoder_emit(t, out, x, FAMILY_NORM, "norm_x");
    x = mae_unit_forward(e, t, flat, &k->stem, 1, k->act, x);
    encoder_emit(t, out, x, FAMILY_ALL, "conv1");
    level[0] = x;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        for (int i = 0; i < e->config.blocks[s]; i++) {
            int stride = s && !i ? 2 : 1;
            x = encoder_next(
                t, out, x,
                block_forward(e, t, flat, &k->blocks[s][i], stride, x));
            if (i % 2)
                encoder_emit(t, out, x, FAMILY_ALL, "layer%d_blk%d", s + 1,
                             i + 1);
        }
        x = encoder_next(
            t, out, x, mae_norm_forward(e, t, flat, &k->norm[s], ACT_NONE, x));
        encoder_emit(t, out, x, FAMILY_ALL, "layer%d", s + 1);
        level[s + 1] = x;
        if (encoder_done(out))
            return;
    }
}

var *mae_classify(encoder *e, tape *t, const tensor *flat, var *top)
{
    const mae *k = e->state;
    tape_open(t);
    return tape_close(t, tape_linear(t, encoder_mean(t, top),
                                     encoder_leaf(e, t, flat, k->fc_kernel),
                                     encoder_leaf(e, t, flat, k->fc_bias)));
}

static void mae_features(encoder *e, tape *t, const tensor *flat, var *x,
                         encoder_out *out)
{
    var *level[ENCODER_STAGES + 1];
    mae_encode(e, t, flat, encoder_patchify(e, t, x), out, level);
    if (out->want_logits && e->config.classes)
        out->logits = mae_classify(e, t, flat, level[ENCODER_STAGES]);
}

/* -- the release's files -------------------------------------------------- */

#define ANCHOR "encoder.conv1.kernel"

static int mae_recognize(const array_list *arrays, encoder_config *c)
{
    const array *stem = weights_named(arrays, ANCHOR);
    const array *fc = weights_named(arrays, "fc.kernel");
    if (!stem || stem->ndim != 4 || stem->dim[2] > 1 << 16 ||
        stem->dim[3] > 1 << 16)
        return 0;
    /* Pictures of RGB in patches of 8, else a latent as it is; what differs is
     * in the metadata. */
    c->patch = stem->dim[2] == 3 * 64 ? 8 : 1;
    c->channels = (int)stem->dim[2] / (c->patch * c->patch);
    c->width = (int)stem->dim[3];
    c->groups = GROUPS;
    for (int s = 0; s < ENCODER_STAGES; s++) {
        char list[40];
        snprintf(list, sizeof list, "encoder.stages_%d.layers_", s);
        c->blocks[s] = weights_extent(arrays, list);
    }
    c->decoder = weights_named(arrays, "decoder.head.kernel") != NULL;
    if (fc && fc->ndim == 2 && fc->dim[1] <= 1 << 16)
        c->classes = (int)fc->dim[1];
    return 1;
}

static drift_status mae_load(encoder *e, const array_list *arrays, tensor *flat)
{
    return encoder_load_named(e, arrays, ANCHOR, flat);
}

static const char *const heads[] = {"decoder.*", "fc.*", NULL};

const encoder_ops mae_ops = {.name = "mae",
                             .declare = mae_declare,
                             .forward = mae_features,
                             .close = mae_close,
                             .signs = "'" ANCHOR "' of 4 dimensions",
                             .recognize = mae_recognize,
                             .load = mae_load,
                             .metadata = foreign_mae_config,
                             .heads = heads};
