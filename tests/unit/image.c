/* Images: PNG and JPEG of all kinds, damaged ones, crop and resize. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/image.h"

static unsigned char pixels[5 * 7 * 3];

static drift_context *ctx;
static char folder[64]; /* for what a test writes */

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "image.XXXXXX");
    return drift_context_open(&ctx, NULL) != DRIFT_OK || !mkdtemp(folder);
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

/* The error's text holds `text`; clears it. */
static void expect_error(drift_status status, drift_status wanted,
                         const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

/* A copy of a file's bytes in memory of exactly their size, so that a
 * sanitizer sees any step beyond the end. */
static unsigned char *load(const char *path, size_t *size)
{
    file_view view;
    expect_ok(file_open_view(ctx, path, &view));
    unsigned char *bytes = mem_alloc(NULL, view.size, 1);
    memcpy(bytes, view.data, view.size);
    *size = view.size;
    file_close_view(&view);
    return bytes;
}

static unsigned char *cut(const unsigned char *bytes, size_t size)
{
    unsigned char *copy = mem_alloc(NULL, size, 1);
    memcpy(copy, bytes, size);
    return copy;
}

/* -- images ------------------------------------------------------------------
 */

static void test_png_round(void **state)
{
    (void)state;
    for (int c = 1; c <= 3; c += 2) {
        image in = {5, 7, c, pixels}, out;
        for (int i = 0; i < 5 * 7 * c; i++)
            pixels[i] = (unsigned char)(i * 37);
        const char *path = in_folder("round.png");
        expect_ok(image_write_png(ctx, path, &in));
        expect_ok(image_read(ctx, path, &out));
        assert_int_equal(out.height, 5);
        assert_int_equal(out.width, 7);
        assert_int_equal(out.channels, c);
        assert_memory_equal(out.pixels, pixels, (size_t)(5 * 7 * c));
        image_free(&out);
        assert_int_equal(remove(path), 0);
        expect_error(image_write_png(ctx, "absent/x.png", &in), DRIFT_ERROR_IO,
                     "absent/x.png");
    }
}

static void test_png_torn(void **state)
{
    (void)state;
    image in = {5, 7, 3, pixels}, out;
    unsigned char *data;
    size_t size;
    expect_ok(image_encode_png(ctx, &in, &data, &size));
    for (size_t n = 0; n < size; n++) {
        unsigned char *part = cut(data, n);
        expect_error(image_decode(ctx, "part.png", part, n, &out),
                     DRIFT_ERROR_FORMAT, "'part.png'");
        assert_null(out.pixels);
        mem_free(part);
    }
    mem_free(data);
}

/* Kinds of PNG that our writer does not make: tests/unit/images. */
static void test_png_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int channels;
        unsigned char first[3], last[3];
    } cases[] = {
        {"rgba.png", 3, {255, 255, 255}, {255, 0, 0}},
        {"grey-alpha.png", 1, {255}, {0}},
        {"palette-alpha.png", 3, {255, 255, 255}, {0, 0, 255}},
        {"grey1.png", 1, {0}, {255}},
        {"rgb16.png", 3, {1, 128, 255}, {0, 0, 255}},
        {"interlaced.png", 1, {0}, {80}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        image img;
        snprintf(path, sizeof path, DRIFT_SOURCE_DIR "/tests/unit/images/%s",
                 cases[i].file);
        expect_ok(image_read(ctx, path, &img));
        size_t c = (size_t)img.channels;
        size_t n = (size_t)img.height * (size_t)img.width;
        assert_int_equal(img.channels, cases[i].channels);
        assert_memory_equal(img.pixels, cases[i].first, c);
        assert_memory_equal(img.pixels + (n - 1) * c, cases[i].last, c);
        image_free(&img);
    }
}

static void test_jpeg(void **state)
{
    (void)state;
    image img;
    size_t size;
    const char *path = DRIFT_SOURCE_DIR "/tests/unit/images/ramp.jpg";
    drift_status status = image_read(ctx, path, &img);
    if (status == DRIFT_ERROR_UNAVAILABLE) {
        expect_error(status, DRIFT_ERROR_UNAVAILABLE, "libjpeg");
        skip();
    }
    expect_ok(status);
    assert_int_equal(img.height, 16);
    assert_int_equal(img.width, 24);
    assert_int_equal(img.channels, 3);
    /* Red grows by 10 a column, lossily. */
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 24; x++)
            assert_true(abs(img.pixels[(y * 24 + x) * 3] - 10 * x) < 12);
    image_free(&img);
    unsigned char *bytes = load(path, &size);
    for (size_t n = 0; n + 2 < size; n++) { /* the end mark may lack */
        unsigned char *part = cut(bytes, n);
        status = image_decode(ctx, "part.jpg", part, n, &img);
        expect_error(status, DRIFT_ERROR_FORMAT, "'part.jpg'");
        mem_free(part);
    }
    mem_free(bytes);
}

/* The JPEG with an Exif segment after its first two bytes. */
static unsigned char *with_exif(const unsigned char *jpeg, size_t *size,
                                int big, int orientation)
{
    static const unsigned char forms[2][36] = {
        "\xff\xe1\0\x22"
        "Exif\0\0II*\0\x08\0\0\0\x01\0"
        "\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0",
        "\xff\xe1\0\x22"
        "Exif\0\0MM\0*\0\0\0\x08\0\x01"
        "\x01\x12\0\x03\0\0\0\x01\0?\0\0\0\0\0"};
    unsigned char *bytes = mem_alloc(NULL, *size + 36, 1);
    memcpy(bytes, jpeg, 2);
    memcpy(bytes + 2, forms[big], 36);
    bytes[2 + (big ? 29 : 28)] = (unsigned char)orientation;
    memcpy(bytes + 38, jpeg + 2, *size - 2);
    *size += 36;
    return bytes;
}

/* Where the stored row 0 and column 0 are seen, for each orientation. */
static void test_jpeg_turned(void **state)
{
    (void)state;
    static const char *const seen[] = {
        "top left", "top right", "bottom right", "bottom left",
        "left top", "right top", "right bottom", "left bottom"};
    image plain, img;
    size_t size;
    unsigned char *jpeg =
        load(DRIFT_SOURCE_DIR "/tests/unit/images/ramp.jpg", &size);
    drift_status status = image_decode(ctx, "x", jpeg, size, &plain);
    if (status == DRIFT_ERROR_UNAVAILABLE) {
        mem_free(jpeg);
        skip();
    }
    expect_ok(status);
    for (int i = 0; i < 16; i++) {
        size_t n = size;
        const char *where = seen[i / 2];
        unsigned char *bytes = with_exif(jpeg, &n, i % 2, i / 2 + 1);
        expect_ok(image_decode(ctx, "x", bytes, n, &img));
        int swap = where[0] == 'l' || where[0] == 'r';
        assert_int_equal(img.width, swap ? plain.height : plain.width);
        for (int row = 0; row < plain.height; row++)
            for (int column = 0; column < plain.width; column++) {
                int y = swap ? column : row, x = swap ? row : column;
                y = strstr(where, "bottom") ? img.height - 1 - y : y;
                x = strstr(where, "right") ? img.width - 1 - x : x;
                assert_memory_equal(
                    img.pixels + (y * img.width + x) * 3,
                    plain.pixels + (row * plain.width + column) * 3, 3);
            }
        image_free(&img);
        mem_free(bytes);
    }
    /* What is no orientation is none. */
    for (int at = 6; at < 38; at++) {
        size_t n = size;
        unsigned char *bytes = with_exif(jpeg, &n, 0, 6);
        bytes[at] = 0xff;
        expect_ok(image_decode(ctx, "x", bytes, n, &img));
        assert_true(img.width == plain.width || img.width == plain.height);
        image_free(&img);
        mem_free(bytes);
    }
    image_free(&plain);

    /* Too many pixels: the sizes after the mark of the frame. */
    size_t frame = 2;
    while (jpeg[frame] != 0xff || jpeg[frame + 1] != 0xc0)
        frame++;
    memset(jpeg + frame + 5, 0x7f, 4);
    expect_error(image_decode(ctx, "x", jpeg, size, &img), DRIFT_ERROR_FORMAT,
                 "32639 x 32639 pixels; at most 2^26 are allowed");
    mem_free(jpeg);
}

static void test_image_bad(void **state)
{
    (void)state;
    image img;
    expect_error(image_read(ctx, "absent.png", &img), DRIFT_ERROR_IO,
                 "absent.png");
    expect_error(image_read(ctx, folder, &img), DRIFT_ERROR_IO, folder);
    expect_error(
        image_decode(ctx, "x", (const unsigned char *)"GIF89a..", 8, &img),
        DRIFT_ERROR_FORMAT, "neither a PNG nor a JPEG");
    char path[] = DRIFT_SOURCE_DIR "/tests/unit/images/huge.png";
    expect_error(image_read(ctx, path, &img), DRIFT_ERROR_FORMAT, "pixels");
}

/* The resize against plain sums in double. */
static void test_fit(void **state)
{
    (void)state;
    enum { H = 9, W = 16 };
    static const int sizes[][2] = {{9, 7}, {4, 5}, {18, 32}, {1, 1}, {9, 16}};
    unsigned char from[H * W];
    for (int i = 0; i < H * W; i++)
        from[i] = (unsigned char)(i * 101 % 256);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int h = sizes[k][0], w = sizes[k][1];
        image img = {H, W, 1, mem_alloc(NULL, H * W, 1)};
        memcpy(img.pixels, from, H * W);
        expect_ok(image_fit(ctx, &img, h, w, 0, 0));
        double fy = (double)H / h, fx = (double)W / w;
        double ry = fmax(1, fy), rx = fmax(1, fx);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double sum = 0, weights = 0;
                for (int i = 0; i < H; i++)
                    for (int j = 0; j < W; j++) {
                        double a = 1 - fabs(i + .5 - (y + .5) * fy) / ry;
                        double b = 1 - fabs(j + .5 - (x + .5) * fx) / rx;
                        double weight = fmax(0, a) * fmax(0, b);
                        sum += weight * from[i * W + j];
                        weights += weight;
                    }
                assert_true(fabs(img.pixels[y * w + x] - sum / weights) <=
                            .5 + 1e-4);
            }
        image_free(&img);
    }
    /* Crop: the middle 9x9 of 9x16, columns 3 to 11. */
    image img = {H, W, 1, mem_alloc(NULL, H * W, 1)};
    memcpy(img.pixels, from, H * W);
    expect_ok(image_fit(ctx, &img, 9, 9, 1, 3));
    for (int y = 0; y < 9; y++)
        for (int x = 0; x < 9; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(img.pixels[(y * 9 + x) * 3 + c],
                                 from[y * W + x + 3]);
    expect_ok(image_fit(ctx, &img, 0, 0, 0, 1));
    assert_int_equal(img.pixels[80], from[8 * W + 11]);
    image_free(&img);
}

static int fresh(void **state)
{
    (void)state;
    drift_error_clear(ctx);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_png_round), TEST(test_png_torn),    TEST(test_png_kinds),
        TEST(test_jpeg),      TEST(test_jpeg_turned), TEST(test_image_bad),
        TEST(test_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
