/* Pictures of a run, as PNG. All need cairo (DRIFT_ERROR_UNAVAILABLE without),
 * but for plot_sheet. */
#ifndef PLOT_PLOT_H
#define PLOT_PLOT_H

#include "base/error.h"

/* One line of a panel: y over x; NaN breaks the line. */
typedef struct plot_line {
    const char *name;
    const double *x, *y;
    size_t count;
} plot_line;

typedef struct plot_panel {
    const char *title, *x_label;
    int log_y;
    const plot_line *lines;
    size_t line_count;
} plot_panel;

/* Panels in a grid (curves.png). */
drift_status plot_curves(drift_context *ctx, const char *path,
                         const plot_panel *panels,
                         size_t count) DRIFT_MUST_CHECK;

/* A cloud of 2-D points: xy [count,2]; arrows [count,2] or NULL are drawn from
 * the points. group [count] picks the colour, or NULL. */
typedef struct plot_cloud {
    const char *name;
    const float *xy;
    const float *arrows;
    const int *group;
    size_t count;
    int faint; /* drawn light, behind: the data */
} plot_cloud;

/* One square of clouds. low and high bound both axes; equal: from the data. */
typedef struct plot_square {
    const char *title;
    const plot_cloud *clouds;
    size_t cloud_count;
    float low, high;
} plot_square;

/* Squares side by side, `columns` a row (0: all in one). */
drift_status plot_points(drift_context *ctx, const char *path,
                         const plot_square *squares, size_t count,
                         size_t columns) DRIFT_MUST_CHECK;

/* A sheet of images: u8 [rows*columns,h,w,c] (c 1 or 3), a gap between,
 * enlarged by a whole factor (0: chosen so that a picture is easy to see). */
drift_status plot_sheet(drift_context *ctx, const char *path,
                        const unsigned char *images, size_t rows,
                        size_t columns, size_t h, size_t w, size_t c,
                        int enlarge) DRIFT_MUST_CHECK;

/* An animated GIF of PNG files of one size (needs giflib). */
drift_status plot_gif(drift_context *ctx, const char *path,
                      const char *const *pngs, size_t count,
                      int delay_ms) DRIFT_MUST_CHECK;

#endif
