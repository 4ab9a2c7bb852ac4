/* Encoders in files: ours, with their sizes in the metadata, and other
 * people's, recognised by what their arrays are called. */
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/tensors.h"
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
    {"width1", offsetof(encoder_config, widths[0])},
    {"width2", offsetof(encoder_config, widths[1])},
    {"width3", offsetof(encoder_config, widths[2])},
    {"width4", offsetof(encoder_config, widths[3])},
    {"groups", offsetof(encoder_config, groups)},
    {"hidden", offsetof(encoder_config, hidden)},
    {"latent", offsetof(encoder_config, latent)},
    {"classes", offsetof(encoder_config, classes)},
    {"patch", offsetof(encoder_config, patch)},
    {"decoder", offsetof(encoder_config, decoder)},
    {"bottleneck", offsetof(encoder_config, bottleneck)},
    {"heads", offsetof(encoder_config, heads)},
    {"positions", offsetof(encoder_config, positions)},
    {"image_height", offsetof(encoder_config, image_height)},
    {"image_width", offsetof(encoder_config, image_width)},
    {"image_channels", offsetof(encoder_config, channels)},
    {"resize", offsetof(encoder_config, resize)},
    {"imagenet", offsetof(encoder_config, imagenet)},
    {"clamp", offsetof(encoder_config, clamp)},
    {"shrink", offsetof(encoder_config, shrink)},
    {"map_norm", offsetof(encoder_config, map_norm)},
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

drift_status encoder_load_named(encoder *e, const array_list *arrays,
                                const char *anchor, tensor *flat)
{
    drift_status status = DRIFT_OK;
    const char *const *head = e->ops->heads;
    weights w;
    TRY(weights_open(&e->params, flat, arrays, anchor, &w));
    for (size_t i = 0; i < e->params.count; i++)
        TRY(weights_take(&w, (int)i, WEIGHTS_AS_OURS, "%s",
                         e->params.list[i].name));
    for (; head && *head; head++)
        weights_ignore(&w, *head);
out:
    return weights_close(&w, status);
}

drift_status encoder_recognize(drift_context *ctx, const array_list *arrays,
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

/* metadata.json beside the file or, where the file lies in a folder of the
 * release, beside that; FILE.json for FILE.msgpack. */
static int find_metadata(const char *path, char *found, size_t size)
{
    static const char *const place[] = {"metadata.json", "../metadata.json"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    int stem = dot && dot > path + folder ? (int)(dot - path) : 0;
    int n = snprintf(found, size, "%.*s.json", stem, path);
    if (stem && n > 0 && (size_t)n < size && file_exists(found))
        return 1;
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        n = snprintf(found, size, "%.*s%s", folder, path, place[i]);
        if (n > 0 && (size_t)n < size && file_exists(found))
            return 1;
    }
    return 0;
}

static drift_status read_metadata(drift_context *ctx, const char *path,
                                  encoder_config *c)
{
    const encoder_ops *ops = encoder_kinds[c->kind];
    drift_status status = DRIFT_OK;
    file_view json = {0};
    char found[4096];
    if (!ops->metadata || !find_metadata(path, found, sizeof found))
        return DRIFT_OK;
    TRY(file_open_view(ctx, found, &json));
    status = ops->metadata(ctx, (const char *)json.data, json.size, c);
    if (status != DRIFT_OK)
        status = error_prefix(ctx, status, "'%s'", found);
out:
    file_close_view(&json);
    return status;
}

static drift_status open_as(drift_context *ctx, const char *path, int whole,
                            encoder **out)
{
    tensors file;
    encoder_config c;
    encoder *e = NULL;
    *out = NULL;
    drift_status status = tensors_open(ctx, path, &file);
    if (status != DRIFT_OK)
        return status;
    const char *own = tensors_metadata(&file, KEY);
    TRY(own ? config_of_json(ctx, own, &c)
            : encoder_recognize(ctx, file.arrays, &c));
    if (!own)
        TRY(read_metadata(ctx, path, &c));
    if (!whole && encoder_kinds[c.kind]->heads)
        c.classes = c.decoder = 0;
    TRY(encoder_new(ctx, &c, 0, 0, &e));
    TRY(own ? encoder_load_named(e, file.arrays, NULL, &e->params.value)
            : e->ops->load(e, file.arrays, &e->params.value));
    *out = e;
    e = NULL;
out:
    if (status != DRIFT_OK)
        status = error_prefix(ctx, status, "encoder '%s'", path);
    encoder_free(e);
    tensors_close(&file);
    return status;
}

drift_status encoder_open(drift_context *ctx, const char *path, encoder **out)
{
    return open_as(ctx, path, 0, out);
}

drift_status encoder_open_whole(drift_context *ctx, const char *path,
                                encoder **out)
{
    return open_as(ctx, path, 1, out);
}

/* Every parameter in `flat`, with `prefix` before its name. */
static drift_status add_params(const encoder *e, const tensor *flat,
                               const char *prefix, array_list *list)
{
    drift_context *ctx = e->ctx;
    drift_status status = DRIFT_OK;
    char *name = NULL;
    for (size_t i = 0; i < e->params.count; i++) {
        const param *p = &e->params.list[i];
        tensor view = params_view(&e->params, flat, (int)i);
        array a = {.type = ARRAY_F32, .ndim = p->shape.ndim};
        memcpy(a.dim, p->shape.dim, (size_t)a.ndim * sizeof *a.dim);
        mem_free(name);
        name = mem_printf(ctx, "%s%s", prefix, p->name);
        a.data = a.owned = mem_alloc(ctx, shape_count(p->shape), sizeof(float));
        if (!name || !a.owned) {
            mem_free(a.owned);
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        void *host = a.owned;
        TRY(array_list_add(ctx, list, name, &a));
        TRY(tensor_read(ctx, &view, host));
    }
out:
    mem_free(name);
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
    TRY(add_params(e, flat, "", &list));
    TRY(safetensors_write(ctx, path, &list, &key, (const char *const *)&json,
                          1));
out:
    free(json);
    array_list_free(&list);
    return status;
}

/* -- inside another file -------------------------------------------------- */

drift_status encoder_to_arrays(const encoder *e, const char *name,
                               array_list *list)
{
    drift_context *ctx = e->ctx;
    drift_status status = DRIFT_OK;
    char *json = config_json(&e->config);
    char *key = mem_printf(ctx, "%s.config", name);
    char *prefix = mem_printf(ctx, "%s.", name);
    array a = {.type = ARRAY_U8, .ndim = 1};
    if (json)
        a.data = a.owned = mem_strdup(ctx, json);
    if (!a.owned || !key || !prefix) {
        mem_free(a.owned);
        status = ERROR(ctx, DRIFT_ERROR_MEMORY, "encoder: out of memory");
        goto out;
    }
    a.dim[0] = strlen(json);
    TRY(array_list_add(ctx, list, key, &a));
    TRY(add_params(e, &e->params.value, prefix, list));
out:
    free(json);
    mem_free(key);
    mem_free(prefix);
    return status;
}

static drift_status take_params(encoder *e, const char *name,
                                const array_list *list)
{
    drift_status status = DRIFT_OK;
    weights w;
    TRY(weights_open(&e->params, &e->params.value, list, NULL, &w));
    for (size_t i = 0; i < e->params.count; i++)
        TRY(weights_take(&w, (int)i, WEIGHTS_AS_OURS, "%s.%s", name,
                         e->params.list[i].name));
    weights_ignore(&w, "*"); /* the other file's own */
out:
    return weights_close(&w, status);
}

drift_status encoder_from_arrays(drift_context *ctx, const char *name,
                                 const array_list *list, encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder_config c;
    encoder *e = NULL;
    char *json = NULL, *key = mem_printf(ctx, "%s.config", name);
    *out = NULL;
    if (!key)
        return DRIFT_ERROR_MEMORY;
    const array *a = array_list_find(list, key);
    if (!a)
        goto out;
    json = mem_alloc(ctx, array_count(a) + 1, 1);
    if (!json) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (a->type == ARRAY_U8)
        memcpy(json, a->data, array_count(a));
    TRY(config_of_json(ctx, json, &c));
    TRY(encoder_new(ctx, &c, 0, 0, &e));
    TRY(take_params(e, name, list));
    *out = e;
    e = NULL;
out:
    if (status != DRIFT_OK)
        status = error_prefix(ctx, status, "'%s'", name);
    encoder_free(e);
    mem_free(json);
    mem_free(key);
    return status;
}
