/* Files of samples: PNG, sheets, pictures of points, npz. */
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "formats/image.h"
#include "formats/npy.h"
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

/* An image that plot_sheet enlarges by itself stays below this, gap and all. */
#define CELL ((size_t)192)

/* Sheets of very many images are not enlarged. */
static int enlargement(size_t rows, size_t columns, int enlarge)
{
    size_t most = IMAGE_MAX_PIXELS / CELL / CELL;
    return !enlarge && rows + 1 > most / (columns + 1) ? 1 : enlarge;
}

drift_status drift_sheet_check(drift_context *ctx, size_t count, size_t columns,
                               size_t height, size_t width, int enlarge)
{
    size_t most = IMAGE_MAX_PIXELS, times = enlarge > 0 ? (size_t)enlarge : 1;
    size_t gap = times < 2 ? 2 : times, rows, h, w;
    if (!count || !columns || !height || !width || enlarge < 0)
        return ERROR(ctx, DRIFT_ERROR_SHAPE, "sheet: no images");
    if (columns > count)
        columns = count;
    rows = (count - 1) / columns + 1;
    if (rows <= most && columns <= most && height <= most && width <= most &&
        times <= most) {
        h = height * times + gap;
        w = width * times + gap;
        if (h <= most / rows && w <= most / columns &&
            gap + rows * h <= most / (gap + columns * w))
            return DRIFT_OK;
    }
    return ERROR(ctx, DRIFT_ERROR_SHAPE,
                 "a sheet of %zu x %zu images of %zu x %zu pixels is too "
                 "large; allowed are %zu pixels in all",
                 rows, columns, height, width, most);
}

drift_status drift_write_sheet(drift_context *ctx, const char *path,
                               const unsigned char *images, size_t count,
                               size_t columns, size_t height, size_t width,
                               size_t channels, int enlarge)
{
    drift_status status = DRIFT_OK;
    size_t bytes = height * width * channels, rows;
    unsigned char *all = NULL;
    TRY(drift_sheet_check(ctx, count, columns, height, width, enlarge));
    if (columns > count)
        columns = count;
    rows = (count - 1) / columns + 1;
    all = mem_alloc(ctx, rows * columns, bytes);
    if (!all)
        return DRIFT_ERROR_MEMORY;
    memcpy(all, images, count * bytes);
    /* The last row is filled up with the colour of the gaps. */
    memset(all + count * bytes, 255, (rows * columns - count) * bytes);
    TRY(plot_sheet(ctx, path, all, rows, columns, height, width, channels,
                   enlargement(rows, columns, enlarge)));
out:
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
    zip_writer *file;
    size_t count, added;
    size_t bytes; /* of a sample */
    int32_t *labels;
    float *alpha;
};

drift_status drift_npz_create(drift_context *ctx, const char *path,
                              const drift_model_info *info, size_t count,
                              drift_npz **out)
{
    drift_status status = DRIFT_OK;
    size_t shape[] = {count, (size_t)info->height, (size_t)info->width,
                      (size_t)info->channels};
    size_t point[] = {count, (size_t)info->channels};
    drift_npz *z = mem_alloc(ctx, 1, sizeof *z);
    *out = NULL;
    if (!z)
        return DRIFT_ERROR_MEMORY;
    z->ctx = ctx;
    z->count = count;
    z->bytes = info->numbers * (info->points ? sizeof(float) : 1);
    z->labels = mem_alloc(ctx, count, sizeof *z->labels);
    z->alpha = mem_alloc(ctx, count, sizeof *z->alpha);
    if (!z->labels || !z->alpha) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(zip_create(ctx, path, &z->file));
    TRY(info->points ? npz_begin(z->file, "points", ARRAY_F32, 2, point)
                     : npz_begin(z->file, "images", ARRAY_U8, 4, shape));
    *out = z;
    z = NULL;
out:
    drift_npz_abort(z);
    return status;
}

drift_status drift_npz_add(drift_npz *z, const void *samples,
                           const int32_t *labels, const float *alpha,
                           size_t count)
{
    drift_status status = DRIFT_OK;
    TRY(zip_write(z->file, samples, count * z->bytes));
    memcpy(z->labels + z->added, labels, count * sizeof *labels);
    memcpy(z->alpha + z->added, alpha, count * sizeof *alpha);
    z->added += count;
out:
    return status;
}

drift_status drift_npz_commit(drift_npz *z)
{
    drift_status status = DRIFT_OK;
    TRY(npz_put(z->file, "labels", ARRAY_I32, 1, &z->count, z->labels));
    TRY(npz_put(z->file, "alpha", ARRAY_F32, 1, &z->count, z->alpha));
    status = zip_commit(z->file);
    z->file = NULL;
out:
    drift_npz_abort(z);
    return status;
}

void drift_npz_abort(drift_npz *z)
{
    if (!z)
        return;
    zip_abort(z->file);
    mem_free(z->labels);
    mem_free(z->alpha);
    mem_free(z);
}
