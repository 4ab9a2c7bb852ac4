/* f16, IEEE 754's binary16: 11 bits of precision, 2^-24 to 65504. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Magnitudes from here on round to infinity. */
#define HALF_LIMIT 65520.f

/* Exact, for all halves. */
void half_read(float *restrict to, const uint16_t *restrict from, size_t n);

/* To nearest, ties to even. Returns the largest magnitude, NaN where there is
 * one: what was written is `from` when that is below HALF_LIMIT. */
float half_write(uint16_t *restrict to, const float *restrict from, size_t n);

#endif
