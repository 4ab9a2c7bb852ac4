/* Loops over a map [positions, channels] with one number a channel: the shared
 * inside of groupnorm, modulate and gate. A map is a slice of `width` channels
 * of `rows` positions that lie `stride` floats apart. No OpenMP in here: the
 * ops call these from their parallel loops. */
#ifndef CPU_CHANNELS_H
#define CPU_CHANNELS_H

#include "ops/tensor.h"

/* The widest slice; wider maps are cut. */
#define CHANNELS_MOST 512

typedef struct channels {
    size_t rows, width, stride;
} channels;

/* How a tensor [b,...,c] is cut into independent units: one sample each and,
 * where samples are few or wide, a slice of the channels, so that there is
 * work for several threads. Slices are whole groups of `group` channels. */
typedef struct channel_units {
    size_t samples, positions, c;
    size_t slice, slices; /* channels a slice, slices a sample */
    size_t count;         /* of units */
} channel_units;

typedef struct channel_unit {
    size_t sample, first; /* the slice's first channel */
    size_t row;           /* sample * c + first: place in a tensor [b,c] */
    size_t at;            /* place of the first number in the map */
    channels map;         /* as wide as the group where that is wider than
                             CHANNELS_MOST: the op cuts it */
} channel_unit;

channel_units channel_units_of(const tensor *x, size_t group);
channel_unit channel_unit_of(const channel_units *s, size_t i);

/* sum[c] += x - m[c], squares[c] += (x - m[c])^2; m NULL = 0, squares may be
 * NULL. */
void channels_sums(double *sum, double *squares, const float *x, const float *m,
                   channels s);
/* sum[c] += dy, dot[c] += dy (x - m[c]); m NULL = 0. */
void channels_dots(double *sum, double *dot, const float *dy, const float *x,
                   const float *m, channels s);
/* du = dy f'((x - m[c]) a[c] + b[c]), kind = ACT_*; sum[c] += du,
 * dot[c] += du (x - m[c]). */
void channels_slope_dots(double *sum, double *dot, float *du, const float *dy,
                         const float *x, const float *m, const float *a,
                         const float *b, int kind, channels s);
/* y = f((x - m[c]) a[c] + b[c]), kind = ACT_* or ACT_NONE. */
void channels_map(float *y, const float *x, const float *m, const float *a,
                  const float *b, int kind, channels s);
/* y = x + r a[c]; x may be NULL, and may be y. */
void channels_gate(float *y, const float *x, const float *r, const float *a,
                   channels s);
/* dx (+)= dy a[c] + (x - m[c]) p[c] + q[c]. */
void channels_norm_back(float *dx, int add, const float *dy, const float *x,
                        const float *m, const float *a, const float *p,
                        const float *q, channels s);

/* Rows of c numbers that one call of a row loop works on: about what the first
 * level cache holds. */
static inline size_t cpu_block_rows(size_t c)
{
    return c < 4096 ? 4096 / (c + !c) : 1;
}

/* out[c] += the sum over n rows of rows[n][c], in double, row by row; all
 * threads. */
void channels_add_rows(float *out, const float *rows, size_t n, size_t c);

#endif
