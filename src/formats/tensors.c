/* One reader for all containers of arrays: see tensors.h. */
#include "formats/tensors.h"

#include <string.h>

/* The length of a header, which is a JSON object. */
static int is_safetensors(const file_view *v)
{
    return v->size > 8 && v->data[8] == '{' && !v->data[7] && !v->data[6];
}

/* A map of at least one key; 0x80 also begins Python's pickles. */
static int is_flax(const file_view *v)
{
    unsigned first = v->size ? v->data[0] : 0;
    return (first > 0x80 && first < 0x90) || first == 0xde || first == 0xdf;
}

/* A zip, or a pickle of protocol 2. */
static int is_torch(const file_view *v)
{
    return v->size > 4 && (!memcmp(v->data, "PK\3\4", 4) ||
                           (v->data[0] == 0x80 && v->data[1] == 2));
}

static drift_status parse(drift_context *ctx, tensors *t)
{
    const file_view *v = &t->view;
    if (is_safetensors(v)) {
        t->arrays = &t->safetensors.arrays;
        return safetensors_parse(ctx, v->data, v->size, &t->safetensors);
    }
    if (is_flax(v)) {
        t->arrays = &t->flax.arrays;
        return flax_parse(ctx, v->data, v->size, &t->flax);
    }
    if (is_torch(v)) {
        t->arrays = &t->torch.arrays;
        return torch_parse(ctx, v->data, v->size, &t->torch);
    }
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "not a file of weights that this version reads (safetensors, "
                 "Flax, PyTorch)");
}

drift_status tensors_open(drift_context *ctx, const char *path, tensors *out)
{
    *out = (tensors){0};
    drift_status status = file_open_view(ctx, path, &out->view);
    if (status != DRIFT_OK)
        return status;
    status = parse(ctx, out);
    if (status != DRIFT_OK) {
        tensors_close(out);
        return error_prefix(ctx, status, "'%s'", path);
    }
    return DRIFT_OK;
}

void tensors_close(tensors *t)
{
    safetensors_close(&t->safetensors);
    flax_close(&t->flax);
    torch_close(&t->torch);
    file_close_view(&t->view);
    *t = (tensors){0};
}

const char *tensors_metadata(const tensors *t, const char *key)
{
    return safetensors_metadata(&t->safetensors, key);
}
