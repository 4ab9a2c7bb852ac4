/* points: squares of point clouds and arrows, side by side. */
#include "plot/plot.h"

#ifdef HAVE_CAIRO
#include <math.h>

#include "plot/canvas.h"

#define SIDE   340.0 /* pixels of a square */
#define LEFT   40.0
#define RIGHT  14.0
#define TOP    34.0
#define BOTTOM 26.0
#define LEGEND 26.0

static int is_shown(const plot_cloud *cloud, size_t i)
{
    return isfinite(cloud->xy[2 * i]) && isfinite(cloud->xy[2 * i + 1]);
}

/* The bounds asked for, or a square about all points. */
static void find_bounds(const plot_square *s, double low[2], double high[2])
{
    low[0] = low[1] = s->low;
    high[0] = high[1] = s->high;
    if (s->low < s->high)
        return;
    for (int k = 0; k < 2; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
        for (size_t i = 0; i < s->cloud_count; i++)
            for (size_t j = 0; j < s->clouds[i].count; j++) {
                double at = (double)s->clouds[i].xy[2 * j + (size_t)k];
                if (!is_shown(&s->clouds[i], j))
                    continue;
                low[k] = fmin(low[k], at);
                high[k] = fmax(high[k], at);
            }
        if (!(low[k] <= high[k])) {
            low[k] = -1;
            high[k] = 1;
        }
    }
    double side = fmax(high[0] - low[0], high[1] - low[1]);
    side = side > 0 ? 1.08 * side : 1;
    for (int k = 0; k < 2; k++) {
        double middle = (low[k] + high[k]) / 2;
        low[k] = middle - side / 2;
        high[k] = middle + side / 2;
    }
}

/* Background clouds are grey, the others take the palette's colours. */
static void cloud_colour(canvas *c, const plot_square *s, size_t index,
                         size_t point, double opacity)
{
    const plot_cloud *cloud = &s->clouds[index];
    size_t colour = 0;
    if (cloud->faint) {
        canvas_grey(c, 0.62, opacity);
        return;
    }
    if (cloud->arrows) {
        canvas_grey(c, 0.15, 0.9);
        return;
    }
    for (size_t i = 0; i < index; i++)
        colour += !s->clouds[i].faint && !s->clouds[i].arrows;
    if (cloud->group)
        colour += (size_t)(cloud->group[point] < 0 ? 0 : cloud->group[point]);
    canvas_colour(c, colour, opacity);
}

static void draw_arrow(canvas *c, double x, double y, double dx, double dy)
{
    double length = hypot(dx, dy), head = fmin(4, 0.4 * length);
    if (length < 0.75)
        return;
    double ux = dx / length, uy = dy / length;
    cairo_move_to(c->cairo, x, y);
    cairo_line_to(c->cairo, x + dx - head * ux, y + dy - head * uy);
    cairo_stroke(c->cairo);
    cairo_move_to(c->cairo, x + dx, y + dy);
    cairo_line_to(c->cairo, x + dx - head * (ux + 0.5 * uy),
                  y + dy - head * (uy - 0.5 * ux));
    cairo_line_to(c->cairo, x + dx - head * (ux - 0.5 * uy),
                  y + dy - head * (uy + 0.5 * ux));
    cairo_close_path(c->cairo);
    cairo_fill(c->cairo);
}

static void draw_cloud(canvas *c, const plot_square *s, size_t index, box area,
                       const axis *x_axis, const axis *y_axis)
{
    const plot_cloud *cloud = &s->clouds[index];
    double many = (double)cloud->count;
    double radius = fmin(3.5, fmax(1.1, 45 / sqrt(many + 1)));
    double opacity = fmin(0.9, fmax(0.5, 20 / sqrt(many + 1)));
    for (size_t i = 0; i < cloud->count; i++) {
        if (!is_shown(cloud, i))
            continue;
        double px = (double)cloud->xy[2 * i];
        double py = (double)cloud->xy[2 * i + 1];
        double x = area.x + axis_place(x_axis, px) * area.w;
        double y = area.y + (1 - axis_place(y_axis, py)) * area.h;
        cloud_colour(c, s, index, i, opacity);
        if (cloud->arrows) {
            double dx = (double)cloud->arrows[2 * i];
            double dy = (double)cloud->arrows[2 * i + 1];
            cairo_set_line_width(c->cairo, 1.1);
            if (isfinite(dx) && isfinite(dy))
                draw_arrow(c, x, y, dx / (x_axis->high - x_axis->low) * area.w,
                           -dy / (y_axis->high - y_axis->low) * area.h);
            continue;
        }
        cairo_arc(c->cairo, x, y, radius, 0, 2 * acos(-1));
        cairo_fill(c->cairo);
    }
}

static void draw_square(canvas *c, const plot_square *s, double x, double y)
{
    double low[2], high[2];
    axis x_axis, y_axis;
    box area = {x + LEFT, y + TOP, SIDE, SIDE};
    find_bounds(s, low, high);
    axis_set(&x_axis, low[0], high[0], AXIS_LINEAR, 5, 0);
    axis_set(&y_axis, low[1], high[1], AXIS_LINEAR, 5, 0);
    canvas_grey(c, 0.1, 1);
    if (s->title)
        canvas_text(c, area.x + area.w / 2, y + 24, CANVAS_TITLE, 1,
                    TEXT_CENTRE, s->title);
    canvas_axes(c, area, &x_axis, &y_axis);
    cairo_save(c->cairo);
    cairo_rectangle(c->cairo, area.x, area.y, area.w, area.h);
    cairo_clip(c->cairo);
    for (size_t i = 0; i < s->cloud_count; i++)
        draw_cloud(c, s, i, area, &x_axis, &y_axis);
    cairo_restore(c->cairo);
}

/* One legend for all squares, of the clouds of the fullest. */
static void draw_legend(canvas *c, const plot_square *squares, size_t count,
                        double y)
{
    const plot_square *s = squares;
    double x = LEFT;
    for (size_t i = 1; i < count; i++)
        if (squares[i].cloud_count > s->cloud_count)
            s = &squares[i];
    for (size_t i = 0; i < s->cloud_count; i++) {
        const plot_cloud *cloud = &s->clouds[i];
        if (!cloud->name || cloud->group)
            continue;
        cloud_colour(c, s, i, 0, 1);
        if (cloud->arrows) {
            cairo_set_line_width(c->cairo, 1.5);
            draw_arrow(c, x, y - 4, 16, 0);
        } else {
            cairo_arc(c->cairo, x + 8, y - 4, 4.5, 0, 2 * acos(-1));
            cairo_fill(c->cairo);
        }
        canvas_grey(c, 0.2, 1);
        canvas_text(c, x + 22, y, CANVAS_TEXT, 0, TEXT_LEFT, cloud->name);
        x += 22 + canvas_text_width(c, CANVAS_TEXT, cloud->name) + 20;
    }
}

drift_status plot_points(drift_context *ctx, const char *path,
                         const plot_square *squares, size_t count,
                         size_t columns)
{
    drift_status status = DRIFT_OK;
    canvas c = {0};
    double width = LEFT + SIDE + RIGHT, height = TOP + SIDE + BOTTOM;
    if (!count)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "no squares to draw in '%s'", path);
    if (!columns || columns > count)
        columns = count;
    size_t rows = (count + columns - 1) / columns;
    TRY(canvas_open(ctx, &c, width * (double)columns,
                    height * (double)rows + LEGEND));
    for (size_t i = 0; i < count; i++)
        draw_square(&c, &squares[i], width * (double)(i % columns),
                    height * (double)(i / columns));
    draw_legend(&c, squares, count, height * (double)rows + 14);
    TRY(canvas_write(&c, path));
out:
    canvas_close(&c);
    return status;
}
#else
drift_status plot_points(drift_context *ctx, const char *path,
                         const plot_square *squares, size_t count,
                         size_t columns)
{
    (void)squares;
    (void)count;
    (void)columns;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "no '%s': this build was made without cairo", path);
}
#endif
