/* Flax msgpack by msgpack-c. msgpack-c takes memory for as many elements as a
 * map or array claims to have, so the structure is walked once before it may
 * see a byte: every length against what is left, depth and count capped. */
#include "formats/flax.h"

#ifdef HAVE_MSGPACK

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "base/mem.h"

#define MAX_DEPTH   24 /* msgpack-c itself stops at 32 */
#define MAX_OBJECTS ((size_t)1 << 22)
#define MAX_CHUNKS  4096 /* of 1 GiB each in real files */

#define EXT_ARRAY  1
#define EXT_SCALAR 3

/* -- the walk ----------------------------------------------------------------
 */

/* What one object's head says: its own bytes (head and payload) and how many
 * objects follow inside it. */
typedef struct head {
    size_t bytes, children;
    int bad;
} head;

static size_t big_endian(const unsigned char *p, size_t n)
{
    size_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* A head with `n` bytes of length field, then `extra` bytes, then the payload;
 * each counted thing in it is `children` objects. */
static head sized(const unsigned char *p, size_t left, size_t n, size_t extra,
                  size_t children)
{
    head h = {1 + n + extra, 0, 0};
    if (left < 1 + n) {
        h.bad = 1;
        return h;
    }
    size_t length = big_endian(p + 1, n);
    if (length > left)
        h.bad = 1;
    else if (children)
        h.children = children * length;
    else
        h.bytes += length;
    return h;
}

static head read_head(const unsigned char *p, size_t left)
{
    static const size_t fixed[] = {5, 9, 2, 3, 5, 9, 2, 3, 5, 9};
    unsigned c = p[0];
    if (c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3)
        return (head){1, 0, 0};
    if (c <= 0x8f)
        return (head){1, 2 * (c & 15), 0};
    if (c <= 0x9f)
        return (head){1, c & 15, 0};
    if (c <= 0xbf)
        return (head){1 + (c & 31), 0, 0};
    if (c >= 0xc4 && c <= 0xc6) /* bin */
        return sized(p, left, (size_t)1 << (c - 0xc4), 0, 0);
    if (c >= 0xc7 && c <= 0xc9) /* ext */
        return sized(p, left, (size_t)1 << (c - 0xc7), 1, 0);
    if (c >= 0xca && c <= 0xd3) /* numbers */
        return (head){fixed[c - 0xca], 0, 0};
    if (c >= 0xd4 && c <= 0xd8) /* fixext */
        return (head){2 + ((size_t)1 << (c - 0xd4)), 0, 0};
    if (c >= 0xd9 && c <= 0xdb) /* str */
        return sized(p, left, (size_t)1 << (c - 0xd9), 0, 0);
    if (c == 0xdc || c == 0xdd) /* array */
        return sized(p, left, (size_t)2 << (c - 0xdc), 0, 1);
    if (c == 0xde || c == 0xdf) /* map */
        return sized(p, left, (size_t)2 << (c - 0xde), 0, 2);
    return (head){1, 0, 1}; /* 0xc1 is no msgpack */
}

/* Whether the bytes are exactly one well-formed object. */
static int well_formed(const unsigned char *p, size_t size)
{
    size_t open[MAX_DEPTH], depth = 0, at = 0, count = 0;
    open[0] = 1; /* objects still to come at this depth */
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0)
                return at == size;
            depth--;
        }
        open[depth]--;
        if (at == size || ++count > MAX_OBJECTS)
            return 0;
        head h = read_head(p + at, size - at);
        if (h.bad || h.bytes > size - at)
            return 0;
        at += h.bytes;
        if (h.children > size - at)
            return 0; /* each needs a byte */
        if (h.children) {
            if (++depth == MAX_DEPTH)
                return 0;
            open[depth] = h.children;
        }
    }
}

/* -- leaves ------------------------------------------------------------------
 */

typedef struct reader {
    drift_context *ctx;
    array_list *out;
    char name[ARRAY_NAME + 1]; /* the path so far */
} reader;

static drift_status bad_array(reader *r, const char *what)
{
    return ERROR(r->ctx, DRIFT_ERROR_FORMAT, "array '%s': %s", r->name, what);
}

static int text_is(const msgpack_object *o, const char *text)
{
    return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
           !memcmp(o->via.str.ptr, text, o->via.str.size);
}

static int type_of(const msgpack_object *o)
{
    static const struct {
        const char *name;
        array_type type;
    } known[] = {{"float32", ARRAY_F32}, {"bfloat16", ARRAY_BF16},
                 {"float16", ARRAY_F16}, {"float64", ARRAY_F64},
                 {"int8", ARRAY_I8},     {"int16", ARRAY_I16},
                 {"int32", ARRAY_I32},   {"int64", ARRAY_I64},
                 {"uint8", ARRAY_U8},    {"uint16", ARRAY_U16},
                 {"uint32", ARRAY_U32},  {"uint64", ARRAY_U64},
                 {"bool", ARRAY_BOOL}};
    msgpack_object text = *o;
    if (o->type == MSGPACK_OBJECT_BIN) { /* older writers */
        text.type = MSGPACK_OBJECT_STR;
        text.via.str.ptr = o->via.bin.ptr;
        text.via.str.size = o->via.bin.size;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (text_is(&text, known[i].name))
            return known[i].type;
    return -1;
}

static int dimension(const msgpack_object *o, size_t *out)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > SIZE_MAX / 2)
        return 0;
    *out = (size_t)o->via.u64;
    return 1;
}

/* The payload of an array's ext object: [shape, dtype, bytes]. */
static drift_status read_ext(reader *r, const msgpack_object *ext, array *a)
{
    drift_status status = DRIFT_OK;
    const char *bytes = ext->via.ext.ptr;
    size_t size = ext->via.ext.size, at = 0, needed;
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    if ((ext->via.ext.type != EXT_ARRAY && ext->via.ext.type != EXT_SCALAR) ||
        !well_formed((const unsigned char *)bytes, size))
        TRY(bad_array(r, "not of the kinds that Flax writes, or damaged"));
    if (msgpack_unpack_next(&result, bytes, size, &at) !=
        MSGPACK_UNPACK_SUCCESS)
        TRY(bad_array(r, "msgpack-c is unable to read it"));
    const msgpack_object *o = &result.data;
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 3 ||
        o->via.array.ptr[0].type != MSGPACK_OBJECT_ARRAY ||
        o->via.array.ptr[2].type != MSGPACK_OBJECT_BIN)
        TRY(bad_array(r, "not [shape, type, bytes]"));
    const msgpack_object_array *shape = &o->via.array.ptr[0].via.array;
    const msgpack_object_bin *bin = &o->via.array.ptr[2].via.bin;
    int type = type_of(&o->via.array.ptr[1]);
    if (type < 0)
        TRY(bad_array(r, "of a type that is not read (known: bool, int8 to "
                         "uint64, float16, bfloat16, float32, float64)"));
    *a = (array){.type = (array_type)type, .data = bin->size ? bin->ptr : ""};
    if (shape->size > ARRAY_DIMS)
        TRY(bad_array(r, "more than 8 dimensions"));
    for (; a->ndim < (int)shape->size; a->ndim++)
        if (!dimension(&shape->ptr[a->ndim], &a->dim[a->ndim]))
            TRY(bad_array(r, "a dimension is not an integer >= 0"));
    if (!array_size(a->type, a->ndim, a->dim, &needed) || needed != bin->size)
        TRY(bad_array(r, "its shape and its bytes disagree"));
out:
    msgpack_unpacked_destroy(&result);
    return status;
}

/* -- arrays in chunks --------------------------------------------------------
 */

static const msgpack_object *lookup(const msgpack_object_map *map,
                                    const char *key)
{
    for (uint32_t i = 0; i < map->size; i++)
        if (text_is(&map->ptr[i].key, key))
            return &map->ptr[i].val;
    return NULL;
}

static const msgpack_object *lookup_number(const msgpack_object_map *map,
                                           uint32_t number)
{
    char key[16];
    snprintf(key, sizeof key, "%lu", (unsigned long)number);
    /* Mostly in order. */
    if (number < map->size && text_is(&map->ptr[number].key, key))
        return &map->ptr[number].val;
    return lookup(map, key);
}

/* {"__msgpack_chunked_array__": true, "shape": {"0": ...}, "chunks": {"0":
 * flat array, ...}} */
static drift_status read_chunked(reader *r, const msgpack_object_map *map)
{
    drift_status status = DRIFT_OK;
    unsigned char *data = NULL;
    size_t total, at = 0, bytes = 0;
    array a = {0}, piece;
    const msgpack_object *shape = lookup(map, "shape");
    const msgpack_object *chunks = lookup(map, "chunks");
    if (!shape || shape->type != MSGPACK_OBJECT_MAP || !chunks ||
        chunks->type != MSGPACK_OBJECT_MAP || chunks->via.map.size == 0 ||
        chunks->via.map.size > MAX_CHUNKS || shape->via.map.size > ARRAY_DIMS)
        TRY(bad_array(r, "chunked, but without shape and chunks"));
    for (; a.ndim < (int)shape->via.map.size; a.ndim++) {
        const msgpack_object *d =
            lookup_number(&shape->via.map, (uint32_t)a.ndim);
        if (!d || !dimension(d, &a.dim[a.ndim]))
            TRY(bad_array(r, "a dimension is not an integer >= 0"));
    }
    /* Once for the size, once for the bytes: nothing is taken on trust. */
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < chunks->via.map.size; i++) {
            const msgpack_object *c = lookup_number(&chunks->via.map, i);
            if (!c || c->type != MSGPACK_OBJECT_EXT)
                TRY(bad_array(r, "a chunk is missing"));
            TRY(read_ext(r, c, &piece));
            if (i == 0)
                a.type = piece.type;
            if (piece.type != a.type)
                TRY(bad_array(r, "chunks of several types"));
            bytes = array_count(&piece) * array_type_size(a.type);
            if (pass == 1 && bytes)
                memcpy(data + at, piece.data, bytes);
            at += bytes;
        }
        if (pass == 1)
            break;
        if (!array_size(a.type, a.ndim, a.dim, &total) || total != at)
            TRY(bad_array(r, "its shape and its chunks disagree"));
        data = mem_alloc(r->ctx, total, 1);
        if (!data) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        at = 0;
    }
    a.data = a.owned = data;
    data = NULL;
    TRY(array_list_add(r->ctx, r->out, r->name, &a));
out:
    mem_free(data);
    return status;
}

/* -- the tree ----------------------------------------------------------------
 */

static drift_status add_number(reader *r, array_type type, const void *value,
                               size_t size)
{
    array a = {.type = type};
    unsigned char *bytes = mem_alloc(r->ctx, size, 1);
    if (!bytes)
        return DRIFT_ERROR_MEMORY;
    uint64_t bits = 0;
    if (size == 8)
        memcpy(&bits, value, 8);
    else
        bits = *(const unsigned char *)value;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    a.data = a.owned = bytes;
    return array_list_add(r->ctx, r->out, r->name, &a);
}

static drift_status read_object(reader *r, const msgpack_object *o);

/* o under the path so far and `key`. */
static drift_status read_child(reader *r, const char *key, size_t size,
                               const msgpack_object *o)
{
    long used = array_name_join(r->name, key, size);
    if (used < 0)
        return bad_array(r, "a name inside is longer than 4096 bytes or holds "
                            "a NUL");
    drift_status status = read_object(r, o);
    r->name[used] = '\0';
    return status;
}

static drift_status read_map(reader *r, const msgpack_object_map *map)
{
    drift_status status = DRIFT_OK;
    const msgpack_object *chunked = lookup(map, "__msgpack_chunked_array__");
    if (chunked)
        return read_chunked(r, map);
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != MSGPACK_OBJECT_STR)
            TRY(bad_array(r, "a key inside is not a string"));
        size_t size = key->via.str.size; /* of "", msgpack-c's ptr is NULL */
        TRY(read_child(r, size ? key->via.str.ptr : "", size,
                       &map->ptr[i].val));
    }
out:
    return status;
}

static drift_status read_list(reader *r, const msgpack_object_array *list)
{
    drift_status status = DRIFT_OK;
    char key[16];
    for (uint32_t i = 0; i < list->size; i++) {
        snprintf(key, sizeof key, "%lu", (unsigned long)i);
        TRY(read_child(r, key, strlen(key), &list->ptr[i]));
    }
out:
    return status;
}

static drift_status read_object(reader *r, const msgpack_object *o)
{
    drift_status status = DRIFT_OK;
    array a;
    switch (o->type) {
    case MSGPACK_OBJECT_MAP:
        return read_map(r, &o->via.map);
    case MSGPACK_OBJECT_ARRAY:
        return read_list(r, &o->via.array);
    case MSGPACK_OBJECT_EXT:
        TRY(read_ext(r, o, &a));
        return array_list_add(r->ctx, r->out, r->name, &a);
    case MSGPACK_OBJECT_BOOLEAN:
        return add_number(r, ARRAY_BOOL, &(unsigned char){o->via.boolean != 0},
                          1);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return add_number(r, o->via.u64 > INT64_MAX ? ARRAY_U64 : ARRAY_I64,
                          &o->via.u64, 8);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return add_number(r, ARRAY_I64, &o->via.i64, 8);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return add_number(r, ARRAY_F64, &o->via.f64, 8);
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        break;
    default:
        return bad_array(r, "of a kind that msgpack-c does not know");
    }
out:
    return status;
}

drift_status flax_parse(drift_context *ctx, const unsigned char *bytes,
                        size_t size, flax *out)
{
    drift_status status = DRIFT_OK;
    size_t at = 0;
    msgpack_unpacked result;
    reader *r = NULL;
    msgpack_unpacked_init(&result);
    if (size == 0 || !well_formed(bytes, size))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "not a msgpack file, or cut, damaged or nested more than %d deep",
             MAX_DEPTH - 1);
    msgpack_unpack_return code =
        msgpack_unpack_next(&result, (const char *)bytes, size, &at);
    if (code == MSGPACK_UNPACK_NOMEM_ERROR)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in msgpack-c");
    if (code != MSGPACK_UNPACK_SUCCESS)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "msgpack-c is unable to read it");
    r = mem_alloc(ctx, 1, sizeof *r);
    if (!r) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    r->ctx = ctx;
    r->out = &out->arrays;
    TRY(read_object(r, &result.data));
    const char *twice = array_list_sort(&out->arrays);
    if (twice)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "array '%s' is there twice", twice);
out:
    mem_free(r);
    msgpack_unpacked_destroy(&result);
    return status;
}

#else

drift_status flax_parse(drift_context *ctx, const unsigned char *bytes,
                        size_t size, flax *out)
{
    (void)bytes;
    (void)size;
    (void)out;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "Flax files: this drift was built without msgpack-c");
}

#endif

drift_status flax_open(drift_context *ctx, const char *path, flax *out)
{
    *out = (flax){0};
    drift_status status = file_open_view(ctx, path, &out->view);
    if (status != DRIFT_OK)
        return status;
    status = flax_parse(ctx, out->view.data, out->view.size, out);
    if (status != DRIFT_OK) {
        flax_close(out);
        return error_prefix(ctx, status, "'%s'", path);
    }
    return DRIFT_OK;
}

void flax_close(flax *f)
{
    array_list_free(&f->arrays);
    file_close_view(&f->view);
    *f = (flax){0};
}
