/* From the nodes of a pickle to arrays (networks-and-formats 6.3, 6.5). The
 * tree is walked by depth, each name on the way joined to a path. Shared parts
 * are found under each of their paths, within a bound: a few hundred bytes
 * could name 2^40 of them. */
#include "formats/torch_tree.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/npy.h"

#define MAX_DEPTH   64
#define MAX_SHARING 16 /* steps of the walk for each object in the pickle */
#define MAX_COPIES  4  /* of the file's size: what is copied in all */

typedef struct reader {
    drift_context *ctx;
    array_list *out;
    const torch_storages *storages;
    size_t steps, bytes;       /* that may still be walked, copied */
    char unread[128];          /* the first global that is not known, */
    char *where;               /* and its path */
    char name[ARRAY_NAME + 1]; /* the path so far */
} reader;

static drift_status bad(reader *r, const char *what)
{
    return ERROR(r->ctx, DRIFT_ERROR_FORMAT, "tensor '%s': %s", r->name, what);
}

/* -- nodes: NULL and what is of another kind are 0 ------------------------ */

static const pickle_node *at(const pickle_node *n, size_t i)
{
    return n && n->kind == PICKLE_TUPLE && i < n->count ? n->items[i] : NULL;
}

static int is_global(const pickle_node *n, const char *name)
{
    return pickle_is(n, PICKLE_GLOBAL, name);
}

/* The arguments of the call of `name` that the object is. */
static const pickle_node *call(const pickle_node *n, const char *name)
{
    return n && n->kind == PICKLE_OBJECT && is_global(n->items[0], name)
               ? n->items[1]
               : NULL;
}

static int to_size(const pickle_node *n, size_t *out)
{
    if (!n || n->kind != PICKLE_INTEGER || n->number < 0 ||
        (uint64_t)n->number > SIZE_MAX / 2)
        return 0;
    *out = (size_t)n->number;
    return 1;
}

static int to_sizes(const pickle_node *n, int *count, size_t out[ARRAY_DIMS])
{
    if (!n || n->kind != PICKLE_TUPLE || n->count > ARRAY_DIMS)
        return 0;
    for (size_t i = 0; i < n->count; i++)
        if (!to_size(n->items[i], &out[i]))
            return 0;
    *count = (int)n->count;
    return 1;
}

/* -- tensors -------------------------------------------------------------- */

static const struct {
    const char *name;
    array_type type;
} known[] = {
    {"torch\nFloatStorage", ARRAY_F32},     {"torch\nHalfStorage", ARRAY_F16},
    {"torch\nBFloat16Storage", ARRAY_BF16}, {"torch\nDoubleStorage", ARRAY_F64},
    {"torch\nLongStorage", ARRAY_I64},      {"torch\nIntStorage", ARRAY_I32},
    {"torch\nShortStorage", ARRAY_I16},     {"torch\nCharStorage", ARRAY_I8},
    {"torch\nByteStorage", ARRAY_U8},       {"torch\nBoolStorage", ARRAY_BOOL}};

const char *torch_storage_class(array_type type)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].type == type)
            return known[i].name;
    return NULL;
}

/* ('storage', class, key, device, elements), in the older form with a sixth
 * that is None: in the files of before torch 0.4 it could be a part of another
 * storage. */
int torch_storage_of(const pickle_node *id, torch_storage *out)
{
    const pickle_node *t =
        id && id->kind == PICKLE_PERSISTENT ? id->items[0] : NULL;
    const pickle_node *key = at(t, 2), *part = at(t, 5);
    if (!pickle_is(at(t, 0), PICKLE_TEXT, "storage") || !key ||
        key->kind != PICKLE_TEXT || !to_size(at(t, 4), &out->count) ||
        (part && part->kind != PICKLE_OTHER))
        return 0;
    out->key = key->text;
    out->length = key->length;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_global(at(t, 1), known[i].name)) {
            out->type = known[i].type;
            return 1;
        }
    return 0;
}

/* Whether the elements from `first` on lie in a storage of `count`. */
static int inside(const array *a, size_t first, const size_t *stride,
                  size_t count)
{
    if (first >= count)
        return 0;
    size_t left = count - 1 - first; /* after the last one */
    for (int d = 0; d < a->ndim; d++) {
        size_t steps = a->dim[d] - 1;
        if (steps && stride[d] > left / steps)
            return 0;
        left -= steps * stride[d];
    }
    return 1;
}

/* Room for a copy. */
static drift_status spend(reader *r, size_t bytes)
{
    if (bytes > r->bytes)
        return bad(r, "it and what was copied before need far more bytes than "
                      "the file has");
    r->bytes -= bytes;
    return DRIFT_OK;
}

/* (storage, first element, shape, strides, ...) */
static drift_status read_tensor(reader *r, const pickle_node *t)
{
    drift_status status = DRIFT_OK;
    torch_storage s;
    array a = {0};
    size_t first = 0, stride[ARRAY_DIMS], bytes;
    int strides;
    if (!torch_storage_of(at(t, 0), &s))
        TRY(bad(r, "its storage is not a whole one of a known type (Float, "
                   "Half, BFloat16, Double, Long, Int, Short, Char, Byte, "
                   "Bool)"));
    a.type = s.type;
    if (!to_size(at(t, 1), &first) || !to_sizes(at(t, 2), &a.ndim, a.dim) ||
        !to_sizes(at(t, 3), &strides, stride) || strides != a.ndim)
        TRY(bad(r, "its offset, shape and strides are not integers >= 0, or "
                   "more than 8"));
    const zip_entry *e =
        zip_find(r->storages->items, r->storages->count, s.key, s.length);
    size_t size = array_type_size(a.type);
    if (!e || !e->data)
        FAIL(r->ctx, DRIFT_ERROR_FORMAT,
             "tensor '%s': its storage '%.*s' is not in the file", r->name,
             s.length < 64 ? (int)s.length : 64, s.key);
    if (s.count > e->size / size)
        TRY(bad(r, "its storage is shorter than it says"));
    if (!array_size(a.type, a.ndim, a.dim, &bytes) ||
        (bytes && !inside(&a, first, stride, s.count)))
        TRY(bad(r, "it reaches beyond its storage"));
    a.data = bytes ? e->data + first * size : e->data;
    if (bytes && !array_is_dense(&a, stride)) {
        TRY(spend(r, bytes));
        TRY(array_gather(r->ctx, &a, a.data, stride));
    }
    TRY(array_list_add(r->ctx, r->out, r->name, &a));
out:
    return status;
}

/* -- NumPy's arrays ------------------------------------------------------- */

/* Python 2 has no bytes: they are characters up to 255, as UTF-8. */
static int from_latin1(const pickle_node *text, unsigned char *out, size_t size)
{
    const unsigned char *p = (const unsigned char *)text->text;
    size_t left = text->length, n = 0;
    while (left && n < size) {
        size_t two = *p >= 0x80;
        if (two && (left < 2 || (p[0] & 0xfe) != 0xc2 || p[1] >> 6 != 2))
            return 0;
        out[n++] = two ? (unsigned char)(p[0] << 6 | (p[1] & 0x3f)) : *p;
        p += 1 + two;
        left -= 1 + two;
    }
    return !left && n == size;
}

/* dtype('f4', ...) with the state (3, '<', ...). */
static int numpy_type(const pickle_node *n, array_type *type)
{
    const pickle_node *name = at(call(n, "numpy\ndtype"), 0);
    const pickle_node *order = n ? at(n->state, 1) : NULL;
    char descr[8];
    int swap;
    if (!name || name->kind != PICKLE_TEXT || name->length > 4 || !order ||
        order->kind != PICKLE_TEXT || order->length != 1)
        return 0;
    snprintf(descr, sizeof descr, "%c%.*s", order->text[0], (int)name->length,
             name->text);
    return npy_type(descr, type, &swap) && !swap;
}

/* The state: (1, shape, dtype, whether column-major, bytes). */
static drift_status read_numpy(reader *r, const pickle_node *state)
{
    drift_status status = DRIFT_OK;
    array a = {0};
    unsigned char *data = NULL;
    size_t bytes, stride[ARRAY_DIMS];
    const pickle_node *order = at(state, 3);
    const pickle_node *encoded = call(at(state, 4), "_codecs\nencode");
    const pickle_node *text = at(encoded, 0);
    if (!numpy_type(at(state, 2), &a.type) || !order ||
        order->kind != PICKLE_BOOL)
        TRY(bad(r, "a NumPy array, but not of a little-endian type f2 to f8, "
                   "i1 to i8, u1 to u8 or b1"));
    if (!to_sizes(at(state, 1), &a.ndim, a.dim) ||
        !array_size(a.type, a.ndim, a.dim, &bytes))
        TRY(bad(r, "a NumPy array whose shape is not up to 8 integers >= 0"));
    if (bytes && (!text || text->kind != PICKLE_TEXT || bytes > text->length ||
                  !pickle_is(at(encoded, 1), PICKLE_TEXT, "latin1")))
        TRY(bad(r, "a NumPy array without its bytes"));
    TRY(spend(r, bytes));
    data = mem_alloc(r->ctx, bytes, 1);
    if (!data) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (bytes && !from_latin1(text, data, bytes))
        TRY(bad(r, "a NumPy array whose shape and bytes disagree"));
    a.data = a.owned = data;
    if (bytes && order->number) {
        array_columns(&a, stride);
        TRY(array_gather(r->ctx, &a, data, stride));
    } else {
        data = NULL;
    }
    TRY(array_list_add(r->ctx, r->out, r->name, &a));
out:
    mem_free(data);
    return status;
}

/* -- the tree ------------------------------------------------------------- */

static drift_status walk(reader *r, const pickle_node *n, int depth);

static drift_status walk_child(reader *r, const char *key, size_t size,
                               const pickle_node *n, int depth)
{
    long used = array_name_join(r->name, key, size);
    if (used < 0)
        return bad(r, "a name inside is longer than 4096 bytes or holds a NUL");
    drift_status status = walk(r, n, depth);
    r->name[used] = '\0';
    return status;
}

static drift_status walk_number(reader *r, int64_t key, const pickle_node *n,
                                int depth)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)key);
    return walk_child(r, text, strlen(text), n, depth);
}

/* Keys and values from the i-th on; keys of other kinds name no tensor. */
static drift_status walk_pairs(reader *r, const pickle_node *n, size_t i,
                               int depth)
{
    drift_status status = DRIFT_OK;
    for (; i + 1 < n->count; i += 2) {
        const pickle_node *key = n->items[i];
        if (key->kind == PICKLE_TEXT)
            TRY(walk_child(r, key->text, key->length, n->items[i + 1], depth));
        else if (key->kind == PICKLE_INTEGER)
            TRY(walk_number(r, key->number, n->items[i + 1], depth));
    }
out:
    return status;
}

static drift_status walk_list(reader *r, const pickle_node *n, int depth)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < n->count; i++)
        TRY(walk_number(r, (int64_t)i, n->items[i], depth));
out:
    return status;
}

/* What makes tensors that are not read: sparse or quantized ones, of 8-bit
 * floats, of subclasses. */
static int makes_tensors(const char *name)
{
    return !strncmp(name, "torch._utils._rebuild", 21) ||
           !strncmp(name, "torch._tensor._rebuild", 22);
}

/* An object that is not read: the first one is for the error text. */
static drift_status leave_out(reader *r, const pickle_node *n)
{
    const pickle_node *g =
        n->kind == PICKLE_OBJECT ? n->items[0] : n; /* perhaps no global */
    char text[sizeof r->unread] = "?";
    if (g->kind == PICKLE_GLOBAL) {
        snprintf(text, sizeof text, "%.*s",
                 g->length < sizeof text ? (int)g->length
                                         : (int)sizeof text - 1,
                 g->text);
        char *line = strchr(text, '\n');
        if (line)
            *line = '.';
    }
    if (makes_tensors(text))
        log_warning(r->ctx,
                    "tensor '%s' is left out: what %s makes is not read",
                    r->name, text);
    else
        log_debug(r->ctx, "torch: '%s', a %s, is left out", r->name, text);
    if (r->where)
        return DRIFT_OK;
    memcpy(r->unread, text, sizeof text);
    r->where = mem_strdup(r->ctx, r->name);
    return r->where ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static drift_status walk_object(reader *r, const pickle_node *n, int depth)
{
    const pickle_node *args;
    if (is_global(n->items[0], "collections\nOrderedDict"))
        return walk_pairs(r, n, 2, depth);
    if ((args = call(n, "torch._utils\n_rebuild_tensor_v2")) ||
        (args = call(n, "torch._utils\n_rebuild_tensor")))
        return read_tensor(r, args);
    if ((args = call(n, "torch._utils\n_rebuild_parameter")) && at(args, 0))
        return walk(r, at(args, 0), depth);
    if (call(n, "numpy.core.multiarray\n_reconstruct") ||
        call(n, "numpy._core.multiarray\n_reconstruct"))
        return read_numpy(r, n->state);
    return leave_out(r, n);
}

static drift_status walk(reader *r, const pickle_node *n, int depth)
{
    if (depth == MAX_DEPTH)
        return bad(r, "objects inside each other more than 64 deep");
    if (r->steps-- == 0)
        return bad(r, "objects are shared too often, or parts of themselves");
    switch (n->kind) {
    case PICKLE_DICT:
        return walk_pairs(r, n, 0, depth + 1);
    case PICKLE_LIST:
    case PICKLE_TUPLE:
        return walk_list(r, n, depth + 1);
    case PICKLE_OBJECT:
        return walk_object(r, n, depth + 1);
    case PICKLE_GLOBAL:
    case PICKLE_PERSISTENT:
        return leave_out(r, n);
    default:
        return DRIFT_OK;
    }
}

drift_status torch_tree(drift_context *ctx, const pickle *p,
                        const torch_storages *storages, size_t file_size,
                        array_list *out)
{
    drift_status status = DRIFT_OK;
    reader *r = mem_alloc(ctx, 1, sizeof *r);
    if (!r)
        return DRIFT_ERROR_MEMORY;
    r->ctx = ctx;
    r->out = out;
    r->storages = storages;
    r->steps = p->count * MAX_SHARING;
    r->bytes =
        file_size < SIZE_MAX / MAX_COPIES ? file_size * MAX_COPIES : SIZE_MAX;
    TRY(walk(r, p->root, 0));
    if (!out->count && r->where)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "no tensor in it; %s%s%s is made by %s, which is not read (a "
             "state_dict is)",
             *r->where ? "'" : "what it holds", r->where, *r->where ? "'" : "",
             r->unread);
    if (!out->count)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "no tensor in it");
out:
    mem_free(r->where);
    mem_free(r);
    return status;
}
