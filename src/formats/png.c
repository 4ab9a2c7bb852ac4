/* PNG by libpng. libpng reports errors by longjmp, after which locals that
 * changed are lost: what changes is kept in a struct outside the jump. */
#include "formats/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/file.h"
#include "base/mem.h"

typedef struct job {
    const unsigned char *in; /* reading: what is left */
    size_t left;
    unsigned char *out; /* writing: what is there */
    size_t size, room;
    png_bytep *rows;
    int no_memory;
    char text[128];
} job;

static void on_error(png_structp png, png_const_charp text)
{
    job *j = png_get_error_ptr(png);
    snprintf(j->text, sizeof j->text, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    job *j = png_get_mem_ptr(png);
    void *p = mem_alloc(NULL, size, 1);
    j->no_memory |= !p;
    return p;
}

static void release(png_structp png, png_voidp p)
{
    (void)png;
    mem_free(p);
}

static void read_bytes(png_structp png, png_bytep out, size_t size)
{
    job *j = png_get_io_ptr(png);
    if (size > j->left)
        png_error(png, "the file is cut");
    memcpy(out, j->in, size);
    j->in += size;
    j->left -= size;
}

static void read_header(png_structp png, png_infop info, job *j, image *out)
{
    png_set_read_fn(png, j, read_bytes);
    png_set_user_limits(png, 1u << 20, 1u << 20);
    png_read_info(png, info);
    size_t h = png_get_image_height(png, info);
    size_t w = png_get_image_width(png, info);
    if (h * w > IMAGE_MAX_PIXELS)
        png_error(png, "more than 2^26 pixels");
    png_set_scale_16(png);
    png_set_expand(png); /* palette, less than 8 bits, transparency */
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    out->height = (int)h;
    out->width = (int)w;
    out->channels = png_get_channels(png, info);
    if (png_get_rowbytes(png, info) != w * (size_t)out->channels)
        png_error(png, "unknown kind of pixels");
}

/* Grey or RGB with an opacity, laid over white and packed in place. */
static void drop_alpha(image *img)
{
    size_t n = (size_t)img->height * (size_t)img->width;
    size_t c = (size_t)img->channels - 1;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *from = img->pixels + i * (c + 1);
        unsigned char *to = img->pixels + i * c;
        unsigned opacity = from[c];
        for (size_t k = 0; k < c; k++)
            to[k] = (unsigned char)((from[k] * opacity + 255 * (255 - opacity) +
                                     127) /
                                    255);
    }
    img->channels = (int)c;
}

drift_status image_from_png(drift_context *ctx, const char *name,
                            const unsigned char *data, size_t size, image *out)
{
    drift_status status = DRIFT_OK;
    png_infop info = NULL;
    *out = (image){0};
    job *j = mem_alloc(ctx, 1, sizeof *j);
    if (!j)
        return DRIFT_ERROR_MEMORY;
    j->in = data;
    j->left = size;
    png_structp png = png_create_read_struct_2(
        PNG_LIBPNG_VER_STRING, j, on_error, on_warning, j, allocate, release);
    if (png)
        info = png_create_info_struct(png);
    if (!png || !info)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "'%s': out of memory in libpng", name);
    if (setjmp(png_jmpbuf(png)))
        FAIL(ctx, j->no_memory ? DRIFT_ERROR_MEMORY : DRIFT_ERROR_FORMAT,
             "'%s': unable to read the PNG: %s", name, j->text);
    read_header(png, info, j, out);
    size_t stride = (size_t)out->width * (size_t)out->channels;
    out->pixels = mem_alloc(ctx, (size_t)out->height, stride);
    j->rows = mem_alloc(ctx, (size_t)out->height, sizeof *j->rows);
    if (!out->pixels || !j->rows) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (int y = 0; y < out->height; y++)
        j->rows[y] = out->pixels + (size_t)y * stride;
    png_read_image(png, j->rows);
    png_read_end(png, NULL);
    if (out->channels % 2 == 0)
        drop_alpha(out);
out:
    png_destroy_read_struct(&png, &info, NULL);
    mem_free(j->rows);
    mem_free(j);
    if (status != DRIFT_OK)
        image_free(out);
    return status;
}

static void write_bytes(png_structp png, png_bytep data, size_t size)
{
    job *j = png_get_io_ptr(png);
    if (size > j->room - j->size) {
        size_t room = 2 * j->room + size;
        unsigned char *more = mem_resize(NULL, j->out, room, 1);
        if (!more)
            png_error(png, "out of memory");
        j->out = more;
        j->room = room;
    }
    memcpy(j->out + j->size, data, size);
    j->size += size;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

drift_status image_encode_png(drift_context *ctx, const image *img,
                              unsigned char **data, size_t *size)
{
    volatile drift_status status = DRIFT_OK; /* setjmp */
    png_infop info = NULL;
    size_t stride = (size_t)img->width * (size_t)img->channels;
    *data = NULL;
    *size = 0;
    job *j = mem_alloc(ctx, 1, sizeof *j);
    if (!j)
        return DRIFT_ERROR_MEMORY;
    png_structp png = png_create_write_struct_2(
        PNG_LIBPNG_VER_STRING, j, on_error, on_warning, j, allocate, release);
    if (png)
        info = png_create_info_struct(png);
    if (!png || !info)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in libpng");
    if (setjmp(png_jmpbuf(png)))
        FAIL(ctx, DRIFT_ERROR_MEMORY, "unable to make a PNG of %dx%d: %s",
             img->width, img->height, j->text);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_write_fn(png, j, write_bytes, flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)img->width, (png_uint_32)img->height,
                 8,
                 img->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < img->height; y++)
        png_write_row(png, img->pixels + (size_t)y * stride);
    png_write_end(png, info);
    *data = j->out;
    *size = j->size;
    j->out = NULL;
out:
    png_destroy_write_struct(&png, &info);
    mem_free(j->out);
    mem_free(j);
    return status;
}

drift_status image_write_png(drift_context *ctx, const char *path,
                             const image *img)
{
    drift_status status = DRIFT_OK;
    unsigned char *data;
    size_t size;
    TRY(image_encode_png(ctx, img, &data, &size));
    status = file_replace(ctx, path, data, size);
    mem_free(data);
out:
    return status;
}
