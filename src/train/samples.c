/* Files of samples: PNG, sheets, pictures of points, npz. */
#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/image.h"
#include "plot/plot.h"

drift_status drift_write_png(drift_context *ctx, const char *path,
                             const unsigned char *pixels, size_t height,
                             size_t width, size_t channels)
{
    drift_status status = DRIFT_OK;
    image img = {
        .height = (int)height, .width = (int)width, .channels = (int)channels};
    if (!height || !width || height > INT_MAX || width > INT_MAX ||
        (channels != 1 && channels != 3))
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "png: an image of %zu x %zu with %zu channels", height,
                     width, channels);
    img.pixels = mem_alloc(ctx, height * width, channels);
    if (!img.pixels)
        return DRIFT_ERROR_MEMORY;
    memcpy(img.pixels, pixels, height * width * channels);
    status = image_write_png(ctx, path, &img);
    image_free(&img);
    return status;
}

drift_status drift_write_sheet(drift_context *ctx, const char *path,
                               const unsigned char *images, size_t count,
                               size_t columns, size_t height, size_t width,
                               size_t channels, int enlarge)
{
    drift_status status = DRIFT_OK;
    size_t bytes = height * width * channels, rows;
    unsigned char *all = NULL;
    if (!count || !columns)
        return ERROR(ctx, DRIFT_ERROR_SHAPE, "sheet: no images");
    rows = (count + columns - 1) / columns;
    /* The last row is filled up with black. */
    all = mem_alloc(ctx, rows * columns, bytes);
    if (!all)
        return DRIFT_ERROR_MEMORY;
    memcpy(all, images, count * bytes);
    status = plot_sheet(ctx, path, all, rows, columns, height, width, channels,
                        enlarge);
    mem_free(all);
    return status;
}

drift_status drift_write_points(drift_context *ctx, const char *path,
                                const float *points, const int32_t *labels,
                                size_t count)
{
    plot_cloud cloud = {
        .name = "samples", .xy = points, .group = labels, .count = count};
    plot_square square = {
        .title = "samples", .clouds = &cloud, .cloud_count = 1};
    return plot_points(ctx, path, &square, 1, 1);
}

/* -- npz ---------------------------------------------------------------- */

struct drift_npz {
    drift_context *ctx;
    file_writer *file;
    struct archive *archive;
    size_t count, added;
    size_t bytes; /* of a sample */
    int points;
    int32_t *labels;
    float *alpha;
};

static la_ssize_t give(struct archive *a, void *data, const void *bytes,
                       size_t size)
{
    drift_npz *z = data;
    (void)a;
    return file_write(z->file, bytes, size) == DRIFT_OK ? (la_ssize_t)size : -1;
}

/* The failed write has its own text; else libarchive's. */
static drift_status archive_failed(drift_npz *z)
{
    if (drift_error_code(z->ctx) != DRIFT_OK)
        return drift_error_code(z->ctx);
    const char *text = archive_error_string(z->archive);
    return ERROR(z->ctx, DRIFT_ERROR_IO, "npz: %s",
                 text ? text : "unable to write");
}

static drift_status put(drift_npz *z, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        la_ssize_t n = archive_write_data(z->archive, p, size);
        if (n <= 0)
            return archive_failed(z);
        p += n;
        size -= (size_t)n;
    }
    return DRIFT_OK;
}

/* Begin member NAME.npy of the given type, "<f4", and shape, "3, 2". */
static drift_status begin_array(drift_npz *z, const char *name,
                                const char *type, const char *shape,
                                size_t bytes)
{
    drift_status status = DRIFT_OK;
    char head[192];
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return ERROR(z->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    /* npy 1.0: magic, version, length of the text, text up to a multiple of
     * 64 with a line end last. */
    int n = snprintf(head + 10, sizeof head - 10,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), "
                     "}",
                     type, shape);
    size_t whole = (10 + (size_t)n + 1 + 63) / 64 * 64;
    memcpy(head, "\x93NUMPY\x01\x00", 8);
    head[8] = (char)((whole - 10) & 0xff);
    head[9] = (char)((whole - 10) >> 8);
    memset(head + 10 + n, ' ', whole - 10 - (size_t)n);
    head[whole - 1] = '\n';

    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)(whole + bytes));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (archive_write_header(z->archive, entry) != ARCHIVE_OK) {
        status = archive_failed(z);
        goto out;
    }
    TRY(put(z, head, whole));
out:
    archive_entry_free(entry);
    return status;
}

drift_status drift_npz_create(drift_context *ctx, const char *path,
                              const drift_model_info *info, size_t count,
                              drift_npz **out)
{
    drift_status status = DRIFT_OK;
    char shape[96];
    size_t height = (size_t)info->height, width = (size_t)info->width;
    size_t channels = (size_t)info->channels;
    drift_npz *z = mem_alloc(ctx, 1, sizeof *z);
    *out = NULL;
    if (!z)
        return DRIFT_ERROR_MEMORY;
    z->ctx = ctx;
    z->count = count;
    z->points = info->points;
    z->bytes = info->numbers * (info->points ? sizeof(float) : 1);
    z->labels = mem_alloc(ctx, count, sizeof *z->labels);
    z->alpha = mem_alloc(ctx, count, sizeof *z->alpha);
    if (!z->labels || !z->alpha) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(file_create(ctx, path, &z->file));
    z->archive = archive_write_new();
    if (!z->archive)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    if (archive_write_set_format_zip(z->archive) != ARCHIVE_OK ||
        archive_write_zip_set_compression_store(z->archive) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(z->archive, 1) != ARCHIVE_OK ||
        archive_write_open(z->archive, z, NULL, give, NULL) != ARCHIVE_OK) {
        status = archive_failed(z);
        goto out;
    }
    if (info->points) {
        snprintf(shape, sizeof shape, "%zu, %zu", count, channels);
        TRY(begin_array(z, "points.npy", "<f4", shape, count * z->bytes));
    } else {
        snprintf(shape, sizeof shape, "%zu, %zu, %zu, %zu", count, height,
                 width, channels);
        TRY(begin_array(z, "images.npy", "|u1", shape, count * z->bytes));
    }
    *out = z;
    z = NULL;
out:
    drift_npz_abort(z);
    return status;
}

/* Numbers of 4 bytes, least significant first, as npy's '<' says. */
static drift_status put_words(drift_npz *z, const void *words, size_t count)
{
    unsigned char piece[4096];
    drift_status status = DRIFT_OK;
    const char *from = words;
    while (count) {
        size_t n = count < sizeof piece / 4 ? count : sizeof piece / 4;
        for (size_t i = 0; i < n; i++, from += 4) {
            uint32_t w;
            memcpy(&w, from, 4);
            for (int k = 0; k < 4; k++)
                piece[4 * i + (size_t)k] = (unsigned char)(w >> 8 * k);
        }
        TRY(put(z, piece, 4 * n));
        count -= n;
    }
out:
    return status;
}

drift_status drift_npz_add(drift_npz *z, const void *samples,
                           const int32_t *labels, const float *alpha,
                           size_t count)
{
    drift_status status = DRIFT_OK;
    if (count > z->count - z->added)
        FAIL(z->ctx, DRIFT_ERROR_USAGE, "npz: %zu samples for a file of %zu",
             z->added + count, z->count);
    memcpy(z->labels + z->added, labels, count * sizeof *labels);
    memcpy(z->alpha + z->added, alpha, count * sizeof *alpha);
    z->added += count;
    if (z->points)
        TRY(put_words(z, samples, count * z->bytes / 4));
    else
        TRY(put(z, samples, count * z->bytes));
out:
    return status;
}

drift_status drift_npz_commit(drift_npz *z)
{
    drift_status status = DRIFT_OK;
    char shape[32];
    if (z->added != z->count)
        FAIL(z->ctx, DRIFT_ERROR_USAGE, "npz: %zu samples for a file of %zu",
             z->added, z->count);
    snprintf(shape, sizeof shape, "%zu,", z->count);
    TRY(begin_array(z, "labels.npy", "<i4", shape, 4 * z->count));
    TRY(put_words(z, z->labels, z->count));
    TRY(begin_array(z, "alpha.npy", "<f4", shape, 4 * z->count));
    TRY(put_words(z, z->alpha, z->count));
    if (archive_write_close(z->archive) != ARCHIVE_OK) {
        status = archive_failed(z);
        goto out;
    }
    status = file_commit(z->file);
    z->file = NULL;
out:
    drift_npz_abort(z);
    return status;
}

void drift_npz_abort(drift_npz *z)
{
    if (!z)
        return;
    if (z->archive) {
        /* Close without the bytes that closing would still write. */
        (void)archive_write_fail(z->archive);
        (void)archive_write_free(z->archive);
    }
    file_abort(z->file);
    mem_free(z->labels);
    mem_free(z->alpha);
    mem_free(z);
}
