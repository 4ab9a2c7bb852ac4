/* JPEG by libjpeg, reading only. Its errors arrive by longjmp: all that must
 * be freed is kept in a struct outside the jump. Cameras store pictures as the
 * sensor lay and tell in Exif how to turn them. */
#include "formats/image.h"

#ifdef HAVE_JPEG

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/mem.h"

/* A real picture has about ten scans; each costs a pass over all pixels. */
#define MAX_SCANS 100

typedef struct job {
    struct jpeg_error_mgr errors; /* first: libjpeg points here */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
} job;

static void on_error(j_common_ptr common)
{
    job *j = (job *)common->err;
    common->err->format_message(common, j->text);
    longjmp(j->jump, 1);
}

/* libjpeg paints over damage with grey and warns: such a picture is refused,
 * but not for harmless bytes between its parts. */
static void on_message(j_common_ptr common, int level)
{
    if (level < 0 && common->err->msg_code != JWRN_EXTRANEOUS_DATA)
        on_error(common);
}

static void on_progress(j_common_ptr common)
{
    j_decompress_ptr jpeg = (j_decompress_ptr)common;
    if (jpeg->input_scan_number > MAX_SCANS) {
        job *j = (job *)common->err;
        snprintf(j->text, sizeof j->text, "more than %d scans", MAX_SCANS);
        longjmp(j->jump, 1);
    }
}

/* -- Exif's orientation ------------------------------------------------------
 * The APP1 marker: "Exif\0\0", then a TIFF file: its byte order, 42, the place
 * of its first directory; there 12 bytes a tag. */

#define EXIF        (JPEG_APP0 + 1)
#define ORIENTATION 0x112

static size_t number(const unsigned char *p, size_t bytes, int big)
{
    size_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[big ? i : bytes - 1 - i];
    return v;
}

/* 1 to 8; 1, upright, too where it is missing or damaged. */
static int orientation_of(const unsigned char *p, size_t size)
{
    if (size < 14 || memcmp(p, "Exif\0", 6))
        return 1;
    p += 6;
    size -= 6;
    int big = p[0] == 'M';
    size_t at = number(p + 4, 4, big);
    if (at > size - 2)
        return 1;
    size_t tags = number(p + at, 2, big);
    for (at += 2; tags && size - at >= 12; tags--, at += 12) {
        size_t value = number(p + at + 8, 2, big);
        if (number(p + at, 2, big) == ORIENTATION)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* From 5 on rows are columns; some run backwards. */
static drift_status turn(drift_context *ctx, image *img, int orientation)
{
    int swap = orientation >= 5;
    int up = orientation == 3 || orientation == 4 || orientation == 6 ||
             orientation == 7;
    int left = orientation == 2 || orientation == 3 || orientation == 7 ||
               orientation == 8;
    size_t h = (size_t)img->height, w = (size_t)img->width;
    size_t c = (size_t)img->channels;
    size_t rows = swap ? w : h, columns = swap ? h : w;
    if (orientation == 1)
        return DRIFT_OK;
    unsigned char *pixels = mem_alloc(ctx, h * w, c);
    if (!pixels)
        return DRIFT_ERROR_MEMORY;
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++) {
            size_t row = swap ? x : y, column = swap ? y : x;
            row = up ? h - 1 - row : row;
            column = left ? w - 1 - column : column;
            memcpy(pixels + (y * columns + x) * c,
                   img->pixels + (row * w + column) * c, c);
        }
    mem_free(img->pixels);
    img->pixels = pixels;
    img->height = (int)rows;
    img->width = (int)columns;
    return DRIFT_OK;
}

/* -- decoding ----------------------------------------------------------------
 */

drift_status image_from_jpeg(drift_context *ctx, const char *name,
                             const unsigned char *data, size_t size, image *out)
{
    volatile drift_status status = DRIFT_OK; /* setjmp */
    *out = (image){0};
    job *j = mem_alloc(ctx, 1, sizeof *j);
    if (!j)
        return DRIFT_ERROR_MEMORY;
    j->jpeg.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    if (setjmp(j->jump))
        FAIL(ctx,
             j->errors.msg_code == JERR_OUT_OF_MEMORY ? DRIFT_ERROR_MEMORY
                                                      : DRIFT_ERROR_FORMAT,
             "'%s': unable to read the JPEG: %s", name, j->text);
    jpeg_create_decompress(&j->jpeg);
    j->progress.progress_monitor = on_progress;
    j->jpeg.progress = &j->progress;
    jpeg_mem_src(&j->jpeg, data, (unsigned long)size);
    jpeg_save_markers(&j->jpeg, EXIF, 0xffff);
    (void)jpeg_read_header(&j->jpeg, TRUE);
    if ((size_t)j->jpeg.image_height * j->jpeg.image_width > IMAGE_MAX_PIXELS)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': the JPEG has %u x %u pixels; at most 2^26 are allowed",
             name, j->jpeg.image_width, j->jpeg.image_height);
    if (j->jpeg.num_components != 1 && j->jpeg.num_components != 3)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': the JPEG has %d colour components; allowed are 1 (grey) "
             "and 3",
             name, j->jpeg.num_components);
    j->jpeg.out_color_space =
        j->jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    (void)jpeg_start_decompress(&j->jpeg);
    out->height = (int)j->jpeg.output_height;
    out->width = (int)j->jpeg.output_width;
    out->channels = j->jpeg.output_components;
    size_t stride = (size_t)out->width * (size_t)out->channels;
    out->pixels = mem_alloc(ctx, (size_t)out->height, stride);
    if (!out->pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    while (j->jpeg.output_scanline < j->jpeg.output_height) {
        JSAMPROW row = out->pixels + j->jpeg.output_scanline * stride;
        (void)jpeg_read_scanlines(&j->jpeg, &row, 1);
    }
    int orientation = 1;
    for (jpeg_saved_marker_ptr m = j->jpeg.marker_list; m; m = m->next)
        if (m->marker == EXIF && orientation == 1)
            orientation = orientation_of(m->data, m->data_length);
    (void)jpeg_finish_decompress(&j->jpeg);
    TRY(turn(ctx, out, orientation));
out:
    jpeg_destroy_decompress(&j->jpeg);
    mem_free(j);
    if (status != DRIFT_OK)
        image_free(out);
    return status;
}

#else

drift_status image_from_jpeg(drift_context *ctx, const char *name,
                             const unsigned char *data, size_t size, image *out)
{
    (void)data;
    (void)size;
    *out = (image){0};
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "'%s' is a JPEG and this drift was built without libjpeg",
                 name);
}

#endif
