/* Encoders in files: ours, with their sizes in the metadata, and other
 * people's, recognised by what their arrays are called. */
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/safetensors.h"
#include "nn/encoder.h"
#include "nn/weights.h"

#define KEY "drift.encoder"

/* The sizes of a configuration, by name. */
static const struct {
    const char *name;
    size_t offset;
} sizes[] = {
    {"width", offsetof(encoder_config, width)},
    {"blocks1", offsetof(encoder_config, blocks[0])},
    {"blocks2", offsetof(encoder_config, blocks[1])},
    {"blocks3", offsetof(encoder_config, blocks[2])},
    {"blocks4", offsetof(encoder_config, blocks[3])},
    {"groups", offsetof(encoder_config, groups)},
    {"hidden", offsetof(encoder_config, hidden)},
    {"classes", offsetof(encoder_config, classes)},
    {"image_height", offsetof(encoder_config, image_height)},
    {"image_width", offsetof(encoder_config, image_width)},
    {"image_channels", offsetof(encoder_config, channels)},
    {"resize", offsetof(encoder_config, resize)},
    {"imagenet", offsetof(encoder_config, imagenet)},
};
#define SIZES (sizeof sizes / sizeof *sizes)

static char *config_json(const encoder_config *c)
{
    json_t *o = json_object();
    int failed = json_object_set_new(
                     o, "kind", json_string(encoder_kinds[c->kind]->name)) != 0;
    for (size_t i = 0; i < SIZES; i++) {
        const int *at =
            (const int *)(const void *)((const char *)c + sizes[i].offset);
        failed |= json_object_set_new(o, sizes[i].name, json_integer(*at)) != 0;
    }
    char *text = failed ? NULL : json_dumps(o, JSON_PRESERVE_ORDER);
    json_decref(o);
    return text;
}

static drift_status config_of_json(drift_context *ctx, const char *text,
                                   encoder_config *c)
{
    drift_status status = DRIFT_OK;
    json_error_t e;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    const char *kind = json_string_value(json_object_get(o, "kind"));
    int k = 0;
    *c = (encoder_config){0};
    while (kind && k < ENCODER_KINDS && strcmp(kind, encoder_kinds[k]->name))
        k++;
    if (!kind || k == ENCODER_KINDS)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "its '" KEY "' does not name a kind of encoder that this version "
             "knows%s%.40s",
             kind ? ": " : "", kind ? kind : "");
    c->kind = k;
    for (size_t i = 0; i < SIZES; i++) {
        json_t *v = json_object_get(o, sizes[i].name);
        json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 0 || n > 1 << 20)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "its '" KEY "' has no number '%s' from 0 to %d", sizes[i].name,
                 1 << 20);
        *(int *)(void *)((char *)c + sizes[i].offset) = (int)n;
    }
out:
    json_decref(o);
    return status;
}

/* Our own file: every parameter under its own name. */
static drift_status load_own(encoder *e, const array_list *arrays)
{
    drift_status status = DRIFT_OK;
    weights w;
    TRY(weights_open(&e->params, &e->params.value, arrays, NULL, &w));
    for (size_t i = 0; i < e->params.count; i++)
        TRY(weights_take(&w, (int)i, WEIGHTS_AS_OURS, "%s",
                         e->params.list[i].name));
out:
    return weights_close(&w, status);
}

static drift_status recognize(drift_context *ctx, const array_list *arrays,
                              encoder_config *c)
{
    for (int k = 0; k < ENCODER_KINDS; k++) {
        *c = (encoder_config){.kind = k};
        if (encoder_kinds[k]->recognize &&
            encoder_kinds[k]->recognize(arrays, c))
            return DRIFT_OK;
    }
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "its %zu arrays are not those of an encoder that this "
                 "version knows (the first is '%s')",
                 arrays->count, arrays->count ? arrays->items[0].name : "");
}

drift_status encoder_open(drift_context *ctx, const char *path, encoder **out)
{
    drift_status status = DRIFT_OK;
    safetensors file = {0};
    encoder_config c;
    encoder *e = NULL;
    *out = NULL;
    TRY(safetensors_open(ctx, path, &file));
    const char *own = safetensors_metadata(&file, KEY);
    TRY(own ? config_of_json(ctx, own, &c) : recognize(ctx, &file.arrays, &c));
    TRY(encoder_new(ctx, &c, 0, 0, &e));
    TRY(own ? load_own(e, &file.arrays)
            : e->ops->load(e, &file.arrays, &e->params.value));
    *out = e;
    e = NULL;
out:
    if (status != DRIFT_OK)
        status = error_prefix(ctx, status, "encoder '%s'", path);
    encoder_free(e);
    safetensors_close(&file);
    return status;
}

drift_status encoder_write(encoder *e, const tensor *flat, const char *path)
{
    drift_context *ctx = e->ctx;
    drift_status status = DRIFT_OK;
    array_list list = {0};
    char *json = config_json(&e->config);
    const char *key = KEY;
    if (!json) {
        status = ERROR(ctx, DRIFT_ERROR_MEMORY, "encoder: out of memory");
        goto out;
    }
    for (size_t i = 0; i < e->params.count; i++) {
        const param *p = &e->params.list[i];
        tensor view = params_view(&e->params, flat, (int)i);
        array a = {.type = ARRAY_F32, .ndim = p->shape.ndim};
        memcpy(a.dim, p->shape.dim, (size_t)a.ndim * sizeof *a.dim);
        a.data = a.owned = mem_alloc(ctx, shape_count(p->shape), sizeof(float));
        if (!a.owned) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        void *host = a.owned;
        TRY(array_list_add(ctx, &list, p->name, &a));
        TRY(tensor_read(ctx, &view, host));
    }
    TRY(safetensors_write(ctx, path, &list, &key, (const char *const *)&json,
                          1));
out:
    free(json);
    array_list_free(&list);
    return status;
}
