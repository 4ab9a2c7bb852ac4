/* An autoencoder of layers conv3x3 - GroupNorm - SiLU:
 *
 *     stage i: a layer (stride 2 from the second on), then blocks[i] further
 *              ones at its size;  map `map<i>`
 *     latent = linear(last map), a location by itself;  map `latent`
 *     decoder: linear to the last map's channels, then from the last stage to
 *              the first blocks[i] layers and, but for the first, twice the
 *              size by nearest neighbours and a layer to half the channels
 *     image = conv3x3, linear
 *
 * The channels double where the size halves. */
#include "nn/autoencoder.h"

#include "base/mem.h"
#include "nn/conv_layer.h"
#include "nn/encoder_layer.h"

typedef struct autoencoder {
    int stages;
    conv_layer *down[ENCODER_STAGES]; /* [1 + blocks] */
    conv_layer *up[ENCODER_STAGES];   /* [blocks + 1], the last one enlarges */
    encoder_layer latent, first, image;
} autoencoder;

static drift_status declare_stage(encoder *e, autoencoder *a, int s)
{
    drift_status status = DRIFT_OK;
    const encoder_config *c = &e->config;
    size_t n = (size_t)c->width << s, layers = (size_t)c->blocks[s] + 1;
    char down[16] = "down1", up[16] = "up1";
    down[4] = up[2] = (char)('1' + s);
    a->down[s] = mem_alloc(e->ctx, layers, sizeof **a->down);
    a->up[s] = mem_alloc(e->ctx, layers, sizeof **a->up);
    if (!a->down[s] || !a->up[s])
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < layers; i++) {
        size_t in = i ? n : s ? n / 2 : (size_t)c->channels;
        TRY(conv_layer_declare(e, down, in, n, c->groups, &a->down[s][i],
                               "down.%d.%zu", s, i));
    }
    for (size_t i = 0; i < layers; i++)
        if (s || i + 1 < layers)
            TRY(conv_layer_declare(e, up, n, i + 1 < layers ? n : n / 2,
                                   c->groups, &a->up[s][i], "up.%d.%zu", s, i));
out:
    return status;
}

static drift_status autoencoder_declare(encoder *e)
{
    const encoder_config *c = &e->config;
    params *p = &e->params;
    drift_status status = DRIFT_OK;
    size_t latent = (size_t)c->latent, width = (size_t)c->width;
    size_t channels = (size_t)c->channels;
    autoencoder *a = e->state = mem_alloc(e->ctx, 1, sizeof *a);
    if (!a)
        return DRIFT_ERROR_MEMORY;
    while (a->stages < ENCODER_STAGES && c->blocks[a->stages])
        a->stages++;
    if (!a->stages || !latent)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: an autoencoder needs blocks, groups and latent of at "
             "least 1");
    int side = 1 << (a->stages - 1);
    if (c->image_height % side || c->image_width % side)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "encoder: %d stages want image sides that %d divides; these are "
             "%d x %d",
             a->stages, side, c->image_height, c->image_width);
    for (int s = 0; s < a->stages; s++)
        TRY(declare_stage(e, a, s));
    size_t n = width << (a->stages - 1);
    a->latent = encoder_add(e, "latent", SHAPE(n, latent), "latent");
    a->first = encoder_add(e, "latent", SHAPE(latent, n), "first");
    a->image = encoder_add(e, "image", SHAPE(3, 3, width, channels), "image");
    TRY(p->status);
out:
    return status;
}

static void autoencoder_close(encoder *e)
{
    autoencoder *a = e->state;
    for (int s = 0; a && s < ENCODER_STAGES; s++) {
        mem_free(a->down[s]);
        mem_free(a->up[s]);
    }
}

static void autoencoder_forward(encoder *e, tape *t, const tensor *flat, var *x,
                                encoder_out *out)
{
    const autoencoder *a = e->state;
    for (int s = 0; s < a->stages; s++) {
        for (int i = 0; i <= e->config.blocks[s]; i++)
            x = encoder_next(t, out, x,
                             conv_layer_forward(e, t, flat, &a->down[s][i],
                                                s && !i ? 2 : 1, x));
        encoder_emit(t, out, x, FAMILY_ALL | FAMILY_FLAT, "map%d", s + 1);
        if (encoder_done(out))
            return;
    }
    x = encoder_linear(e, t, flat, &a->latent, x);
    encoder_emit(t, out, x, FAMILY_ALL | FAMILY_FLAT, "latent");
}

var *autoencoder_encode(encoder *e, tape *t, const tensor *flat, var *image)
{
    encoder_out out = {0};
    tape_open(t);
    encoder_forward(e, t, flat, image, &out);
    return tape_close(t, out.count ? out.list[out.count - 1].value : NULL);
}

var *autoencoder_decode(encoder *e, tape *t, const tensor *flat, var *latent)
{
    const autoencoder *a = e->state;
    tape_open(t);
    var *x = encoder_linear(e, t, flat, &a->first, latent);
    for (int s = a->stages - 1; s >= 0; s--) {
        int blocks = e->config.blocks[s];
        for (int i = 0; i < blocks; i++)
            x = conv_layer_forward(e, t, flat, &a->up[s][i], 1, x);
        if (s)
            x = conv_layer_forward(e, t, flat, &a->up[s][blocks], 1,
                                   tape_upsample_nearest(t, x, 2));
    }
    return tape_close(
        t, encoder_conv(e, t, flat, a->image.weight, a->image.bias, 1, x));
}

drift_status autoencoder_open(drift_context *ctx, const char *path,
                              encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder *e;
    *out = NULL;
    TRY(encoder_open_whole(ctx, path, &e));
    if (e->config.kind != ENCODER_AUTOENCODER || !e->config.image_height ||
        !e->config.image_width) {
        encoder_free(e);
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' is no autoencoder as drift-encoder makes them", path);
    }
    *out = e;
out:
    return status;
}

int autoencoder_makes(const encoder *e, const sample_shape *latent)
{
    const encoder_config *c = &e->config;
    if (c->kind != ENCODER_AUTOENCODER)
        return 0;
    const autoencoder *a = e->state;
    int side = 1 << (a->stages - 1);
    return c->latent == latent->channels &&
           c->image_height / side == latent->height &&
           c->image_width / side == latent->width;
}

/* -- scale of the latents ----------------------------------------------- */

/* Parameter i of flat, on the host (mem_free); NULL after an error. */
static float *read_param(encoder *e, const tensor *flat, int i)
{
    tensor view = params_view(&e->params, flat, i);
    float *host = mem_alloc(e->ctx, tensor_count(&view), sizeof *host);
    if (host && tensor_read(e->ctx, &view, host) != DRIFT_OK) {
        mem_free(host);
        host = NULL;
    }
    return host;
}

static drift_status write_param(encoder *e, const tensor *flat, int i,
                                const float *host)
{
    tensor view = params_view(&e->params, flat, i);
    return tensor_write(e->ctx, &view, host);
}

/* It is folded into the linear layers on both sides of the latent. */
drift_status autoencoder_normalise(encoder *e, tensor *flat, const double *mean,
                                   const double *std)
{
    drift_status status = DRIFT_OK;
    const autoencoder *a = e->state;
    size_t latent = (size_t)e->config.latent;
    size_t n = (size_t)e->config.width << (a->stages - 1);
    float *to_w = read_param(e, flat, a->latent.weight);
    float *to_b = read_param(e, flat, a->latent.bias);
    float *from_w = read_param(e, flat, a->first.weight);
    float *from_b = read_param(e, flat, a->first.bias);
    if (!to_w || !to_b || !from_w || !from_b) {
        status = drift_error_code(e->ctx);
        goto out;
    }
    for (size_t k = 0; k < latent; k++) {
        for (size_t i = 0; i < n; i++) {
            to_w[i * latent + k] =
                (float)((double)to_w[i * latent + k] / std[k]);
            from_b[i] += (float)(mean[k] * (double)from_w[k * n + i]);
            from_w[k * n + i] = (float)((double)from_w[k * n + i] * std[k]);
        }
        to_b[k] = (float)(((double)to_b[k] - mean[k]) / std[k]);
    }
    TRY(write_param(e, flat, a->latent.weight, to_w));
    TRY(write_param(e, flat, a->latent.bias, to_b));
    TRY(write_param(e, flat, a->first.weight, from_w));
    TRY(write_param(e, flat, a->first.bias, from_b));
out:
    mem_free(from_b);
    mem_free(from_w);
    mem_free(to_b);
    mem_free(to_w);
    return status;
}

const encoder_ops autoencoder_ops = {.name = "autoencoder",
                                     .declare = autoencoder_declare,
                                     .forward = autoencoder_forward,
                                     .close = autoencoder_close};
