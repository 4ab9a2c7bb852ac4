/* Vectorised work on one contiguous row, shared by the ops that move and sum
 * numbers. No OpenMP inside: callers run them from parallel loops. */
#ifndef CPU_ROW_H
#define CPU_ROW_H

#include <stddef.h>

/* y += x */
void row_add(float *restrict y, const float *restrict x, size_t n);
/* y += a x */
void row_axpy(float *restrict y, const float *restrict x, float a, size_t n);
/* y = x, or y += x when `adding`. */
void row_move(float *restrict y, const float *restrict x, size_t n, int adding);
/* sum += x, in double. */
void row_sum(double *restrict sum, const float *restrict x, size_t n);
/* |x|^2 and |x - y|^2 */
float row_square(const float *x, size_t n);
float row_distance2(const float *x, const float *y, size_t n);

#endif
