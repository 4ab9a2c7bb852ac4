/* Activations of a run of numbers, for ops that apply one on the way. */
#ifndef CPU_ACTIVATION_H
#define CPU_ACTIVATION_H

#include <stddef.h>

/* y = f(x), kind = ACT_*; y may be x. */
void activation_apply(float *y, const float *x, size_t n, int kind);
/* d = dy f'(x); d may be x. */
void activation_slope(float *d, const float *dy, const float *x, size_t n,
                      int kind);

#endif
