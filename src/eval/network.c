/* A network that looks at images: see network.h. */
#include "eval/network.h"

#include "drift/extractor.h"

drift_status network_open(drift_context *ctx, const char *name, network *out)
{
    drift_status status = DRIFT_OK;
    *out = (network){.ctx = ctx};
    TRY(encoder_named(ctx, name, encoder_open_whole, &out->encoder));
    TRY(tape_new(ctx, 0, &out->tape));
    out->classes = out->encoder->config.classes;
out:
    return status;
}

void network_close(network *n)
{
    tape_free(n->tape);
    encoder_free(n->encoder);
    *n = (network){0};
}

drift_status network_run(network *n, const float *pixels, size_t b, size_t h,
                         size_t w, size_t c, const tensor **seen,
                         const tensor **logits)
{
    drift_status status = DRIFT_OK;
    tensor batch = {0};
    encoder_out out = {.want_logits = 1};
    TRY(tensor_new(n->ctx, &batch, DTYPE_F32, SHAPE(b, h, w, c)));
    TRY(tensor_write(n->ctx, &batch, pixels));
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

void network_forget(network *n)
{
    tape_reset(n->tape, 0);
}
