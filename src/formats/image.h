/* Images in memory and their PNG and JPEG files: u8 [height,width,channels],
 * channels 1 (grey) or 3 (RGB). */
#ifndef FORMATS_IMAGE_H
#define FORMATS_IMAGE_H

#include <stddef.h>

#include "base/error.h"

/* A file that claims more is refused before memory is taken for it. */
#define IMAGE_MAX_PIXELS ((size_t)1 << 26)

typedef struct image {
    int height, width, channels;
    unsigned char *pixels; /* free with image_free */
} image;

void image_free(image *img);

/* An image file's bytes, PNG or JPEG by their first bytes. Transparent pixels
 * are laid over white, 16-bit samples rounded to 8, palettes expanded, JPEGs
 * turned upright as their Exif data say.
 * `name` is for error texts. */
drift_status image_decode(drift_context *ctx, const char *name,
                          const unsigned char *data, size_t size,
                          image *out) DRIFT_MUST_CHECK;
drift_status image_read(drift_context *ctx, const char *path,
                        image *out) DRIFT_MUST_CHECK;

/* PNG into memory (*data: mem_free) or, atomically, into a file; "-" is
 * standard output. */
drift_status image_encode_png(drift_context *ctx, const image *img,
                              unsigned char **data,
                              size_t *size) DRIFT_MUST_CHECK;
drift_status image_write_png(drift_context *ctx, const char *path,
                             const image *img) DRIFT_MUST_CHECK;

/* Cut the middle out to the aspect height:width, change the size (height 0: as
 * it is; triangle filter, widened when shrinking) and the number of channels
 * (0: as it is; grey = .299 R + .587 G + .114 B). Replaces img's pixels. */
drift_status image_fit(drift_context *ctx, image *img, int height, int width,
                       int crop, int channels) DRIFT_MUST_CHECK;

/* image_decode's parts. */
drift_status image_from_png(drift_context *ctx, const char *name,
                            const unsigned char *data, size_t size,
                            image *out) DRIFT_MUST_CHECK;
drift_status image_from_jpeg(drift_context *ctx, const char *name,
                             const unsigned char *data, size_t size,
                             image *out) DRIFT_MUST_CHECK;

#endif
