/* Encoders in files: ours, with their sizes in the metadata, and other
 * people's, recognised by what their arrays are called. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/tensors.h"
#include "nn/encoder.h"
#include "nn/weights.h"

#define KEY "drift.encoder"

static char *config_json(const encoder_config *c)
{
    encoder_config copy = *c;
    json_t *o = json_object();
    int failed = json_object_set_new(
                     o, "kind", json_string(encoder_kinds[c->kind]->name)) != 0;
    for (size_t i = 0; i < ENCODER_SIZES; i++)
        failed |=
            json_object_set_new(o, encoder_sizes[i].name,
                                json_integer(*encoder_size_of(&copy, i))) != 0;
    char *text = failed ? NULL : json_dumps(o, JSON_PRESERVE_ORDER);
    json_decref(o);
    return text;
}

/* Where a configuration keeps the size of this name; NULL: it has none. */
static int *size_named(encoder_config *c, const char *name)
{
    for (size_t i = 0; i < ENCODER_SIZES; i++)
        if (!strcmp(encoder_sizes[i].name, name))
            return encoder_size_of(c, i);
    return NULL;
}

/* Files of other versions: a size that is missing is 0, one that is not known
 * must be. */
static drift_status sizes_of_json(drift_context *ctx, json_t *o,
                                  encoder_config *c)
{
    const char *key;
    json_t *v;
    json_object_foreach(o, key, v)
    {
        json_int_t n = json_integer_value(v);
        int *to = size_named(c, key);
        if (!strcmp(key, "kind"))
            continue;
        if (!json_is_integer(v) || n < 0 || n > INT_MAX)
            return ERROR(ctx, DRIFT_ERROR_FORMAT,
                         "its '" KEY "': '%.40s' is no whole number from 0 on",
                         key);
        if (!to && n)
            return ERROR(ctx, DRIFT_ERROR_FORMAT,
                         "its '" KEY "' has '%.40s', which this version does "
                         "not know",
                         key);
        if (to)
            *to = (int)n;
    }
    return DRIFT_OK;
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
    TRY(sizes_of_json(ctx, o, c));
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

/* What each kind would have been known by. */
static drift_status unknown(drift_context *ctx, const array_list *arrays)
{
    char text[600] = "";
    size_t used = 0;
    for (int k = 0; k < ENCODER_KINDS && used < sizeof text; k++)
        if (encoder_kinds[k]->signs)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "%s %s has %s", used ? ";" : "",
                                     encoder_kinds[k]->name,
                                     encoder_kinds[k]->signs);
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "its %zu arrays (the first is '%.80s') are not those of an "
                 "encoder that this version knows:%s",
                 arrays->count, arrays->count ? arrays->items[0].name : "",
                 text);
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
    return unknown(ctx, arrays);
}

/* FILE.json beside FILE.pth. */
static int find_json(const char *path, char *found, size_t size)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const char *name = slash ? slash + 1 : path;
    int n = dot && dot > name
                ? snprintf(found, size, "%.*s.json", (int)(dot - path), path)
                : -1;
    return n > 0 && (size_t)n < size && file_exists(found);
}

/* metadata.json beside the file or, where the file lies in a folder of the
 * release, beside that; FILE.json comes first. */
static int find_metadata(const char *path, char *found, size_t size)
{
    static const char *const place[] = {"metadata.json", "../metadata.json"};
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    if (find_json(path, found, size))
        return 1;
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        int n = snprintf(found, size, "%.*s%s", folder, path, place[i]);
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

/* Before memory is taken: a file cannot be for an encoder of far more numbers
 * than it has. Some may be missing, which loading tells better. */
static drift_status check_size(const encoder *e, const array_list *arrays)
{
    size_t wanted = 0, has = 0;
    for (size_t i = 0; i < e->params.count; i++)
        wanted += shape_count(e->params.list[i].shape);
    for (size_t i = 0; i < arrays->count; i++)
        has += array_count(&arrays->items[i]);
    if (wanted / 16 <= has)
        return DRIFT_OK;
    return ERROR(e->ctx, DRIFT_ERROR_FORMAT,
                 "its arrays have %zu numbers, a %s of these sizes has %zu",
                 has, e->ops->name, wanted);
}

/* What FILE.json says under our key. */
static drift_status read_sizes(drift_context *ctx, const char *path,
                               encoder_config *c)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    json_error_t e;
    json_t *root = NULL, *ours;
    char found[4096];
    if (!find_json(path, found, sizeof found))
        return DRIFT_OK;
    TRY(file_open_view(ctx, found, &view));
    root = json_loadb((const char *)view.data, view.size,
                      JSON_REJECT_DUPLICATES, &e);
    ours = json_object_get(root, KEY);
    if (!root)
        status = ERROR(ctx, DRIFT_ERROR_FORMAT, "line %d: %s", e.line, e.text);
    else if (ours && !json_is_object(ours))
        status = ERROR(ctx, DRIFT_ERROR_FORMAT, "its '" KEY "' is no object");
    else if (ours)
        status = sizes_of_json(ctx, ours, c);
    if (status != DRIFT_OK)
        status = error_prefix(ctx, status, "'%s'", found);
out:
    json_decref(root);
    file_close_view(&view);
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
    if (!own) {
        TRY(read_metadata(ctx, path, &c));
        TRY(read_sizes(ctx, path, &c));
    }
    if (!whole && encoder_kinds[c.kind]->heads)
        c.classes = c.decoder = 0;
    TRY(encoder_declare(ctx, &c, &e));
    TRY(check_size(e, file.arrays));
    TRY(encoder_allocate(e, 0, 0));
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
    TRY(encoder_declare(ctx, &c, &e));
    TRY(check_size(e, list));
    TRY(encoder_allocate(e, 0, 0));
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
