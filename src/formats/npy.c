/* Reading .npy and .npz. The header of a .npy is a Python literal
 * {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }: parsed as that
 * dictionary with those three keys and nothing else. */
#include "formats/npy.h"

#include <string.h>

#include "base/mem.h"
#include "formats/unpack.h"

#define MAX_HEADER 65536

/* A source of bytes: memory, or a file of an archive. */
typedef struct source {
    const unsigned char *data;
    size_t left;
    unpack *from; /* or NULL */
} source;

typedef struct header {
    array_type type;
    int swap, fortran, ndim;
    size_t dim[ARRAY_DIMS];
} header;

static drift_status take(source *s, void *out, size_t size, size_t *got)
{
    if (s->from)
        return unpack_read(s->from, out, size, got);
    *got = size < s->left ? size : s->left;
    if (*got) /* a call with NULL is undefined */
        memcpy(out, s->data, *got);
    s->data += *got;
    s->left -= *got;
    return DRIFT_OK;
}

/* -- the header's text -------------------------------------------------------
 * Each reader returns the place after what it read, or NULL. */

static const char *blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

static const char *symbol(const char *p, char c)
{
    if (!p)
        return NULL;
    p = blanks(p);
    return *p == c ? p + 1 : NULL;
}

static const char *string(const char *p, char out[16])
{
    p = blanks(p);
    char quote = *p;
    if (quote != '\'' && quote != '"')
        return NULL;
    p++;
    size_t n = 0;
    while (*p != quote) {
        if (!*p || *p == '\\' || n == 15)
            return NULL;
        out[n++] = *p++;
    }
    out[n] = '\0';
    return p + 1;
}

static const char *number(const char *p, size_t *out)
{
    p = blanks(p);
    if (*p < '0' || *p > '9')
        return NULL;
    size_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (v > (SIZE_MAX / 2 - 9) / 10)
            return NULL;
        v = 10 * v + (size_t)(*p - '0');
    }
    *out = v;
    return *p == 'L' ? p + 1 : p; /* Python 2 */
}

static const char *shape(const char *p, header *h)
{
    p = symbol(p, '(');
    h->ndim = 0;
    while (p && *blanks(p) != ')') {
        if (h->ndim == ARRAY_DIMS)
            return NULL;
        p = number(p, &h->dim[h->ndim++]);
        if (p && *blanks(p) != ')')
            p = symbol(p, ',');
        else if (p && h->ndim == 1)
            return NULL; /* (3) is a number, not a tuple */
    }
    return symbol(p, ')');
}

static const char *order(const char *p, header *h)
{
    p = blanks(p);
    h->fortran = !strncmp(p, "True", 4);
    if (h->fortran)
        return p + 4;
    return strncmp(p, "False", 5) ? NULL : p + 5;
}

int npy_type(const char *descr, array_type *type, int *swap)
{
    static const struct {
        const char *name;
        array_type type;
    } known[] = {{"f4", ARRAY_F32}, {"f8", ARRAY_F64}, {"f2", ARRAY_F16},
                 {"i1", ARRAY_I8},  {"i2", ARRAY_I16}, {"i4", ARRAY_I32},
                 {"i8", ARRAY_I64}, {"u1", ARRAY_U8},  {"u2", ARRAY_U16},
                 {"u4", ARRAY_U32}, {"u8", ARRAY_U64}, {"b1", ARRAY_BOOL}};
    if (!descr[0] || !strchr("<>|", descr[0]))
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(descr + 1, known[i].name))
            continue;
        size_t size = array_type_size(known[i].type);
        if (descr[0] == '|' && size > 1)
            return 0;
        *type = known[i].type;
        *swap = descr[0] == '>' && size > 1;
        return 1;
    }
    return 0;
}

static drift_status parse_text(drift_context *ctx, const char *text, header *h)
{
    drift_status status = DRIFT_OK;
    int seen[3] = {0, 0, 0};
    char key[16], descr[16] = "";
    const char *p = symbol(text, '{');
    while (p && *blanks(p) != '}') {
        p = string(p, key);
        p = symbol(p, ':');
        int which = !p                              ? -1
                    : !strcmp(key, "descr")         ? 0
                    : !strcmp(key, "fortran_order") ? 1
                    : !strcmp(key, "shape")         ? 2
                                                    : -1;
        if (which < 0 || seen[which]++)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "npy header: expected each of 'descr', 'fortran_order' and "
                 "'shape' once, with plain values");
        if (which == 0 && !string(p, descr))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "npy header: 'descr' is no plain type; structures and objects "
                 "are not read");
        p = which == 0   ? string(p, descr)
            : which == 1 ? order(p, h)
                         : shape(p, h);
        if (p && *blanks(p) != '}')
            p = symbol(p, ',');
    }
    p = symbol(p, '}');
    if (!p || *blanks(p) || !seen[0] || !seen[1] || !seen[2])
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "npy header is not {'descr': ..., 'fortran_order': ..., 'shape': "
             "(...)} with at most %d dimensions",
             ARRAY_DIMS);
    if (!npy_type(descr, &h->type, &h->swap))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "npy type '%s'; known are f2, f4, f8, i1 to i8, u1 to u8 and b1, "
             "little- or big-endian",
             descr);
out:
    return status;
}

static drift_status read_header(drift_context *ctx, source *s, header *h)
{
    drift_status status = DRIFT_OK;
    char *text = NULL;
    unsigned char start[12];
    size_t got, length, long_form;
    TRY(take(s, start, 10, &got));
    if (got < 10 || memcmp(start, "\x93NUMPY", 6))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "not a npy file: it does not begin with \\x93NUMPY");
    if (start[6] < 1 || start[6] > 3)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "npy version %d; known are 1 to 3",
             start[6]);
    long_form = start[6] > 1;
    length = start[8] + 256u * start[9];
    if (long_form) {
        TRY(take(s, start + 10, 2, &got));
        if (got < 2)
            FAIL(ctx, DRIFT_ERROR_FORMAT, "npy header: the file is cut");
        length += ((size_t)start[11] << 24) + ((size_t)start[10] << 16);
    }
    if (length > MAX_HEADER)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "npy header of %zu bytes; at most %d are allowed", length,
             MAX_HEADER);
    text = mem_alloc(ctx, length + 1, 1);
    if (!text) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(take(s, text, length, &got));
    if (got < length)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "npy header: the file is cut");
    if (strlen(text) != length)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "npy header: a NUL byte inside");
    TRY(parse_text(ctx, text, h));
out:
    mem_free(text);
    return status;
}

/* -- the data ----------------------------------------------------------------
 */

static void swap_bytes(unsigned char *p, size_t count, size_t size)
{
    for (; count; count--, p += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char swap = p[i];
            p[i] = p[size - 1 - i];
            p[size - 1 - i] = swap;
        }
}

static drift_status read_array(drift_context *ctx, source *s, size_t limit,
                               const char *name, array_list *out)
{
    drift_status status = DRIFT_OK;
    unsigned char *data = NULL;
    unsigned char beyond;
    header h;
    size_t bytes, got, stride[ARRAY_DIMS];
    TRY(read_header(ctx, s, &h));
    size_t size = array_type_size(h.type);
    if (!array_size(h.type, h.ndim, h.dim, &bytes) || bytes > limit)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "npy header: the shape needs more bytes than the file can hold");
    data = mem_alloc(ctx, bytes, 1);
    if (!data) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(take(s, data, bytes, &got));
    if (got < bytes)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "npy data is cut: %zu bytes of %zu", got,
             bytes);
    /* Reading on to the end also lets the archive check its sum. */
    TRY(take(s, &beyond, 1, &got));
    if (got)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "npy data: bytes after the %zu expected",
             bytes);
    if (h.swap)
        swap_bytes(data, bytes / size, size);
    array a = {.type = h.type, .ndim = h.ndim, .data = data, .owned = data};
    memcpy(a.dim, h.dim, sizeof a.dim);
    if (h.fortran && h.ndim > 1) {
        array_columns(&a, stride);
        TRY(array_gather(ctx, &a, data, stride));
    } else {
        data = NULL;
    }
    TRY(array_list_add(ctx, out, name, &a));
out:
    mem_free(data);
    return status;
}

drift_status npy_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size, array_list *out)
{
    source s = {.data = data, .left = size};
    drift_status status = read_array(ctx, &s, size, "", out);
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "'%s'", name);
}

static drift_status parse_some(drift_context *ctx, const char *name,
                               const unsigned char *data, size_t size,
                               npz_filter *wanted, const void *arg,
                               array_list *out)
{
    drift_status status = DRIFT_OK;
    source s = {0};
    const char *entry;
    char *key = NULL;
    TRY(unpack_open(ctx, name, data, size, UNPACK_ZIP, &s.from));
    for (;;) {
        TRY(unpack_next(s.from, &entry));
        if (!entry)
            break;
        size_t n = strlen(entry);
        if (n < 4 || strcmp(entry + n - 4, ".npy"))
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "'%s' holds '%s'; in a npz file every name ends in .npy", name,
                 entry);
        mem_free(key);
        key = mem_printf(ctx, "%.*s", (int)(n - 4), entry);
        if (!key) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (wanted && !wanted(arg, key))
            continue;
        if (array_list_find(out, key))
            FAIL(ctx, DRIFT_ERROR_FORMAT, "'%s' holds '%s' twice", name, entry);
        status = read_array(ctx, &s, unpack_limit(s.from), key, out);
        if (status != DRIFT_OK) {
            (void)error_prefix(ctx, status, "'%s': '%s'", name, key);
            goto out;
        }
    }
out:
    unpack_close(s.from);
    mem_free(key);
    return status;
}

drift_status npz_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size, array_list *out)
{
    return parse_some(ctx, name, data, size, NULL, NULL, out);
}

drift_status npz_read_some(drift_context *ctx, const char *path,
                           npz_filter *wanted, const void *arg, array_list *out)
{
    file_view view;
    drift_status status = file_open_view(ctx, path, &view);
    if (status == DRIFT_OK) {
        status = parse_some(ctx, path, view.data, view.size, wanted, arg, out);
        file_close_view(&view);
    }
    return status;
}

drift_status npy_read(drift_context *ctx, const char *path, array_list *out)
{
    file_view view;
    drift_status status = file_open_view(ctx, path, &view);
    if (status == DRIFT_OK) {
        status = npy_parse(ctx, path, view.data, view.size, out);
        file_close_view(&view);
    }
    return status;
}

drift_status npz_read(drift_context *ctx, const char *path, array_list *out)
{
    return npz_read_some(ctx, path, NULL, NULL, out);
}
