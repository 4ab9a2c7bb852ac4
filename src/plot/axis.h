/* One axis: its range, round ticks, and the labels at them. */
#ifndef PLOT_AXIS_H
#define PLOT_AXIS_H

#include <stddef.h>

#define AXIS_TICKS 16
#define AXIS_TEXT  24

typedef struct axis {
    double low, high; /* the range shown; of the logarithm when `log` */
    int log;
    size_t count;
    double tick[AXIS_TICKS]; /* values, not their logarithms */
    char label[AXIS_TICKS][AXIS_TEXT];
} axis;

typedef enum axis_scale {
    AXIS_LINEAR,
    AXIS_LOG,
    AXIS_WHOLE /* linear, ticks at whole numbers only */
} axis_scale;

/* An axis over [low,high] with about `wanted` ticks. With `pad` the range is
 * widened a little, so that lines stay off the frame; an empty range opens
 * around its value. A range that is not finite becomes [0,1]; a logarithmic
 * one that is not positive becomes [1,10]. */
void axis_set(axis *a, double low, double high, axis_scale scale, int wanted,
              int pad);
/* Where a value lies: 0 at the low end, 1 at the high end; NaN where it has no
 * place (0 on a logarithmic axis). */
double axis_place(const axis *a, double value);

#endif
