/* A picture being drawn: cairo with our colours, text and PNG output. Only for
 * files that are compiled with HAVE_CAIRO. */
#ifndef PLOT_CANVAS_H
#define PLOT_CANVAS_H

#include <cairo.h>

#include "base/error.h"
#include "plot/axis.h"

#define CANVAS_TEXT  12.0 /* pixels: labels */
#define CANVAS_TITLE 14.0
#define CANVAS_MOST  16384 /* pixels a side */

typedef struct canvas {
    drift_context *ctx;
    cairo_surface_t *surface;
    cairo_t *cairo;
} canvas;

typedef struct box {
    double x, y, w, h;
} box;

typedef enum text_align { TEXT_LEFT, TEXT_CENTRE, TEXT_RIGHT } text_align;

/* White, of this size. *c is to be closed even after a failure. */
drift_status canvas_open(drift_context *ctx, canvas *c, double width,
                         double height) DRIFT_MUST_CHECK;
void canvas_close(canvas *c);
drift_status canvas_write(canvas *c, const char *path) DRIFT_MUST_CHECK;

/* Colour `index` of the palette, which repeats. */
void canvas_colour(canvas *c, size_t index, double opacity);
void canvas_grey(canvas *c, double lightness, double opacity);
/* Text with its baseline at y, in the colour set. */
void canvas_text(canvas *c, double x, double y, double size, int bold,
                 text_align align, const char *text);
double canvas_text_width(canvas *c, double size, const char *text);
/* Frame, grid and labels of a plot area. */
void canvas_axes(canvas *c, box area, const axis *x, const axis *y);

#endif
