/* A network that looks at images: see network.h. */
#include "eval/network.h"

#include "base/mem.h"
#include "drift/extractor.h"

/* Images run together; of those that are resized, which each take 40 MB on
 * their way. */
#define BATCH         256
#define BATCH_RESIZED 8

drift_status network_open(drift_context *ctx, const char *name,
                          resize_mode resize, network *out)
{
    drift_status status = DRIFT_OK;
    *out = (network){.ctx = ctx, .resize = resize};
    TRY(encoder_named(ctx, name, encoder_open_whole, &out->encoder));
    TRY(tape_new(ctx, 0, &out->tape));
    out->classes = out->encoder->config.classes;
out:
    return status;
}

static void close_view(network_view *v)
{
    resizer_free(v->resizer);
    mem_free(v->resized);
    *v = (network_view){0};
}

void network_close(network *n)
{
    close_view(&n->view);
    tape_free(n->tape);
    encoder_free(n->encoder);
    *n = (network){0};
}

int network_resizes(const network *n)
{
    return n->encoder->config.kind == ENCODER_INCEPTION;
}

size_t network_at_once(const network *n)
{
    return network_resizes(n) ? BATCH_RESIZED : BATCH;
}

/* Be ready for images of this size. */
static drift_status open_view(network *n, size_t h, size_t w, size_t c)
{
    network_view *v = &n->view;
    const encoder_config *e = &n->encoder->config;
    drift_status status = DRIFT_OK;
    if (v->h == h && v->w == w && v->c == c)
        return DRIFT_OK;
    close_view(v);
    if (network_resizes(n)) {
        size_t to_h = (size_t)e->image_height, to_w = (size_t)e->image_width;
        TRY(resizer_new(n->ctx, n->resize, h, w, c, to_h, to_w, &v->resizer));
        v->resized = mem_alloc(n->ctx, BATCH_RESIZED,
                               to_h * to_w * c * sizeof *v->resized);
        if (!v->resized) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
    }
    v->h = h;
    v->w = w;
    v->c = c;
out:
    if (status != DRIFT_OK)
        close_view(v);
    return status;
}

/* Images as the network takes them, on the device. */
static drift_status upload(network *n, const float *pixels, size_t b,
                           tensor *batch)
{
    drift_status status = DRIFT_OK;
    const network_view *v = &n->view;
    const encoder_config *e = &n->encoder->config;
    size_t h = v->h, w = v->w;
    if (v->resizer) {
        TRY(resizer_run(v->resizer, pixels, b, v->resized));
        h = (size_t)e->image_height;
        w = (size_t)e->image_width;
    }
    TRY(tensor_new(n->ctx, batch, DTYPE_F32, SHAPE(b, h, w, v->c)));
    TRY(tensor_write(n->ctx, batch, v->resizer ? v->resized : pixels));
out:
    return status;
}

drift_status network_run(network *n, const float *pixels, size_t b, size_t h,
                         size_t w, size_t c, const tensor **seen,
                         const tensor **logits)
{
    drift_status status = DRIFT_OK;
    tensor batch = {0};
    encoder_out out = {.want_logits = 1};
    TRY(open_view(n, h, w, c));
    TRY(upload(n, pixels, b, &batch));
    encoder_forward(n->encoder, n->tape, &n->encoder->params.value,
                    tape_constant(n->tape, &batch), &out);
    TRY(tape_status(n->tape));
    if (!out.count)
        FAIL(n->ctx, DRIFT_ERROR_USAGE, "the network has no features");
    var *map = out.summary
                   ? out.summary
                   : encoder_mean(n->tape, out.list[out.count - 1].value);
    TRY(tape_status(n->tape));
    *seen = &map->value;
    *logits = out.logits ? &out.logits->value : NULL;
out:
    tensor_free(n->ctx, &batch);
    return status;
}

drift_status network_features(network *n, size_t h, size_t w, size_t c,
                              size_t *out)
{
    drift_status status = DRIFT_OK;
    const tensor *seen, *logits;
    float *grey = mem_alloc(n->ctx, h * w * c, sizeof *grey);
    if (!grey)
        return DRIFT_ERROR_MEMORY;
    TRY(network_run(n, grey, 1, h, w, c, &seen, &logits));
    *out = seen->shape.dim[1];
out:
    network_forget(n);
    mem_free(grey);
    return status;
}

drift_status network_digest(const network *n, digest *d)
{
    if (network_resizes(n))
        digest_add(d, &n->resize, sizeof n->resize);
    return encoder_digest(n->encoder, d);
}

void network_forget(network *n)
{
    tape_reset(n->tape, 0);
}
