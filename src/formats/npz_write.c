/* Writing .npz: a zip of stored .npy entries, streamed through libarchive into
 * an atomic file. The same arrays give the same bytes: no times, no owners. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"
#include "formats/npy.h"

struct npz_writer {
    drift_context *ctx;
    file_writer *file;
    struct archive *zip;
    size_t left; /* bytes the current array still needs */
    char name[128];
    drift_status status; /* of file_write, inside libarchive */
};

static la_ssize_t write_piece(struct archive *zip, void *data,
                              const void *bytes, size_t size)
{
    npz_writer *w = data;
    if (!w->file) /* aborted: libarchive only clears up */
        return (la_ssize_t)size;
    w->status = file_write(w->file, bytes, size);
    if (w->status == DRIFT_OK)
        return (la_ssize_t)size;
    archive_set_error(zip, EIO, "unable to write");
    return -1;
}

static drift_status zip_failed(npz_writer *w)
{
    if (w->status != DRIFT_OK)
        return w->status;
    const char *text = archive_error_string(w->zip);
    return ERROR(w->ctx, DRIFT_ERROR_IO, "unable to write a npz: %s",
                 text ? text : "libarchive failed");
}

drift_status npz_create(drift_context *ctx, const char *path, npz_writer **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    npz_writer *w = mem_alloc(ctx, 1, sizeof *w);
    if (!w)
        return DRIFT_ERROR_MEMORY;
    w->ctx = ctx;
    TRY(file_create(ctx, path, &w->file));
    w->zip = archive_write_new();
    if (!w->zip)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in libarchive");
    if (archive_write_set_format_zip(w->zip) != ARCHIVE_OK ||
        archive_write_zip_set_compression_store(w->zip) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(w->zip, 1) != ARCHIVE_OK ||
        archive_write_open(w->zip, w, NULL, write_piece, NULL) != ARCHIVE_OK)
        TRY(zip_failed(w));
    *out = w;
    w = NULL;
out:
    npz_abort(w);
    return status;
}

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

static drift_status check_complete(npz_writer *w)
{
    if (w->left)
        return ERROR(w->ctx, DRIFT_ERROR_SHAPE,
                     "npz array '%s' lacks %zu bytes", w->name, w->left);
    return DRIFT_OK;
}

drift_status npz_begin(npz_writer *w, const char *name, array_type type,
                       int ndim, const size_t *dim)
{
    drift_status status = DRIFT_OK;
    unsigned char header[512];
    size_t bytes;
    struct archive_entry *entry = NULL;
    TRY(check_complete(w));
    if (!descr_of(type) || ndim > ARRAY_DIMS ||
        !array_size(type, ndim, dim, &bytes))
        FAIL(w->ctx, DRIFT_ERROR_SHAPE,
             "npz array '%s' of type %s with %d dimensions cannot be written",
             name, array_type_name(type), ndim);
    entry = archive_entry_new();
    if (!entry)
        FAIL(w->ctx, DRIFT_ERROR_MEMORY, "out of memory in libarchive");
    snprintf(w->name, sizeof w->name, "%s.npy", name);
    size_t head = make_header(header, descr_of(type), ndim, dim);
    archive_entry_set_pathname(entry, w->name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)(head + bytes));
    if (archive_write_header(w->zip, entry) != ARCHIVE_OK)
        TRY(zip_failed(w));
    w->left = head + bytes;
    TRY(npz_write(w, header, head));
out:
    archive_entry_free(entry);
    return status;
}

drift_status npz_write(npz_writer *w, const void *data, size_t bytes)
{
    drift_status status = DRIFT_OK;
    if (bytes > w->left)
        FAIL(w->ctx, DRIFT_ERROR_SHAPE, "npz array '%s' is full", w->name);
    const char *p = data;
    while (bytes) {
        /* libarchive takes at most what fits its own block. */
        la_ssize_t n = archive_write_data(w->zip, p, bytes);
        if (n <= 0)
            TRY(zip_failed(w));
        p += n;
        bytes -= (size_t)n;
        w->left -= (size_t)n;
    }
out:
    return status;
}

drift_status npz_commit(npz_writer *w)
{
    drift_status status = DRIFT_OK;
    TRY(check_complete(w));
    if (archive_write_close(w->zip) != ARCHIVE_OK)
        TRY(zip_failed(w));
    status = file_commit(w->file);
    w->file = NULL;
out:
    npz_abort(w);
    return status;
}

void npz_abort(npz_writer *w)
{
    if (!w)
        return;
    file_abort(w->file);
    w->file = NULL;
    if (w->zip) {
        /* Failed, so that closing does not fill up an array begun; closed,
         * since freeing a failed one would lose its buffer. */
        (void)archive_write_fail(w->zip);
        (void)archive_write_close(w->zip);
        (void)archive_write_free(w->zip);
    }
    mem_free(w);
}
