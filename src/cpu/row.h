/* Vectorised work on one contiguous row, shared by the ops that move and sum
 * numbers. No OpenMP inside: callers run them from parallel loops. */
#ifndef CPU_ROW_H
#define CPU_ROW_H

#include <stddef.h>

/* Distances come as |x|^2 + |y|^2 - 2 x.y of points less their mean, but for
 * pairs with d^2 below this share of |x|^2 + |y|^2, the near ones, and for
 * points of few coordinates: those come from the differences of the points as
 * given (taking the mean off has rounded them). */
#define DISTANCE_NEAR   1e-3f
#define DISTANCE_DIRECT 8

/* y += x */
void row_add(float *restrict y, const float *restrict x, size_t n);
/* y += a x */
void row_axpy(float *restrict y, const float *restrict x, float a, size_t n);
/* y = x, or y += x when `adding`. */
void row_move(float *restrict y, const float *restrict x, size_t n, int adding);
/* sum += x, in double. */
void row_sum(double *restrict sum, const float *restrict x, size_t n);
/* y += a (p - q) */
void row_difference(float *restrict y, const float *p, const float *q, float a,
                    size_t n);
/* |x|^2 and |x - y|^2 */
float row_square(const float *x, size_t n);
float row_distance2(const float *x, const float *y, size_t n);

#endif
