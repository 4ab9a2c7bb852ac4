/* Pictures: written, of the right size, refused where they cannot be drawn.
 *     plot FOLDER
 * keeps them there for a look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/image.h"
#include "plot/axis.h"
#include "plot/plot.h"

static const char *folder;

static const char *place(char path[512], const char *name)
{
    snprintf(path, 512, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    drift_context *ctx;
    if (drift_context_open(&ctx, NULL) != DRIFT_OK)
        return -1;
    *state = ctx;
    return 0;
}

static int teardown(void **state)
{
    drift_context_close(*state);
    return 0;
}

static void check_ticks(double low, double high, axis_scale scale,
                        const char *wanted)
{
    axis a;
    char text[400] = "";
    axis_set(&a, low, high, scale, 5, 0);
    for (size_t i = 0; i < a.count; i++) {
        strcat(text, i ? " " : "");
        strcat(text, a.label[i]);
    }
    assert_string_equal(text, wanted);
}

static void test_ticks(void **state)
{
    (void)state;
    check_ticks(0, 100, 0, "0 20 40 60 80 100");
    check_ticks(0, 2000, 0, "0 500 1000 1500 2000");
    check_ticks(-1.2, 1.2, 0, "-1 -0.5 0 0.5 1");
    check_ticks(0, 1e-4, 0, "0 2e-05 4e-05 6e-05 8e-05 0.0001");
    check_ticks(3, 48000, 0, "10k 20k 30k 40k");
    check_ticks(1e-3, 1e3, 1, "0.01 1 100");
    check_ticks(1, 40, 1, "1 2 5 10 20");
    check_ticks(2.1, 2.9, 1, "2.2 2.4 2.6 2.8");
    check_ticks(2.2e-3, 9e-3, 1, "0.003 0.004 0.005 0.006 0.007 0.008 0.009");
    check_ticks(NAN, 1, 0, "0 0.2 0.4 0.6 0.8 1");
    check_ticks(0, 5, 1, "1 2 5 10");
    check_ticks(1, 3, AXIS_LINEAR, "1 1.5 2 2.5 3");
    check_ticks(1, 3, AXIS_WHOLE, "1 2 3");
    check_ticks(0, 12, AXIS_WHOLE, "0 2 4 6 8 10 12");
    check_ticks(5, 5, AXIS_WHOLE, "5");
    axis a;
    axis_set(&a, 7, 7, 0, 5, 1); /* one value opens a range around it */
    assert_true(a.low < 7 && a.high > 7);
    assert_float_equal(axis_place(&a, 7), 0.5, 1e-6);
    axis_set(&a, 1, 100, 1, 5, 0);
    assert_float_equal(axis_place(&a, 10), 0.5, 1e-9);
    assert_true(isnan(axis_place(&a, 0)));
}

#ifdef HAVE_CAIRO
/* The picture at `path`, and how many of its pixels are not white. */
static size_t read_picture(drift_context *ctx, const char *path, int width,
                           int height)
{
    image img;
    size_t dark = 0;
    assert_int_equal(image_read(ctx, path, &img), DRIFT_OK);
    assert_int_equal(img.width, width);
    assert_int_equal(img.height, height);
    size_t count = (size_t)width * (size_t)height;
    for (size_t i = 0; i < count * (size_t)img.channels; i++)
        dark += img.pixels[i] != 255;
    image_free(&img);
    return dark;
}
#endif

#define POINTS 3000

/* Eight temperatures: their names stay within the panel. */
static void test_legend(void **state)
{
    drift_context *ctx = *state;
    static const double x[] = {1, 2, 3}, y[] = {1, 3, 2};
    char path[512], names[8][24];
    plot_line lines[8];
    plot_panel panel = {"raw drift", "step", 0, lines, 8};
    for (size_t i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "kernel width %.3f", (double)i / 8);
        lines[i] = (plot_line){names[i], x, y, 3};
    }
    drift_status status =
        plot_curves(ctx, place(path, "legend.png"), &panel, 1);
#ifdef HAVE_CAIRO
    image img;
    assert_int_equal(status, DRIFT_OK);
    assert_int_equal(image_read(ctx, path, &img), DRIFT_OK);
    for (int row = 0; row < 120; row++) /* the label below may come so far */
        for (int i = 3 * 506; i < 3 * 520; i++)
            assert_int_equal(img.pixels[row * 3 * 520 + i], 255);
    image_free(&img);
#else
    assert_int_equal(status, DRIFT_ERROR_UNAVAILABLE);
    drift_error_clear(ctx);
#endif
}

static void test_curves(void **state)
{
    drift_context *ctx = *state;
    static double x[POINTS], y[4][POINTS], once[1] = {5};
    char path[512];
    for (size_t i = 0; i < POINTS; i++) {
        double s = (double)i, noise = sin(s * 12.9898) * 0.2;
        x[i] = s * 4;
        y[0][i] = exp(-s / 400) * (1 + noise) + 0.02;
        y[1][i] = exp(-s / 900) * (1 + 0.5 * noise) + 0.05;
        y[2][i] = i > 900 && i < 1200 ? NAN : 0.3 * exp(-s / 2000);
        y[3][i] = i < 500 ? 3e-3 * s / 500 : 3e-3;
    }
    plot_line three[] = {{"R = 0.02", x, y[0], POINTS},
                         {"R = 0.05", x, y[1], POINTS},
                         {"R = 0.2", x, y[2], POINTS}};
    plot_line rate = {NULL, x, y[3], POINTS},
              one = {"one point", once, once, 1};
    plot_panel panels[] = {{"raw drift (RMS)", "step", 1, three, 3},
                           {"raw drift (RMS), linear", "step", 0, three, 3},
                           {"learning rate", "step", 0, &rate, 1},
                           {"one point", "step", 0, &one, 1},
                           {"nothing yet", "step", 1, NULL, 0}};
    drift_status status =
        plot_curves(ctx, place(path, "curves.png"), panels, 5);
#ifdef HAVE_CAIRO
    assert_int_equal(status, DRIFT_OK);
    assert_true(read_picture(ctx, path, 3 * 520, 2 * 300) > 10000);
    assert_int_equal(plot_curves(ctx, path, panels, 0), DRIFT_ERROR_SHAPE);
    drift_error_clear(ctx);
    assert_int_equal(plot_curves(ctx, "/nowhere/x.png", panels, 1),
                     DRIFT_ERROR_IO);
#else
    assert_int_equal(status, DRIFT_ERROR_UNAVAILABLE);
    assert_false(file_exists(path));
#endif
    drift_error_clear(ctx);
}

static void test_points(void **state)
{
    drift_context *ctx = *state;
    static float data[2 * POINTS], made[2 * POINTS], grid[512], field[512];
    static int group[POINTS];
    char path[512];
    for (size_t i = 0; i < POINTS; i++) {
        float u = (float)i / POINTS, t = 1.5708f + 12.566f * u;
        float noise = sinf((float)i * 78.233f) * .05f;
        data[2 * i] = t * cosf(t) / 14 + noise;
        data[2 * i + 1] = t * sinf(t) / 14 - noise;
        made[2 * i] = data[2 * i] * .6f + 6 * noise;
        made[2 * i + 1] = data[2 * i + 1] * .6f + .1f;
        group[i] = (int)(i * 6 / POINTS);
    }
    for (size_t i = 0; i < 256; i++) {
        grid[2 * i] = ((float)(i % 16) - 7.5f) / 7.5f;
        grid[2 * i + 1] = ((float)(i / 16) - 7.5f) / 7.5f;
        field[2 * i] = -.12f * grid[2 * i + 1];
        field[2 * i + 1] = .12f * grid[2 * i];
    }
    plot_cloud clouds[] = {
        {.name = "data", .xy = data, .count = POINTS, .faint = 1},
        {.name = "generated", .xy = made, .count = POINTS},
        {.name = "field", .xy = grid, .arrows = field, .count = 256}};
    plot_cloud grouped = {.xy = data, .group = group, .count = POINTS};
    plot_square squares[] = {{"step 2000", clouds, 2, -1.3f, 1.3f},
                             {"field", clouds, 3, -1.3f, 1.3f},
                             {"classes", &grouped, 1, 0, 0}};
    drift_status status =
        plot_points(ctx, place(path, "points.png"), squares, 3, 0);
#ifdef HAVE_CAIRO
    assert_int_equal(status, DRIFT_OK);
    assert_true(read_picture(ctx, path, 3 * 394, 426) > 30000);
    assert_int_equal(plot_points(ctx, path, squares, 3, 2), DRIFT_OK);
    assert_true(read_picture(ctx, path, 2 * 394, 2 * 400 + 26) > 30000);
    assert_int_equal(plot_points(ctx, path, squares, 0, 0), DRIFT_ERROR_SHAPE);
#else
    assert_int_equal(status, DRIFT_ERROR_UNAVAILABLE);
    assert_false(file_exists(path));
#endif
    drift_error_clear(ctx);
}

static void test_sheet(void **state)
{
    drift_context *ctx = *state;
    enum { ROWS = 2, COLUMNS = 3, H = 4, W = 5 };
    unsigned char images[ROWS * COLUMNS * H * W * 3];
    char path[512];
    image img;
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (unsigned char)(i % 251);
    place(path, "sheet.png");
    assert_int_equal(plot_sheet(ctx, path, images, ROWS, COLUMNS, H, W, 3, 2),
                     DRIFT_OK);
    assert_int_equal(image_read(ctx, path, &img), DRIFT_OK);
    assert_int_equal(img.width, 2 + COLUMNS * (2 * W + 2));
    assert_int_equal(img.height, 2 + ROWS * (2 * H + 2));
    /* Image 4 (second row, second column), pixel (3,2), all of its four. */
    for (int k = 0; k < 4; k++) {
        int y = 2 + (2 * H + 2) + 2 * 3 + k / 2;
        int x = 2 + (2 * W + 2) + 2 * 2 + k % 2;
        assert_memory_equal(img.pixels + (y * img.width + x) * 3,
                            images + ((4 * H + 3) * W + 2) * 3, 3);
    }
    assert_int_equal(img.pixels[0], 255); /* the gap */
    image_free(&img);
    assert_int_equal(plot_sheet(ctx, path, images, 1, 1, H, W, 1, 0), DRIFT_OK);
    assert_int_equal(image_read(ctx, path, &img), DRIFT_OK);
    assert_int_equal(img.channels, 1);
    assert_true(img.width >= 90); /* easy to see */
    image_free(&img);
    assert_int_equal(plot_sheet(ctx, path, images, 1, 1, H, W, 2, 0),
                     DRIFT_ERROR_SHAPE);
    drift_error_clear(ctx);
    assert_int_equal(plot_sheet(ctx, path, images, 1, 1, H, W, 1, 1000000000),
                     DRIFT_ERROR_SHAPE);
    drift_error_clear(ctx);
    assert_int_equal(
        plot_sheet(ctx, "/nowhere/x.png", images, 1, 1, H, W, 1, 1),
        DRIFT_ERROR_IO);
    drift_error_clear(ctx);
}

static void test_gif(void **state)
{
    drift_context *ctx = *state;
    char path[512], names[3][512];
    const char *frames[3];
    unsigned char pixels[30 * 40 * 3];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 30 * 40 * 3; i++)
            pixels[i] = (unsigned char)(i * (k + 3) % 256);
        image img = {30, 40, 3, pixels};
        snprintf(names[k], sizeof names[k], "%s/frame%d.png", folder, k);
        assert_int_equal(image_write_png(ctx, names[k], &img), DRIFT_OK);
        frames[k] = names[k];
    }
    drift_status status = plot_gif(ctx, place(path, "run.gif"), frames, 3, 200);
#ifdef HAVE_GIF
    file_view view;
    assert_int_equal(status, DRIFT_OK);
    assert_int_equal(file_open_view(ctx, path, &view), DRIFT_OK);
    assert_memory_equal(view.data, "GIF89a\x28\0\x1e\0", 10);
    assert_int_equal(view.data[view.size - 1], ';');
    file_close_view(&view);
    /* Another size, a missing file: an error, and the old file stays. */
    image small = {10, 40, 3, pixels};
    assert_int_equal(image_write_png(ctx, names[1], &small), DRIFT_OK);
    assert_int_equal(plot_gif(ctx, path, frames, 3, 200), DRIFT_ERROR_SHAPE);
    drift_error_clear(ctx);
    frames[1] = "/nowhere/frame.png";
    assert_int_equal(plot_gif(ctx, path, frames, 3, 200), DRIFT_ERROR_IO);
    drift_error_clear(ctx);
    assert_int_equal(file_open_view(ctx, path, &view), DRIFT_OK);
    assert_int_equal(view.data[view.size - 1], ';');
    file_close_view(&view);
#else
    assert_int_equal(status, DRIFT_ERROR_UNAVAILABLE);
    assert_false(file_exists(path));
#endif
    drift_error_clear(ctx);
}

static void clear_folder(drift_context *ctx)
{
    char **names, path[512];
    size_t count;
    if (file_list(ctx, folder, &names, &count) != DRIFT_OK)
        return;
    for (size_t i = 0; i < count; i++)
        unlink(place(path, names[i]));
    file_list_free(names, count);
    rmdir(folder);
}

/* Nothing but the pictures is left: no temporary files. */
static void test_no_litter(void **state)
{
    drift_context *ctx = *state;
    char **names;
    size_t count;
    assert_int_equal(file_list(ctx, folder, &names, &count), DRIFT_OK);
    for (size_t i = 0; i < count; i++)
        assert_null(strstr(names[i], ".tmp"));
    file_list_free(names, count);
}

int main(int argc, char **argv)
{
    char temporary[] = "/tmp/drift-plot-XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),     cmocka_unit_test(test_legend),
        cmocka_unit_test(test_curves),    cmocka_unit_test(test_points),
        cmocka_unit_test(test_sheet),     cmocka_unit_test(test_gif),
        cmocka_unit_test(test_no_litter),
    };
    folder = argc > 1 ? argv[1] : mkdtemp(temporary);
    if (!folder)
        return 1;
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    if (argc < 2)
        clear_folder(NULL);
    return failed;
}
