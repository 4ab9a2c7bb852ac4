/* A stored zip, streamed through libarchive into an atomic file: see
 * zip_write.h. */
#include "formats/zip_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/file.h"
#include "base/mem.h"

struct zip_writer {
    drift_context *ctx;
    file_writer *file;
    struct archive *zip;
    size_t left; /* bytes the current entry still needs */
    char name[128];
    drift_status status; /* of file_write, inside libarchive */
};

static la_ssize_t write_piece(struct archive *zip, void *data,
                              const void *bytes, size_t size)
{
    zip_writer *w = data;
    if (!w->file) /* aborted: libarchive only clears up */
        return (la_ssize_t)size;
    w->status = file_write(w->file, bytes, size);
    if (w->status == DRIFT_OK)
        return (la_ssize_t)size;
    archive_set_error(zip, EIO, "unable to write");
    return -1;
}

static drift_status zip_failed(zip_writer *w)
{
    if (w->status != DRIFT_OK)
        return w->status;
    const char *text = archive_error_string(w->zip);
    return ERROR(w->ctx, DRIFT_ERROR_IO, "unable to write a zip: %s",
                 text ? text : "libarchive failed");
}

drift_status zip_create(drift_context *ctx, const char *path, zip_writer **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    zip_writer *w = mem_alloc(ctx, 1, sizeof *w);
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
    zip_abort(w);
    return status;
}

static drift_status check_complete(zip_writer *w)
{
    if (w->left)
        return ERROR(w->ctx, DRIFT_ERROR_SHAPE, "'%s' lacks %zu bytes", w->name,
                     w->left);
    return DRIFT_OK;
}

drift_status zip_begin(zip_writer *w, const char *name, size_t bytes)
{
    drift_status status = DRIFT_OK;
    struct archive_entry *entry = NULL;
    TRY(check_complete(w));
    entry = archive_entry_new();
    if (!entry)
        FAIL(w->ctx, DRIFT_ERROR_MEMORY, "out of memory in libarchive");
    snprintf(w->name, sizeof w->name, "%s", name);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)bytes);
    if (archive_write_header(w->zip, entry) != ARCHIVE_OK)
        TRY(zip_failed(w));
    w->left = bytes;
out:
    archive_entry_free(entry);
    return status;
}

drift_status zip_write(zip_writer *w, const void *data, size_t bytes)
{
    drift_status status = DRIFT_OK;
    if (bytes > w->left)
        FAIL(w->ctx, DRIFT_ERROR_SHAPE, "'%s' is full", w->name);
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

drift_status zip_commit(zip_writer *w)
{
    drift_status status = DRIFT_OK;
    TRY(check_complete(w));
    if (archive_write_close(w->zip) != ARCHIVE_OK)
        TRY(zip_failed(w));
    status = file_commit(w->file);
    w->file = NULL;
out:
    zip_abort(w);
    return status;
}

void zip_abort(zip_writer *w)
{
    if (!w)
        return;
    file_abort(w->file);
    w->file = NULL;
    if (w->zip) {
        /* Failed, so that closing does not fill up an entry begun; closed,
         * since freeing a failed one would lose its buffer. */
        (void)archive_write_fail(w->zip);
        (void)archive_write_close(w->zip);
        (void)archive_write_free(w->zip);
    }
    mem_free(w);
}

drift_context *zip_context(const zip_writer *w)
{
    return w->ctx;
}
