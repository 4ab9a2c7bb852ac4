/* safetensors: u64 N, N bytes of JSON, then the arrays' bytes without a hole.
 * Every number of the header is checked against the file before it is used;
 * the arrays stay in the mapped file. */
#include "formats/safetensors.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"

#define MAX_HEADER 100000000u /* as the reference reader */

typedef struct span {
    size_t begin, end, index;
} span;

static int by_offset(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* A JSON value as a size; 0 when it is not an integer >= 0. */
static int to_size(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (unsigned long long)json_integer_value(value) > SIZE_MAX / 2)
        return 0;
    *out = (size_t)json_integer_value(value);
    return 1;
}

static drift_status read_entry(drift_context *ctx, const char *name,
                               const json_t *entry, size_t data_size, array *a,
                               span *place)
{
    drift_status status = DRIFT_OK;
    const json_t *dtype = json_object_get(entry, "dtype");
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_string(dtype) || !json_is_array(shape) ||
        !json_is_array(offsets) || json_array_size(offsets) != 2)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s' needs a dtype, a shape and two data_offsets", name);
    int type = array_type_find(json_string_value(dtype));
    if (type < 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s' has dtype '%s'; known are F32, F64, F16, BF16, I8 "
             "to I64, U8 to U64, BOOL",
             name, json_string_value(dtype));
    if (json_array_size(shape) > ARRAY_DIMS)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s' has %zu dimensions; at most %d are allowed", name,
             json_array_size(shape), ARRAY_DIMS);
    *a = (array){.type = (array_type)type, .ndim = (int)json_array_size(shape)};
    for (int i = 0; i < a->ndim; i++)
        if (!to_size(json_array_get(shape, (size_t)i), &a->dim[i]))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "tensor '%s': dimension %d is not an integer >= 0", name, i);
    if (!to_size(json_array_get(offsets, 0), &place->begin) ||
        !to_size(json_array_get(offsets, 1), &place->end) ||
        place->end < place->begin || place->end > data_size)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s': its data_offsets are not two rising integers "
             "within the file's %zu bytes of data",
             name, data_size);
    size_t bytes;
    if (!array_size(a->type, a->ndim, a->dim, &bytes) ||
        bytes != place->end - place->begin)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s': its shape does not need the %zu bytes that its "
             "data_offsets span",
             name, place->end - place->begin);
out:
    return status;
}

/* Arrays in the order of their data, which must lie without hole or overlap
 * from the first byte to the last. */
static drift_status order_arrays(drift_context *ctx, safetensors *out,
                                 const span *places, size_t data_size,
                                 const unsigned char *data)
{
    drift_status status = DRIFT_OK;
    array_list sorted = {0};
    size_t count = out->arrays.count, at = 0;
    sorted.items = mem_alloc(ctx, count, sizeof *sorted.items);
    if (!sorted.items) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        const array *a = &out->arrays.items[places[i].index];
        if (places[i].begin != at)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "tensor '%s' begins at byte %zu of the data; without hole or "
                 "overlap it must begin at %zu",
                 a->name, places[i].begin, at);
        sorted.items[i] = *a;
        sorted.items[i].data = data + at;
        at = places[i].end;
    }
    if (at != data_size)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "the file holds %zu bytes of data, its tensors need %zu",
             data_size, at);
    if (count)
        memcpy(out->arrays.items, sorted.items, count * sizeof *sorted.items);
out:
    mem_free(sorted.items);
    return status;
}

static drift_status read_metadata(drift_context *ctx, json_t *meta,
                                  safetensors *out)
{
    drift_status status = DRIFT_OK;
    const char *key;
    json_t *value;
    if (!json_is_object(meta))
        FAIL(ctx, DRIFT_ERROR_FORMAT, "__metadata__ is not a JSON object");
    out->keys = mem_alloc(ctx, json_object_size(meta), sizeof *out->keys);
    out->values = mem_alloc(ctx, json_object_size(meta), sizeof *out->values);
    if (!out->keys || !out->values) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    json_object_foreach(meta, key, value)
    {
        if (!json_is_string(value))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "__metadata__ key '%.64s' is not a string", key);
        size_t i = out->metadata_count++;
        out->keys[i] = mem_strdup(ctx, key);
        out->values[i] = mem_strdup(ctx, json_string_value(value));
        if (!out->keys[i] || !out->values[i]) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
    }
out:
    return status;
}

static drift_status read_header(drift_context *ctx, json_t *root,
                                const unsigned char *data, size_t data_size,
                                safetensors *out)
{
    drift_status status = DRIFT_OK;
    const char *name;
    json_t *entry;
    span *places = mem_alloc(ctx, json_object_size(root), sizeof *places);
    if (!places) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    json_object_foreach(root, name, entry)
    {
        if (!strcmp(name, "__metadata__")) {
            TRY(read_metadata(ctx, entry, out));
            continue;
        }
        if (strlen(name) > ARRAY_NAME)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "a tensor's name has %zu bytes; at most %d are allowed",
                 strlen(name), ARRAY_NAME);
        array a;
        span *place = &places[out->arrays.count];
        place->index = out->arrays.count;
        TRY(read_entry(ctx, name, entry, data_size, &a, place));
        TRY(array_list_add(ctx, &out->arrays, name, &a));
    }
    qsort(places, out->arrays.count, sizeof *places, by_offset);
    TRY(order_arrays(ctx, out, places, data_size, data));
out:
    mem_free(places);
    return status;
}

drift_status safetensors_open(drift_context *ctx, const char *path,
                              safetensors *out)
{
    *out = (safetensors){0};
    drift_status status = file_open_view(ctx, path, &out->view);
    if (status != DRIFT_OK)
        return status;
    status = safetensors_parse(ctx, out->view.data, out->view.size, out);
    if (status != DRIFT_OK) {
        safetensors_close(out);
        return error_prefix(ctx, status, "'%s'", path);
    }
    return DRIFT_OK;
}

drift_status safetensors_parse(drift_context *ctx, const unsigned char *bytes,
                               size_t size, safetensors *out)
{
    drift_status status = DRIFT_OK;
    json_t *root = NULL;
    uint64_t length;
    if (size < 8)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "%zu bytes are too few for a safetensors file", size);
    length = little_endian(bytes, 8);
    if (length < 2 || length > size - 8 || length > MAX_HEADER)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "not a safetensors file, or cut: header of %llu bytes; allowed "
             "are 2 to %zu here",
             (unsigned long long)length,
             size - 8 < MAX_HEADER ? size - 8 : (size_t)MAX_HEADER);
    if (bytes[8] != '{')
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "not a safetensors file: its header does not start with '{'");
    json_error_t error;
    root = json_loadb((const char *)bytes + 8, (size_t)length,
                      JSON_REJECT_DUPLICATES, &error);
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in the JSON header");
    if (!root)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "the header is not valid JSON: %s at byte %d", error.text,
             error.position);
    TRY(read_header(ctx, root, bytes + 8 + length, size - 8 - (size_t)length,
                    out));
out:
    json_decref(root);
    return status;
}

void safetensors_close(safetensors *s)
{
    array_list_free(&s->arrays);
    for (size_t i = 0; i < s->metadata_count; i++) {
        mem_free(s->keys[i]);
        mem_free(s->values[i]);
    }
    mem_free(s->keys);
    mem_free(s->values);
    file_close_view(&s->view);
    *s = (safetensors){0};
}

const char *safetensors_metadata(const safetensors *s, const char *key)
{
    for (size_t i = 0; i < s->metadata_count; i++)
        if (!strcmp(s->keys[i], key))
            return s->values[i];
    return NULL;
}

/* Sets `name` in object to a new value; 0 when it is there already, or is not
 * UTF-8, or memory is out. */
static int set_new(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name)) {
        json_decref(value);
        return 0;
    }
    return json_object_set_new(object, name, value) == 0;
}

static json_t *describe(const array *a, size_t begin, size_t bytes)
{
    json_t *shape = json_array();
    for (int i = 0; i < a->ndim; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)a->dim[i])) !=
            0)
            goto out;
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", array_type_name(a->type),
                     "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + bytes));
out:
    json_decref(shape);
    return NULL;
}

static drift_status make_header(drift_context *ctx, const array_list *arrays,
                                const char *const *keys,
                                const char *const *values,
                                size_t metadata_count, char **out)
{
    drift_status status = DRIFT_OK;
    size_t at = 0;
    json_t *root = json_object();
    json_t *meta = json_object();
    *out = NULL;
    for (size_t i = 0; i < metadata_count; i++)
        if (!set_new(meta, keys[i], json_string(values[i])))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "unable to write metadata '%s': given twice or not UTF-8",
                 keys[i]);
    if (metadata_count && json_object_set(root, "__metadata__", meta) != 0)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in the JSON header");
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        size_t bytes;
        if (!array_size(a->type, a->ndim, a->dim, &bytes) ||
            bytes > SIZE_MAX / 2 - at)
            FAIL(ctx, DRIFT_ERROR_FORMAT, "tensor '%s' is too large", a->name);
        if (!strcmp(a->name, "__metadata__"))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "no tensor may be named '__metadata__'");
        if (!set_new(root, a->name, describe(a, at, bytes)))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "unable to write tensor '%s': named twice or not UTF-8",
                 a->name);
        at += bytes;
    }
    *out = json_dumps(root, JSON_COMPACT);
    if (!*out)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in the JSON header");
out:
    json_decref(meta);
    json_decref(root);
    return status;
}

drift_status safetensors_write(drift_context *ctx, const char *path,
                               const array_list *arrays,
                               const char *const *keys,
                               const char *const *values, size_t metadata_count)
{
    drift_status status = DRIFT_OK;
    file_writer *w = NULL;
    char *header = NULL;
    unsigned char length[8];
    status = make_header(ctx, arrays, keys, values, metadata_count, &header);
    if (status != DRIFT_OK)
        return error_prefix(ctx, status, "'%s'", path);
    /* Spaces up to a multiple of 8, so that the data is aligned. */
    size_t used = strlen(header), padded = (used + 7) / 8 * 8;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    TRY(file_create(ctx, path, &w));
    TRY(file_write(w, length, sizeof length));
    TRY(file_write(w, header, used));
    TRY(file_write(w, "        ", padded - used));
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        TRY(file_write(w, a->data, array_count(a) * array_type_size(a->type)));
    }
    status = file_commit(w);
    w = NULL;
out:
    file_abort(w);
    free(header);
    return status;
}
