/* Images: file type by the first bytes, crop, size, channels. */
#include "formats/image.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

void image_free(image *img)
{
    mem_free(img->pixels);
    *img = (image){0};
}

static int is_png(const unsigned char *data, size_t size)
{
    return size >= 8 && !memcmp(data, "\x89PNG\r\n\x1a\n", 8);
}

static int is_jpeg(const unsigned char *data, size_t size)
{
    return size >= 3 && !memcmp(data, "\xff\xd8\xff", 3);
}

drift_status image_decode(drift_context *ctx, const char *name,
                          const unsigned char *data, size_t size, image *out)
{
    if (is_png(data, size))
        return image_from_png(ctx, name, data, size, out);
    if (is_jpeg(data, size))
        return image_from_jpeg(ctx, name, data, size, out);
    *out = (image){0};
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "'%s' is neither a PNG nor a JPEG file", name);
}

drift_status image_read(drift_context *ctx, const char *path, image *out)
{
    file_view view;
    *out = (image){0};
    drift_status status = file_open_view(ctx, path, &view);
    if (status == DRIFT_OK) {
        status = image_decode(ctx, path, view.data, view.size, out);
        file_close_view(&view);
    }
    return status;
}

/* The part [y0,y0+h) x [x0,x0+w) moved to the front. */
static void crop_middle(image *img, int height, int width)
{
    long long h = img->height, w = img->width;
    long long cut_h = h, cut_w = h * width / height;
    if (cut_w > w) {
        cut_w = w;
        cut_h = w * height / width;
    }
    cut_h += !cut_h;
    cut_w += !cut_w;
    size_t c = (size_t)img->channels, stride = (size_t)w * c;
    const unsigned char *from = img->pixels +
                                (size_t)((h - cut_h) / 2) * stride +
                                (size_t)((w - cut_w) / 2) * c;
    for (size_t y = 0; y < (size_t)cut_h; y++)
        memmove(img->pixels + y * (size_t)cut_w * c, from + y * stride,
                (size_t)cut_w * c);
    img->height = (int)cut_h;
    img->width = (int)cut_w;
}

/* Resize the middle axis of x [outer,from,inner] to y [outer,to,inner] by the
 * triangle filter with half-pixel centres; when shrinking it is widened by the
 * factor, so that every input counts. */
static void resize_axis(float *y, const float *x, size_t outer, size_t from,
                        size_t to, size_t inner)
{
    double factor = (double)from / (double)to;
    double reach = factor > 1 ? factor : 1;
    for (size_t o = 0; o < to; o++) {
        double centre = ((double)o + .5) * factor;
        double low = floor(centre - reach), high = ceil(centre + reach);
        size_t first = low > 0 ? (size_t)low : 0;
        size_t last = high < (double)from ? (size_t)high : from;
        double sum = 0;
        for (size_t i = first; i < last; i++)
            sum += fmax(0, 1 - fabs((double)i + .5 - centre) / reach);
        for (size_t i = first; i < last; i++) {
            double d = fabs((double)i + .5 - centre) / reach;
            float weight = (float)(fmax(0, 1 - d) / sum);
            for (size_t b = 0; b < outer; b++)
                for (size_t k = 0; k < inner; k++)
                    y[(b * to + o) * inner + k] +=
                        weight * x[(b * from + i) * inner + k];
        }
    }
}

static drift_status resize(drift_context *ctx, image *img, int height,
                           int width)
{
    drift_status status = DRIFT_OK;
    size_t h = (size_t)img->height, w = (size_t)img->width;
    size_t c = (size_t)img->channels;
    size_t to_h = (size_t)height, to_w = (size_t)width;
    unsigned char *pixels = mem_alloc(ctx, to_h * to_w, c);
    float *in = mem_alloc(ctx, h * w * c, sizeof *in);
    float *middle = mem_alloc(ctx, h * to_w * c, sizeof *middle);
    float *out = mem_alloc(ctx, to_h * to_w * c, sizeof *out);
    if (!pixels || !in || !middle || !out) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < h * w * c; i++)
        in[i] = img->pixels[i];
    resize_axis(middle, in, h, w, to_w, c);
    resize_axis(out, middle, 1, h, to_h, to_w * c);
    for (size_t i = 0; i < to_h * to_w * c; i++) {
        float v = out[i] + .5f;
        pixels[i] = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    mem_free(img->pixels);
    img->pixels = pixels;
    img->height = height;
    img->width = width;
    pixels = NULL;
out:
    mem_free(pixels);
    mem_free(in);
    mem_free(middle);
    mem_free(out);
    return status;
}

static drift_status set_channels(drift_context *ctx, image *img, int channels)
{
    size_t n = (size_t)img->height * (size_t)img->width;
    if (channels == 1) {
        for (size_t i = 0; i < n; i++) {
            const unsigned char *p = img->pixels + 3 * i;
            img->pixels[i] = (unsigned char)((p[0] * 19595u + p[1] * 38470u +
                                              p[2] * 7471u + 0x8000u) >>
                                             16);
        }
    } else {
        unsigned char *pixels = mem_alloc(ctx, n, 3);
        if (!pixels)
            return DRIFT_ERROR_MEMORY;
        for (size_t i = 0; i < 3 * n; i++)
            pixels[i] = img->pixels[i / 3];
        mem_free(img->pixels);
        img->pixels = pixels;
    }
    img->channels = channels;
    return DRIFT_OK;
}

drift_status image_fit(drift_context *ctx, image *img, int height, int width,
                       int crop, int channels)
{
    drift_status status = DRIFT_OK;
    if (channels && channels != img->channels)
        TRY(set_channels(ctx, img, channels));
    if (height && crop)
        crop_middle(img, height, width);
    if (height && (height != img->height || width != img->width))
        TRY(resize(ctx, img, height, width));
out:
    return status;
}
