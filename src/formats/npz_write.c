/* An entry of a .npz: the header of a .npy before its elements. */
#include <stdio.h>
#include <string.h>

#include "formats/npy.h"

static const char *descr_of(array_type type)
{
    static const char *const names[ARRAY_TYPES] = {
        [ARRAY_F32] = "<f4", [ARRAY_F64] = "<f8", [ARRAY_F16] = "<f2",
        [ARRAY_I8] = "|i1",  [ARRAY_I16] = "<i2", [ARRAY_I32] = "<i4",
        [ARRAY_I64] = "<i8", [ARRAY_U8] = "|u1",  [ARRAY_U16] = "<u2",
        [ARRAY_U32] = "<u4", [ARRAY_U64] = "<u8", [ARRAY_BOOL] = "|b1"};
    return names[type];
}

/* Version 1 header, padded with blanks to a multiple of 64. */
static size_t make_header(unsigned char out[512], const char *descr, int ndim,
                          const size_t *dim)
{
    char *text = (char *)out + 10;
    int n = snprintf(text, 400,
                     "{'descr': '%s', 'fortran_order': False, "
                     "'shape': (",
                     descr);
    for (int i = 0; i < ndim; i++)
        n +=
            snprintf(text + n, 400 - (size_t)n, "%s%zu", i ? ", " : "", dim[i]);
    n += snprintf(text + n, 400 - (size_t)n, "%s), }", ndim == 1 ? "," : "");
    size_t total = (10 + (size_t)n + 1 + 63) / 64 * 64;
    memset(text + n, ' ', total - 10 - (size_t)n);
    out[total - 1] = '\n';
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)((total - 10) & 255);
    out[9] = (unsigned char)((total - 10) >> 8);
    return total;
}

drift_status npz_begin(zip_writer *w, const char *name, array_type type,
                       int ndim, const size_t *dim)
{
    drift_status status = DRIFT_OK;
    unsigned char header[512];
    char file[128];
    size_t bytes;
    if ((size_t)snprintf(file, sizeof file, "%s.npy", name) >= sizeof file)
        FAIL(zip_context(w), DRIFT_ERROR_SHAPE,
             "npz array '%s': its name is too long", name);
    if (!descr_of(type) || ndim > ARRAY_DIMS ||
        !array_size(type, ndim, dim, &bytes))
        FAIL(zip_context(w), DRIFT_ERROR_SHAPE,
             "npz array '%s' of type %s with %d dimensions cannot be written",
             name, array_type_name(type), ndim);
    size_t head = make_header(header, descr_of(type), ndim, dim);
    TRY(zip_begin(w, file, head + bytes));
    TRY(zip_write(w, header, head));
out:
    return status;
}

drift_status npz_put(zip_writer *w, const char *name, array_type type, int ndim,
                     const size_t *dim, const void *data)
{
    size_t bytes = 0;
    drift_status status = npz_begin(w, name, type, ndim, dim);
    if (status != DRIFT_OK)
        return status;
    (void)array_size(type, ndim, dim, &bytes); /* npz_begin found it fit */
    return zip_write(w, data, bytes);
}
