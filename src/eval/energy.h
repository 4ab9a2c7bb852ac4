/* Energy distance of two point sets: 2 E|x-y| - E|x-x'| - E|y-y'|, all pairs
 * (the V-statistic: never negative, 0 for equal sets). Host arrays [n,d] and
 * [m,d]; needs no memory to speak of. */
#ifndef EVAL_ENERGY_H
#define EVAL_ENERGY_H

#include <stddef.h>

double energy_distance(const float *x, size_t n, const float *y, size_t m,
                       size_t d);

#endif
