/* What all encoders share: making one, preparing its images, its maps. */
#include "nn/encoder.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/mem.h"

const encoder_ops *const encoder_kinds[ENCODER_KINDS] = {
    [ENCODER_CLASSIFIER] = &classifier_ops,
    [ENCODER_MAE] = &mae_ops,
    [ENCODER_CIFAR_RESNET] = &cifar_resnet_ops,
    [ENCODER_RESNET] = &resnet_ops,
    [ENCODER_CONVNEXT] = &convnext_ops,
    [ENCODER_DINO] = &dino_ops,
    [ENCODER_AUTOENCODER] = &autoencoder_ops,
    [ENCODER_INCEPTION] = &inception_ops,
};

/* One more step of the images' preparation: channel i times w[i], plus b[i]. */
static drift_status add_step(encoder *e, const double w[3], const double b[3])
{
    drift_status status = DRIFT_OK;
    int i = e->input_steps++;
    float weight[9] = {0}, bias[3];
    for (int k = 0; k < 3; k++) {
        weight[4 * k] = (float)w[k];
        bias[k] = (float)b[k];
    }
    TRY(tensor_new(e->ctx, &e->input_w[i], DTYPE_F32, SHAPE(3, 3)));
    TRY(tensor_new(e->ctx, &e->input_b[i], DTYPE_F32, SHAPE(3)));
    TRY(tensor_write(e->ctx, &e->input_w[i], weight));
    TRY(tensor_write(e->ctx, &e->input_b[i], bias));
out:
    return status;
}

/* y = (x+1)/2, for imagenet less its mean, by its deviation. Clamped, between
 * steps with a relu, y is first relu(y), then 1 - relu(1 - y). */
static drift_status make_input(encoder *e)
{
    static const double half[3] = {.5, .5, .5}, one[3] = {1, 1, 1};
    static const double minus[3] = {-1, -1, -1}, none[3] = {0, 0, 0};
    static const double means[3] = {.485, .456, .406};
    static const double deviations[3] = {.229, .224, .225};
    const double *mean = e->config.imagenet ? means : none;
    const double *std = e->config.imagenet ? deviations : one;
    int clamp = e->config.clamp;
    drift_status status = DRIFT_OK;
    double w[3], b[3];
    for (int i = 0; i < 3; i++) {
        w[i] = (clamp ? -1 : .5) / std[i];
        b[i] = ((clamp ? 1 : .5) - mean[i]) / std[i];
    }
    if (clamp) {
        TRY(add_step(e, half, half));
        TRY(add_step(e, minus, one));
    }
    TRY(add_step(e, w, b));
out:
    return status;
}

#define SIZE(name, field, least, most)                                         \
    {                                                                          \
        name, offsetof(encoder_config, field), least, most                     \
    }

const encoder_size encoder_sizes[ENCODER_SIZES] = {
    SIZE("width", width, 1, 65536),
    SIZE("blocks1", blocks[0], 0, 1024),
    SIZE("blocks2", blocks[1], 0, 1024),
    SIZE("blocks3", blocks[2], 0, 1024),
    SIZE("blocks4", blocks[3], 0, 1024),
    SIZE("width1", widths[0], 0, 65536),
    SIZE("width2", widths[1], 0, 65536),
    SIZE("width3", widths[2], 0, 65536),
    SIZE("width4", widths[3], 0, 65536),
    SIZE("groups", groups, 0, 65536),
    SIZE("hidden", hidden, 0, 65536),
    SIZE("latent", latent, 0, 65536),
    SIZE("classes", classes, 0, 65536),
    SIZE("patch", patch, 0, 256),
    SIZE("decoder", decoder, 0, 1),
    SIZE("bottleneck", bottleneck, 0, 1),
    SIZE("heads", heads, 0, 65536),
    SIZE("positions", positions, 0, 1024),
    SIZE("image_height", image_height, 0, 65536),
    SIZE("image_width", image_width, 0, 65536),
    SIZE("image_channels", channels, 1, 4096),
    SIZE("resize", resize, 0, 4096),
    SIZE("imagenet", imagenet, 0, 1),
    SIZE("unit", unit, 0, 1),
    SIZE("clamp", clamp, 0, 1),
    SIZE("shrink", shrink, 0, 1),
    SIZE("map_norm", map_norm, 0, 1),
};

int *encoder_size_of(encoder_config *c, size_t i)
{
    return (int *)(void *)((char *)c + encoder_sizes[i].offset);
}

static drift_status check_config(drift_context *ctx, encoder_config c)
{
    if (c.kind < 0 || c.kind >= ENCODER_KINDS)
        return ERROR(ctx, DRIFT_ERROR_USAGE, "encoder: kind %d is not known",
                     c.kind);
    for (size_t i = 0; i < ENCODER_SIZES; i++) {
        const encoder_size *s = &encoder_sizes[i];
        int is = *encoder_size_of(&c, i);
        if (is < s->least || is > s->most)
            return ERROR(ctx, DRIFT_ERROR_USAGE,
                         "encoder: %s is %d, not from %d to %d", s->name, is,
                         s->least, s->most);
    }
    if ((c.imagenet || c.unit) && c.channels != 3)
        return ERROR(ctx, DRIFT_ERROR_USAGE,
                     "encoder: imagenet and unit are of 3 channels, not %d",
                     c.channels);
    return DRIFT_OK;
}

drift_status encoder_declare(drift_context *ctx, const encoder_config *config,
                             encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder *e = *out = NULL;
    TRY(check_config(ctx, *config));
    e = mem_alloc(ctx, 1, sizeof *e);
    if (!e)
        return DRIFT_ERROR_MEMORY;
    e->ctx = e->params.ctx = ctx;
    e->ops = encoder_kinds[config->kind];
    e->config = *config;
    TRY(e->ops->declare(e));
    *out = e;
    e = NULL;
out:
    encoder_free(e);
    return status;
}

drift_status encoder_allocate(encoder *e, uint64_t seed, int with_grad)
{
    drift_status status = DRIFT_OK;
    TRY(params_allocate(&e->params, with_grad, seed));
    if (e->config.imagenet || e->config.unit)
        TRY(make_input(e));
out:
    return status;
}

drift_status encoder_new(drift_context *ctx, const encoder_config *config,
                         uint64_t seed, int with_grad, encoder **out)
{
    drift_status status = encoder_declare(ctx, config, out);
    if (status == DRIFT_OK)
        status = encoder_allocate(*out, seed, with_grad);
    if (status != DRIFT_OK) {
        encoder_free(*out);
        *out = NULL;
    }
    return status;
}

void encoder_free(encoder *e)
{
    if (!e)
        return;
    if (e->ops->close)
        e->ops->close(e);
    for (int i = 0; i < e->input_steps; i++) {
        tensor_free(e->ctx, &e->input_w[i]);
        tensor_free(e->ctx, &e->input_b[i]);
    }
    params_free(&e->params);
    mem_free(e->state);
    mem_free(e);
}

drift_status encoder_behead(encoder *e, const tensor *flat, encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder_config c = e->config;
    encoder *made = NULL;
    c.classes = c.decoder = 0;
    TRY(encoder_new(e->ctx, &c, 0, 0, &made));
    for (size_t i = 0; i < made->params.count; i++) {
        int from = params_find(&e->params, made->params.list[i].name);
        tensor x = params_view(&e->params, flat, from);
        tensor to = params_view(&made->params, &made->params.value, (int)i);
        TRY(op_add_fwd(e->ctx, &to, &x, NULL, 1, 0));
    }
    *out = made;
    made = NULL;
out:
    encoder_free(made);
    return status;
}

drift_status encoder_digest(const encoder *e, digest *d)
{
    drift_status status = DRIFT_OK;
    size_t n = e->params.total;
    float *host = mem_alloc(e->ctx, n, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_read(e->ctx, &e->params.value, host));
    digest_add(d, &e->config, sizeof e->config);
    digest_add(d, host, n * sizeof *host);
out:
    mem_free(host);
    return status;
}

/* -- forward -------------------------------------------------------------- */

static var *prepare(encoder *e, tape *t, var *x)
{
    const encoder_config *c = &e->config;
    const size_t *d = x->value.shape.dim;
    size_t side = (size_t)c->resize;
    tape_open(t);
    if (d[3] == 1 && c->channels == 3) {
        var *same[3] = {x, x, x};
        x = tape_concat(t, 3, same, 3);
    }
    for (int i = 0; i < e->input_steps; i++) {
        if (i)
            x = tape_activation(t, x, ACT_RELU);
        x = tape_linear(t, x, tape_constant(t, &e->input_w[i]),
                        tape_constant(t, &e->input_b[i]));
    }
    if (side && (d[1] < side || d[2] < side ||
                 (c->shrink && (d[1] > side || d[2] > side))))
        x = tape_resize_bilinear(t, x, side, side,
                                 (resize_args){.antialias = c->shrink});
    return tape_close(t, x);
}

static int fits(const encoder_config *c, const shape *s)
{
    int channels = s->ndim == 4 ? (int)s->dim[3] : 0;
    return s->ndim == 4 &&
           (channels == c->channels || (channels == 1 && c->channels == 3)) &&
           (!c->image_height || (s->dim[1] == (size_t)c->image_height &&
                                 s->dim[2] == (size_t)c->image_width));
}

var *encoder_input(encoder *e, tape *t, var *image)
{
    const encoder_config *c = &e->config;
    char is[SHAPE_TEXT], of[32] = "any size";
    if (!image || tape_status(t) != DRIFT_OK)
        return NULL;
    if (!fits(c, &image->value.shape)) {
        if (c->image_height)
            snprintf(of, sizeof of, "%d x %d", c->image_height, c->image_width);
        tape_fail(t, ERROR(e->ctx, DRIFT_ERROR_SHAPE,
                           "encoder: images of %s; it is for %s with %d "
                           "channels%s",
                           shape_text(image->value.shape, is), of, c->channels,
                           c->channels == 3 ? " or 1" : ""));
        return NULL;
    }
    return prepare(e, t, image);
}

void encoder_forward(encoder *e, tape *t, const tensor *flat, var *image,
                     encoder_out *out)
{
    out->count = 0;
    out->image = image;
    out->summary = out->logits = NULL;
    var *x = encoder_input(e, t, image);
    if (x)
        e->ops->forward(e, t, flat, x, out);
}

void encoder_emit(tape *t, encoder_out *out, var *value, unsigned families,
                  const char *name_format, ...)
{
    va_list ap;
    if (!value || tape_status(t) != DRIFT_OK)
        return;
    if (out->count == ENCODER_MAPS) {
        tape_fail(t, ERROR(tape_context(t), DRIFT_ERROR_SHAPE,
                           "encoder: more than %d maps", ENCODER_MAPS));
        return;
    }
    encoder_map *m = &out->list[out->count++];
    va_start(ap, name_format);
    vsnprintf(m->name, sizeof m->name, name_format, ap);
    va_end(ap);
    m->value = value;
    m->families = families;
}

int encoder_done(const encoder_out *out)
{
    return out->most && out->count >= out->most;
}

var *encoder_next(tape *t, const encoder_out *out, var *x, var *y)
{
    for (size_t i = 0; i < out->count; i++)
        if (out->list[i].value == x)
            return y;
    if (x && x != out->image)
        tape_drop(t, x);
    return y;
}

var *encoder_leaf(encoder *e, tape *t, const tensor *flat, int i)
{
    return params_leaf(&e->params, t, flat, i);
}

static var *convolve(encoder *e, tape *t, const tensor *flat, int weight,
                     int bias, int stride, size_t ph, size_t pw, var *x)
{
    if (!x || tape_status(t) != DRIFT_OK)
        return NULL;
    const size_t *d = x->value.shape.dim, s = (size_t)stride;
    const size_t *k = e->params.list[weight].shape.dim;
    conv_args args = {.stride_h = stride,
                      .stride_w = stride,
                      .pad_top = (int)ph,
                      .pad_left = (int)pw,
                      .dilation_h = 1,
                      .dilation_w = 1,
                      .groups = (int)(d[3] / k[2])};
    if (d[1] + 2 * ph < k[0] || d[2] + 2 * pw < k[1]) {
        tape_fail(t, ERROR(e->ctx, DRIFT_ERROR_SHAPE,
                           "encoder: a map of %zux%zu is too small for %zux%zu",
                           d[1], d[2], k[0], k[1]));
        return NULL;
    }
    tape_open(t);
    var *b = bias < 0 ? NULL : encoder_leaf(e, t, flat, bias);
    var *y = tape_conv2d(t, x, encoder_leaf(e, t, flat, weight), b, args,
                         (d[1] + 2 * ph - k[0]) / s + 1,
                         (d[2] + 2 * pw - k[1]) / s + 1);
    return tape_close(t, y);
}

var *encoder_conv(encoder *e, tape *t, const tensor *flat, int weight, int bias,
                  int stride, var *x)
{
    const size_t *k = e->params.list[weight].shape.dim;
    return convolve(e, t, flat, weight, bias, stride, k[0] % 2 ? k[0] / 2 : 0,
                    k[1] % 2 ? k[1] / 2 : 0, x);
}

var *encoder_conv_inside(encoder *e, tape *t, const tensor *flat, int weight,
                         int bias, int stride, var *x)
{
    return convolve(e, t, flat, weight, bias, stride, 0, 0, x);
}

size_t encoder_channels(const encoder_config *c)
{
    size_t p = c->patch > 1 ? (size_t)c->patch : 1;
    return p * p * (size_t)c->channels;
}

var *encoder_patchify(encoder *e, tape *t, var *image)
{
    size_t p = (size_t)e->config.patch;
    if (!image || p <= 1)
        return image;
    const size_t *d = image->value.shape.dim;
    tape_open(t);
    var *x = tape_patchify(t, image, (int)p, PATCH_PIXEL_MAJOR);
    return tape_close(t, tape_reshape(t, x,
                                      SHAPE(d[0], d[1] / p, d[2] / p,
                                            encoder_channels(&e->config))));
}

var *encoder_mean(tape *t, var *x)
{
    var *mean = NULL;
    if (!x || tape_status(t) != DRIFT_OK)
        return NULL;
    const size_t *d = x->value.shape.dim;
    tape_open(t);
    tape_moments(t, x, (int)d[1], (int)d[2], 0, &mean, NULL);
    return tape_close(t, tape_reshape(t, mean, SHAPE(d[0], d[3])));
}
