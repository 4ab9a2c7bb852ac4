/* IDX files. Plain and compressed ones take the same way, through unpack. */
#include "formats/idx.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/unpack.h"

static int type_of(unsigned code)
{
    switch (code) {
    case 0x08:
        return ARRAY_U8;
    case 0x09:
        return ARRAY_I8;
    case 0x0b:
        return ARRAY_I16;
    case 0x0c:
        return ARRAY_I32;
    case 0x0d:
        return ARRAY_F32;
    case 0x0e:
        return ARRAY_F64;
    default:
        return -1;
    }
}

static drift_status read_header(drift_context *ctx, const char *name,
                                unpack *from, array *out)
{
    drift_status status = DRIFT_OK;
    unsigned char head[4], dims[4 * ARRAY_DIMS];
    size_t got;
    TRY(unpack_read(from, head, 4, &got));
    int type = got == 4 && !head[0] && !head[1] ? type_of(head[2]) : -1;
    if (type < 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s' is not an IDX file: it does not begin with 0, 0 and a type "
             "from 8 to 14",
             name);
    if (head[3] == 0 || head[3] > ARRAY_DIMS)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': IDX with %d dimensions; allowed are 1 to %d", name, head[3],
             ARRAY_DIMS);
    *out = (array){.type = (array_type)type, .ndim = head[3]};
    TRY(unpack_read(from, dims, 4u * head[3], &got));
    if (got < 4u * head[3])
        FAIL(ctx, DRIFT_ERROR_FORMAT, "'%s' is cut in its header", name);
    for (int i = 0; i < out->ndim; i++)
        for (int k = 0; k < 4; k++)
            out->dim[i] = out->dim[i] << 8 | dims[4 * i + k];
out:
    return status;
}

static drift_status read_array(drift_context *ctx, const char *name,
                               unpack *from, array *out)
{
    drift_status status = DRIFT_OK;
    unsigned char *data = NULL, beyond;
    size_t bytes, got;
    TRY(read_header(ctx, name, from, out));
    if (!array_size(out->type, out->ndim, out->dim, &bytes) ||
        bytes > unpack_limit(from))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': the sizes in its IDX header need more bytes than the file "
             "can hold",
             name);
    data = mem_alloc(ctx, bytes, 1);
    if (!data) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(unpack_read(from, data, bytes, &got));
    if (got < bytes)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s' is cut: %zu bytes of data, its header needs %zu", name, got,
             bytes);
    TRY(unpack_read(from, &beyond, 1, &got));
    if (got)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s' goes on after the %zu bytes of data that its header names",
             name, bytes);
    size_t size = array_type_size(out->type);
    for (size_t i = 0; size > 1 && i < bytes; i += size)
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char swap = data[i + k];
            data[i + k] = data[i + size - 1 - k];
            data[i + size - 1 - k] = swap;
        }
    out->data = out->owned = data;
    data = NULL;
out:
    mem_free(data);
    return status;
}

drift_status idx_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size, array *out)
{
    drift_status status = DRIFT_OK;
    unpack *from = NULL;
    const char *entry;
    *out = (array){0};
    TRY(unpack_open(ctx, name, data, size, UNPACK_GZ, &from));
    TRY(unpack_next(from, &entry));
    TRY(read_array(ctx, name, from, out));
out:
    unpack_close(from);
    return status;
}

drift_status idx_read(drift_context *ctx, const char *path, array *out)
{
    file_view view;
    *out = (array){0};
    drift_status status = file_open_view(ctx, path, &view);
    if (status == DRIFT_OK) {
        status = idx_parse(ctx, path, view.data, view.size, out);
        file_close_view(&view);
    }
    return status;
}
