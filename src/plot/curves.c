/* curves: panels of lines in a grid. */
#include "plot/plot.h"

#ifdef HAVE_CAIRO
#include <math.h>

#include "plot/canvas.h"

#define WIDTH  520.0 /* pixels a panel */
#define HEIGHT 300.0
#define LEFT   62.0 /* room for the labels of y */
#define RIGHT  18.0
#define TOP    32.0
#define BOTTOM 46.0
#define LEGEND 18.0 /* height of a row of the legend */
#define SAMPLE 24.0 /* a piece of the line before its name, */
#define GAP    18.0 /* and room after it */

static int shown(const plot_panel *p, double x, double y)
{
    return isfinite(x) && isfinite(y) && (!p->log_y || y > 0);
}

static void find_axes(const plot_panel *p, axis *x, axis *y)
{
    double x_low = INFINITY, x_high = -INFINITY;
    double y_low = INFINITY, y_high = -INFINITY;
    int whole = 1; /* steps */
    for (size_t i = 0; i < p->line_count; i++)
        for (size_t k = 0; k < p->lines[i].count; k++) {
            double at = p->lines[i].x[k], value = p->lines[i].y[k];
            if (!shown(p, at, value))
                continue;
            whole &= at == floor(at);
            x_low = fmin(x_low, at);
            x_high = fmax(x_high, at);
            y_low = fmin(y_low, value);
            y_high = fmax(y_high, value);
        }
    axis_set(x, x_low, x_high, whole ? AXIS_WHOLE : AXIS_LINEAR, 6, 0);
    axis_set(y, y_low, y_high, p->log_y ? AXIS_LOG : AXIS_LINEAR, 5, 1);
}

/* Names from (x,y) on, in as many rows of this width as they need: the height
 * of all, which alone is found out where `draw` is 0. */
static double legend(canvas *c, const plot_panel *p, double x, double y,
                     double width, int draw)
{
    double at = 0, height = 0;
    for (size_t i = 0; i < p->line_count; i++) {
        const char *name = p->lines[i].name;
        if (!name)
            continue;
        double size = SAMPLE + canvas_text_width(c, CANVAS_TEXT, name);
        if (height == 0 || (at > 0 && at + size > width)) {
            at = 0;
            height += LEGEND;
        }
        double base = y + height - LEGEND;
        if (draw) {
            canvas_colour(c, i, 1);
            cairo_set_line_width(c->cairo, 3);
            cairo_move_to(c->cairo, x + at, base - 4);
            cairo_line_to(c->cairo, x + at + SAMPLE - 6, base - 4);
            cairo_stroke(c->cairo);
            canvas_grey(c, 0.2, 1);
            canvas_text(c, x + at + SAMPLE, base, CANVAS_TEXT, 0, TEXT_LEFT,
                        name);
        }
        at += size + GAP;
    }
    return height;
}

/* The points of one stretch of x. */
typedef struct bin {
    double at, low, high, last, sum_x, sum_y, count;
} bin;

static void bin_add(bin *b, double at, double x, double y)
{
    if (b->count == 0)
        *b = (bin){.at = at, .low = y, .high = y};
    b->low = fmin(b->low, y);
    b->high = fmax(b->high, y);
    b->last = y;
    b->sum_x += x;
    b->sum_y += y;
    b->count++;
}

/* Its range, or its mean. */
static void bin_draw(canvas *c, bin *b, int mean, int *begun)
{
    double x = b->sum_x / b->count;
    if (!*begun)
        cairo_move_to(c->cairo, x, mean ? b->sum_y / b->count : b->low);
    *begun = 1;
    if (mean) {
        cairo_line_to(c->cairo, x, b->sum_y / b->count);
    } else {
        cairo_line_to(c->cairo, x, b->low);
        cairo_line_to(c->cairo, x, b->high);
        cairo_line_to(c->cairo, x, b->last);
    }
    b->count = 0;
}

/* What falls into `width` pixels is drawn as one: a million points cost no
 * more than the picture is wide. */
static void trace(canvas *c, const plot_panel *p, const plot_line *l, box area,
                  const axis *x_axis, const axis *y_axis, double width,
                  int mean)
{
    bin b = {0};
    int begun = 0;
    for (size_t k = 0; k <= l->count; k++) {
        if (k < l->count && shown(p, l->x[k], l->y[k])) {
            double x = area.x + axis_place(x_axis, l->x[k]) * area.w;
            double y = area.y + (1 - axis_place(y_axis, l->y[k])) * area.h;
            double at = floor(x / width);
            if (b.count > 0 && at != b.at)
                bin_draw(c, &b, mean, &begun);
            bin_add(&b, at, x, y);
            continue;
        }
        if (b.count > 0)
            bin_draw(c, &b, mean, &begun);
        cairo_stroke(c->cairo); /* NaN breaks the line */
        begun = 0;
    }
}

static void draw_line(canvas *c, const plot_panel *p, size_t index, box area,
                      const axis *x_axis, const axis *y_axis)
{
    const plot_line *l = &p->lines[index];
    int dense = (double)l->count > area.w;
    cairo_set_line_join(c->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(c->cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(c->cairo, l->count == 1 ? 6 : 1.6);
    canvas_colour(c, index, dense ? 0.3 : 1);
    trace(c, p, l, area, x_axis, y_axis, 1, 0);
    if (!dense)
        return;
    canvas_colour(c, index, 1);
    cairo_set_line_width(c->cairo, 1.8);
    trace(c, p, l, area, x_axis, y_axis, 6, 1);
}

static void draw_panel(canvas *c, const plot_panel *p, double x, double y)
{
    axis x_axis, y_axis;
    double width = WIDTH - LEFT - RIGHT;
    double names = legend(c, p, 0, 0, width, 0);
    box area = {x + LEFT, y + TOP + names, width,
                HEIGHT - TOP - BOTTOM - names};
    find_axes(p, &x_axis, &y_axis);
    canvas_grey(c, 0.1, 1);
    if (p->title)
        canvas_text(c, area.x, y + 22, CANVAS_TITLE, 1, TEXT_LEFT, p->title);
    (void)legend(c, p, area.x, y + TOP + 8, width, 1);
    canvas_axes(c, area, &x_axis, &y_axis);
    canvas_grey(c, 0.3, 1);
    if (p->x_label)
        canvas_text(c, area.x + area.w / 2, y + HEIGHT - 10, CANVAS_TEXT, 0,
                    TEXT_CENTRE, p->x_label);
    cairo_save(c->cairo);
    cairo_rectangle(c->cairo, area.x - 2, area.y - 2, area.w + 4, area.h + 4);
    cairo_clip(c->cairo);
    for (size_t i = 0; i < p->line_count; i++)
        draw_line(c, p, i, area, &x_axis, &y_axis);
    cairo_restore(c->cairo);
}

drift_status plot_curves(drift_context *ctx, const char *path,
                         const plot_panel *panels, size_t count)
{
    drift_status status = DRIFT_OK;
    canvas c = {0};
    size_t columns = count <= 3 ? count : count == 4 ? 2 : 3;
    if (!count)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "no panels to draw in '%s'", path);
    size_t rows = (count + columns - 1) / columns;
    TRY(canvas_open(ctx, &c, WIDTH * (double)columns, HEIGHT * (double)rows));
    for (size_t i = 0; i < count; i++)
        draw_panel(&c, &panels[i], WIDTH * (double)(i % columns),
                   HEIGHT * (double)(i / columns));
    TRY(canvas_write(&c, path));
out:
    canvas_close(&c);
    return status;
}
#else
drift_status plot_curves(drift_context *ctx, const char *path,
                         const plot_panel *panels, size_t count)
{
    (void)panels;
    (void)count;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "no '%s': this build was made without cairo", path);
}
#endif
