/* sheet: images in a grid, a gap between them. */
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "formats/image.h"
#include "plot/plot.h"

#define EASY 96   /* pixels that an enlarged image is wide at most */
#define WIDE 1200 /* the same of a sheet */

static int choose_factor(size_t columns, size_t h, size_t w)
{
    size_t most = h > w ? h : w, factor = 1;
    while ((factor + 1) * most <= EASY && (factor + 1) * w * columns <= WIDE)
        factor++;
    return (int)factor;
}

drift_status plot_sheet(drift_context *ctx, const char *path,
                        const unsigned char *images, size_t rows,
                        size_t columns, size_t h, size_t w, size_t c,
                        int enlarge)
{
    drift_status status = DRIFT_OK;
    image sheet = {0};
    if (!rows || !columns || !h || !w || (c != 1 && c != 3) || enlarge < 0)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "no sheet of %zu x %zu images of %zu x %zu x %zu", rows, columns,
             h, w, c);
    size_t factor = (size_t)(enlarge ? enlarge : choose_factor(columns, h, w));
    size_t gap = factor < 2 ? 2 : factor;
    size_t limit = (size_t)1 << 24; /* keeps the products below in range */
    if (rows > limit || columns > limit || h > limit || w > limit ||
        factor > limit || h * factor > limit || w * factor > limit)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "the sheet '%s' is too large", path);
    size_t height = gap + rows * (h * factor + gap);
    size_t width = gap + columns * (w * factor + gap);
    if (height > INT_MAX || width > INT_MAX ||
        height > IMAGE_MAX_PIXELS / width)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "the sheet '%s' is too large", path);
    sheet = (image){(int)height, (int)width, (int)c, NULL};
    sheet.pixels = mem_alloc(ctx, height * width, c);
    if (!sheet.pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    memset(sheet.pixels, 255, height * width * c);
    for (size_t i = 0; i < rows * columns * h * factor; i++) {
        size_t line = i % (h * factor), number = i / (h * factor);
        size_t y = gap + number / columns * (h * factor + gap) + line;
        size_t x = gap + number % columns * (w * factor + gap);
        const unsigned char *from =
            images + (number * h + line / factor) * w * c;
        unsigned char *to = sheet.pixels + (y * width + x) * c;
        for (size_t j = 0; j < w * factor; j++)
            memcpy(to + j * c, from + j / factor * c, c);
    }
    TRY(image_write_png(ctx, path, &sheet));
out:
    image_free(&sheet);
    return status;
}
