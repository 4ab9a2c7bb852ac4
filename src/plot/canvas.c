/* A picture being drawn: see canvas.h. */
#ifdef HAVE_CAIRO
#include "plot/canvas.h"

#include <math.h>

#include "base/mem.h"
#include "formats/image.h"

/* Okabe and Ito: told apart by colour-blind readers, too. */
static const double palette[][3] = {
    {0, 114, 178}, {213, 94, 0},   {0, 158, 115}, {204, 121, 167},
    {230, 159, 0}, {86, 180, 233}, {60, 60, 60},  {148, 130, 20}};
#define PALETTE (sizeof palette / sizeof *palette)

drift_status canvas_open(drift_context *ctx, canvas *c, double width,
                         double height)
{
    *c = (canvas){.ctx = ctx};
    if (width > CANVAS_MOST || height > CANVAS_MOST)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "a picture of %.0f x %.0f pixels is too large", width,
                     height);
    c->surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    c->cairo = cairo_create(c->surface);
    if (cairo_status(c->cairo) != CAIRO_STATUS_SUCCESS)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "cairo: %s",
                     cairo_status_to_string(cairo_status(c->cairo)));
    cairo_set_source_rgb(c->cairo, 1, 1, 1);
    cairo_paint(c->cairo);
    return DRIFT_OK;
}

void canvas_close(canvas *c)
{
    if (c->cairo)
        cairo_destroy(c->cairo);
    if (c->surface)
        cairo_surface_destroy(c->surface);
    *c = (canvas){0};
}

drift_status canvas_write(canvas *c, const char *path)
{
    drift_status status = DRIFT_OK;
    image img = {0};
    cairo_surface_flush(c->surface);
    if (cairo_status(c->cairo) != CAIRO_STATUS_SUCCESS)
        FAIL(c->ctx, DRIFT_ERROR_MEMORY, "cairo: %s",
             cairo_status_to_string(cairo_status(c->cairo)));
    img.width = cairo_image_surface_get_width(c->surface);
    img.height = cairo_image_surface_get_height(c->surface);
    img.channels = 3;
    size_t width = (size_t)img.width, height = (size_t)img.height;
    img.pixels = mem_alloc(c->ctx, width * height, 3);
    if (!img.pixels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    const unsigned char *data = cairo_image_surface_get_data(c->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(c->surface);
    for (size_t i = 0; i < width * height; i++) {
        const void *at = data + i / width * stride + i % width * 4;
        unsigned pixel = *(const uint32_t *)at; /* 0x00RRGGBB */
        for (int k = 0; k < 3; k++)
            img.pixels[3 * i + (size_t)k] =
                (unsigned char)(pixel >> (16 - 8 * k));
    }
    TRY(image_write_png(c->ctx, path, &img));
out:
    image_free(&img);
    return status;
}

void canvas_colour(canvas *c, size_t index, double opacity)
{
    const double *p = palette[index % PALETTE];
    cairo_set_source_rgba(c->cairo, p[0] / 255, p[1] / 255, p[2] / 255,
                          opacity);
}

void canvas_grey(canvas *c, double lightness, double opacity)
{
    cairo_set_source_rgba(c->cairo, lightness, lightness, lightness, opacity);
}

static void choose_font(canvas *c, double size, int bold)
{
    cairo_select_font_face(c->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD
                                : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cairo, size);
}

double canvas_text_width(canvas *c, double size, const char *text)
{
    cairo_text_extents_t extents;
    choose_font(c, size, 0);
    cairo_text_extents(c->cairo, text, &extents);
    return extents.x_advance;
}

void canvas_text(canvas *c, double x, double y, double size, int bold,
                 text_align align, const char *text)
{
    cairo_text_extents_t extents;
    choose_font(c, size, bold);
    cairo_text_extents(c->cairo, text, &extents);
    if (align == TEXT_CENTRE)
        x -= extents.x_advance / 2;
    else if (align == TEXT_RIGHT)
        x -= extents.x_advance;
    cairo_move_to(c->cairo, floor(x), floor(y) + 0.5);
    cairo_show_text(c->cairo, text);
}

/* Lines one pixel wide are sharp at half pixels. */
static double sharp(double at)
{
    return floor(at) + 0.5;
}

static void line(canvas *c, double x0, double y0, double x1, double y1)
{
    cairo_move_to(c->cairo, sharp(x0), sharp(y0));
    cairo_line_to(c->cairo, sharp(x1), sharp(y1));
    cairo_stroke(c->cairo);
}

void canvas_axes(canvas *c, box area, const axis *x, const axis *y)
{
    cairo_set_line_width(c->cairo, 1);
    for (size_t i = 0; i < x->count; i++) {
        double at = area.x + axis_place(x, x->tick[i]) * area.w;
        canvas_grey(c, 0.9, 1);
        line(c, at, area.y, at, area.y + area.h);
        canvas_grey(c, 0.3, 1);
        canvas_text(c, at, area.y + area.h + CANVAS_TEXT + 4, CANVAS_TEXT, 0,
                    TEXT_CENTRE, x->label[i]);
    }
    for (size_t i = 0; i < y->count; i++) {
        double at = area.y + (1 - axis_place(y, y->tick[i])) * area.h;
        canvas_grey(c, 0.9, 1);
        line(c, area.x, at, area.x + area.w, at);
        canvas_grey(c, 0.3, 1);
        canvas_text(c, area.x - 6, at + 0.35 * CANVAS_TEXT, CANVAS_TEXT, 0,
                    TEXT_RIGHT, y->label[i]);
    }
    canvas_grey(c, 0.6, 1);
    cairo_rectangle(c->cairo, sharp(area.x), sharp(area.y), floor(area.w),
                    floor(area.h));
    cairo_stroke(c->cairo);
}
#else
typedef int plot_without_cairo; /* a translation unit needs a declaration */
#endif
