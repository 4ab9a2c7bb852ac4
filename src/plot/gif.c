/* gif: PNG files of one size as an animated GIF that repeats for ever. */
#include "plot/plot.h"

#ifdef HAVE_GIF
#include <gif_lib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/image.h"

#define COLOURS 256

/* What one frame needs: red, green, blue planes, and the picture in numbers
 * of a palette. */
typedef struct frame {
    image img;
    GifByteType *planes, *numbers;
    ColorMapObject *palette;
} frame;

static int write_bytes(GifFileType *gif, const GifByteType *data, int size)
{
    file_writer *w = gif->UserData;
    return file_write(w, data, (size_t)size) == DRIFT_OK ? size : 0;
}

static void frame_free(frame *f)
{
    image_free(&f->img);
    mem_free(f->planes);
    mem_free(f->numbers);
    if (f->palette)
        GifFreeMapObject(f->palette);
    *f = (frame){0};
}

static drift_status frame_read(drift_context *ctx, const char *path, frame *f)
{
    drift_status status = DRIFT_OK;
    *f = (frame){0};
    TRY(image_read(ctx, path, &f->img));
    size_t count = (size_t)f->img.height * (size_t)f->img.width;
    size_t channels = (size_t)f->img.channels;
    f->planes = mem_alloc(ctx, count, 3);
    f->numbers = mem_alloc(ctx, count, 1);
    f->palette = GifMakeMapObject(COLOURS, NULL);
    if (!f->planes || !f->numbers || !f->palette)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 3; k++)
            f->planes[k * count + i] =
                f->img.pixels[i * channels + (channels == 3 ? k : 0)];
    int colours = COLOURS;
    if (GifQuantizeBuffer((unsigned)f->img.width, (unsigned)f->img.height,
                          &colours, f->planes, f->planes + count,
                          f->planes + 2 * count, f->numbers,
                          f->palette->Colors) == GIF_ERROR)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "unable to choose colours for '%s'",
             path);
out:
    return status;
}

/* Screen of the first frame's size, and the extension that makes it repeat. */
static int write_header(GifFileType *gif, const frame *f)
{
    static const unsigned char forever[] = {1, 0, 0};
    EGifSetGifVersion(gif, true);
    return EGifPutScreenDesc(gif, f->img.width, f->img.height, 8, 0, NULL) &&
           EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) &&
           EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") &&
           EGifPutExtensionBlock(gif, sizeof forever, forever) &&
           EGifPutExtensionTrailer(gif);
}

static int write_frame(GifFileType *gif, const frame *f, int delay_ms)
{
    GraphicsControlBlock control = {.DelayTime = (delay_ms + 5) / 10,
                                    .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType bytes[4];
    int size = (int)EGifGCBToExtension(&control, bytes);
    int good = EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, size, bytes) &&
               EGifPutImageDesc(gif, 0, 0, f->img.width, f->img.height, false,
                                f->palette);
    for (int y = 0; good && y < f->img.height; y++)
        good = EGifPutLine(gif, f->numbers + (size_t)y * (size_t)f->img.width,
                           f->img.width) == GIF_OK;
    return good;
}

drift_status plot_gif(drift_context *ctx, const char *path,
                      const char *const *pngs, size_t count, int delay_ms)
{
    drift_status status = DRIFT_OK;
    file_writer *w = NULL;
    GifFileType *gif = NULL;
    frame f = {0};
    int code = 0, width = 0, height = 0;
    if (!count)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "no pictures for '%s'", path);
    TRY(file_create(ctx, path, &w));
    gif = EGifOpen(w, write_bytes, &code);
    if (!gif)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "unable to begin '%s': %s", path,
             GifErrorString(code));
    for (size_t i = 0; i < count; i++) {
        TRY(frame_read(ctx, pngs[i], &f));
        if (!i) {
            width = f.img.width;
            height = f.img.height;
        } else if (f.img.width != width || f.img.height != height)
            FAIL(ctx, DRIFT_ERROR_SHAPE,
                 "'%s' is %d x %d pixels, the first picture %d x %d", pngs[i],
                 f.img.width, f.img.height, width, height);
        if ((!i && !write_header(gif, &f)) || !write_frame(gif, &f, delay_ms))
            FAIL(ctx, DRIFT_ERROR_IO, "unable to write '%s'", path);
        frame_free(&f);
    }
    int closed = EGifCloseFile(gif, &code);
    gif = NULL;
    if (closed != GIF_OK)
        FAIL(ctx, DRIFT_ERROR_IO, "unable to write '%s'", path);
    status = file_commit(w);
    w = NULL;
out:
    if (gif)
        EGifCloseFile(gif, &code);
    file_abort(w);
    frame_free(&f);
    return status;
}
#else
drift_status plot_gif(drift_context *ctx, const char *path,
                      const char *const *pngs, size_t count, int delay_ms)
{
    (void)pngs;
    (void)count;
    (void)delay_ms;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "no '%s': this build was made without giflib", path);
}
#endif
