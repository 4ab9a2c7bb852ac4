/* JPEG by libjpeg, reading only. Its errors arrive by longjmp: all that must
 * be freed is kept in a struct outside the jump. */
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
    (void)jpeg_finish_decompress(&j->jpeg);
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
