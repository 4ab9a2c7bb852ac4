/* Loops over [positions, channels]. Narrow maps that lie without gaps are seen
 * as wider ones, several positions a row, so that the inner loops are long. */
#include "cpu/channels.h"

#include <string.h>

#include "cpu/activation.h"
#include "cpu/cpu.h"

#define WIDE  128 /* narrower rows are joined up to this */
#define BLOCK 128 /* rows summed in f32 before they go to a double */

channel_units channel_units_of(const tensor *x, size_t group)
{
    channel_units s = {.samples = x->shape.dim[0],
                       .c = x->shape.dim[x->shape.ndim - 1]};
    size_t all = s.samples * s.c;
    size_t most = s.samples >= 32 ? CHANNELS_MOST : 64;
    s.positions = all ? tensor_count(x) / all : 0;
    s.slice = most / group ? most / group * group : group;
    s.slice = least(s.slice, s.c);
    s.slices = s.slice ? (s.c + s.slice - 1) / s.slice : 0;
    s.count = s.samples * s.slices;
    return s;
}

channel_unit channel_unit_of(const channel_units *s, size_t i)
{
    channel_unit u = {.sample = i / s->slices,
                      .first = i % s->slices * s->slice};
    u.row = u.sample * s->c + u.first;
    u.at = u.sample * s->positions * s->c + u.first;
    u.map = (channels){s->positions, least(s->slice, s->c - u.first), s->c};
    return u;
}

/* The map as `wide` rows of `repeat` positions, then one of the rest. */
typedef struct layout {
    size_t repeat;
    channels wide, rest;
} layout;

static layout layout_of(channels s)
{
    layout l = {.repeat = 1, .wide = s};
    if (s.width < WIDE / 2 && s.stride == s.width) {
        l.repeat = WIDE / s.width;
        l.wide.rows = s.rows / l.repeat;
        l.wide.width = l.wide.stride = l.repeat * s.width;
        l.rest.rows = 1;
        l.rest.width = s.rows % l.repeat * s.width;
    }
    return l;
}

static size_t rest_offset(const layout *l)
{
    return l->wide.rows * l->wide.stride;
}

static const float *repeated(float tile[CHANNELS_MOST], const float *v,
                             size_t width, const layout *l)
{
    if (l->repeat == 1)
        return v;
    for (size_t i = 0; i < l->repeat; i++)
        memcpy(tile + i * width, v, width * sizeof *v);
    return tile;
}

/* -- sums --------------------------------------------------------------------
 */

static CPU_SIMD void sum_rows(float *restrict sum, const float *restrict x,
                              channels s)
{
    size_t r = 0;
    for (; r + 4 <= s.rows; r += 4) {
        const float *restrict a = x + r * s.stride;
        const float *restrict b = a + s.stride;
        const float *restrict c = b + s.stride;
        const float *restrict d = c + s.stride;
        for (size_t i = 0; i < s.width; i++)
            sum[i] += (a[i] + b[i]) + (c[i] + d[i]);
    }
    for (; r < s.rows; r++)
        for (size_t i = 0; i < s.width; i++)
            sum[i] += x[r * s.stride + i];
}

static CPU_SIMD void square_rows(float *restrict sum, float *restrict squares,
                                 const float *restrict x,
                                 const float *restrict m, channels s)
{
    size_t r = 0;
    for (; r + 2 <= s.rows; r += 2) {
        const float *restrict a = x + r * s.stride;
        const float *restrict b = a + s.stride;
        for (size_t i = 0; i < s.width; i++) {
            float d = a[i] - m[i], e = b[i] - m[i];
            sum[i] += d + e;
            squares[i] += d * d + e * e;
        }
    }
    for (; r < s.rows; r++)
        for (size_t i = 0; i < s.width; i++) {
            float d = x[r * s.stride + i] - m[i];
            sum[i] += d;
            squares[i] += d * d;
        }
}

/* The operands of a loop over rows that goes through an activation. */
typedef struct slope_rows {
    float *sum, *dot, *du;
    const float *dy, *x, *m, *a, *b;
} slope_rows;

ALWAYS_INLINE void dot_loop(int kind, const slope_rows *o, channels s)
{
    float *restrict sum = o->sum, *restrict dot = o->dot, *restrict du = o->du;
    const float *restrict dy = o->dy, *restrict x = o->x, *restrict m = o->m;
    const float *restrict u = o->a, *restrict v = o->b;
    size_t r = 0;
    for (; r + 2 <= s.rows; r += 2) {
        size_t j = r * s.stride, k = j + s.stride;
#pragma omp simd
        for (size_t i = 0; i < s.width; i++) {
            float a = dy[j + i], b = dy[k + i];
            float d = x[j + i] - m[i], e = x[k + i] - m[i];
            if (kind != ACT_NONE) {
                du[j + i] = a *= act_slope(kind, d * u[i] + v[i]);
                du[k + i] = b *= act_slope(kind, e * u[i] + v[i]);
            }
            sum[i] += a + b;
            dot[i] += a * d + b * e;
        }
    }
    for (; r < s.rows; r++) {
        size_t j = r * s.stride;
#pragma omp simd
        for (size_t i = 0; i < s.width; i++) {
            float a = dy[j + i], d = x[j + i] - m[i];
            if (kind != ACT_NONE)
                du[j + i] = a *= act_slope(kind, d * u[i] + v[i]);
            sum[i] += a;
            dot[i] += a * d;
        }
    }
}

static CPU_SIMD void dot_rows(const slope_rows *o, int kind, channels s)
{
    switch (kind) {
    case ACT_NONE:
        dot_loop(ACT_NONE, o, s);
        break;
    case ACT_SILU:
        dot_loop(ACT_SILU, o, s);
        break;
    case ACT_GELU_ERF:
        dot_loop(ACT_GELU_ERF, o, s);
        break;
    case ACT_GELU_TANH:
        dot_loop(ACT_GELU_TANH, o, s);
        break;
    case ACT_RELU:
        dot_loop(ACT_RELU, o, s);
        break;
    case ACT_TANH:
        dot_loop(ACT_TANH, o, s);
        break;
    }
}

static const float zeros[CHANNELS_MOST];

static void fold(double *out, const float *tile, size_t count, size_t width)
{
    for (size_t i = 0, c = 0; i < count; i++, c = c + 1 == width ? 0 : c + 1)
        out[c] += (double)tile[i];
}

/* The next block of rows at `*row`: its offset, and its size in *part; 0 rows
 * at the end. */
static size_t next_block(const layout *l, size_t *row, channels *part)
{
    size_t at = *row * l->wide.stride;
    *part = l->wide;
    if (*row < l->wide.rows) {
        size_t left = l->wide.rows - *row;
        part->rows = least(left, BLOCK);
        *row += part->rows;
    } else {
        *part = l->rest;
        part->rows = *row == l->wide.rows && l->rest.width ? 1 : 0;
        *row = l->wide.rows + 1;
    }
    return at;
}

void channels_sums(double *sum, double *squares, const float *x, const float *m,
                   channels s)
{
    float tile[CHANNELS_MOST], tile2[CHANNELS_MOST], mean[CHANNELS_MOST];
    layout l = layout_of(s);
    const float *mp = repeated(mean, m ? m : zeros, s.width, &l);
    channels part;
    for (size_t row = 0, at; at = next_block(&l, &row, &part), part.rows;) {
        memset(tile, 0, part.width * sizeof *tile);
        if (squares || m) {
            memset(tile2, 0, part.width * sizeof *tile2);
            square_rows(tile, tile2, x + at, mp, part);
            if (squares)
                fold(squares, tile2, part.width, s.width);
        } else {
            sum_rows(tile, x + at, part);
        }
        fold(sum, tile, part.width, s.width);
    }
}

void channels_slope_dots(double *sum, double *dot, float *du, const float *dy,
                         const float *x, const float *m, const float *a,
                         const float *b, int kind, channels s)
{
    float tile[5][CHANNELS_MOST];
    layout l = layout_of(s);
    slope_rows o = {.sum = tile[0], .dot = tile[1]};
    o.m = repeated(tile[2], m ? m : zeros, s.width, &l);
    if (kind != ACT_NONE) {
        o.a = repeated(tile[3], a, s.width, &l);
        o.b = repeated(tile[4], b, s.width, &l);
    }
    channels part;
    for (size_t row = 0, at; at = next_block(&l, &row, &part), part.rows;) {
        memset(o.sum, 0, part.width * sizeof *o.sum);
        memset(o.dot, 0, part.width * sizeof *o.dot);
        o.du = du ? du + at : NULL;
        o.dy = dy + at;
        o.x = x + at;
        dot_rows(&o, kind, part);
        fold(sum, o.sum, part.width, s.width);
        fold(dot, o.dot, part.width, s.width);
    }
}

void channels_dots(double *sum, double *dot, const float *dy, const float *x,
                   const float *m, channels s)
{
    channels_slope_dots(sum, dot, NULL, dy, x, m, NULL, NULL, ACT_NONE, s);
}

/* -- maps --------------------------------------------------------------------
 */

ALWAYS_INLINE void map_loop(int kind, float *restrict y,
                            const float *restrict x, const float *restrict m,
                            const float *restrict a, const float *restrict b,
                            channels s)
{
    for (size_t r = 0; r < s.rows; r++)
        for (size_t i = 0; i < s.width; i++)
            y[r * s.stride + i] =
                act_value(kind, (x[r * s.stride + i] - m[i]) * a[i] + b[i]);
}

static CPU_SIMD void map_rows(float *y, const float *x, const float *m,
                              const float *a, const float *b, int kind,
                              channels s)
{
    switch (kind) {
    case ACT_NONE:
        map_loop(ACT_NONE, y, x, m, a, b, s);
        break;
    case ACT_SILU:
        map_loop(ACT_SILU, y, x, m, a, b, s);
        break;
    case ACT_GELU_ERF:
        map_loop(ACT_GELU_ERF, y, x, m, a, b, s);
        break;
    case ACT_GELU_TANH:
        map_loop(ACT_GELU_TANH, y, x, m, a, b, s);
        break;
    case ACT_RELU:
        map_loop(ACT_RELU, y, x, m, a, b, s);
        break;
    case ACT_TANH:
        map_loop(ACT_TANH, y, x, m, a, b, s);
        break;
    }
}

void channels_map(float *y, const float *x, const float *m, const float *a,
                  const float *b, int kind, channels s)
{
    float tile[3][CHANNELS_MOST];
    layout l = layout_of(s);
    size_t rest = rest_offset(&l);
    m = repeated(tile[0], m, s.width, &l);
    a = repeated(tile[1], a, s.width, &l);
    b = repeated(tile[2], b, s.width, &l);
    map_rows(y, x, m, a, b, kind, l.wide);
    map_rows(y + rest, x + rest, m, a, b, kind, l.rest);
}

static CPU_SIMD void gate_rows(float *y, const float *x,
                               const float *restrict q, const float *restrict a,
                               channels s)
{
    for (size_t r = 0; r < s.rows; r++) {
        float *yr = y + r * s.stride;
        const float *xr = x + r * s.stride, *qr = q + r * s.stride;
#pragma omp simd
        for (size_t i = 0; i < s.width; i++)
            yr[i] = xr[i] + qr[i] * a[i];
    }
}

static CPU_SIMD void scale_rows(float *restrict y, const float *restrict q,
                                const float *restrict a, channels s)
{
    for (size_t r = 0; r < s.rows; r++)
        for (size_t i = 0; i < s.width; i++)
            y[r * s.stride + i] = q[r * s.stride + i] * a[i];
}

void channels_gate(float *y, const float *x, const float *r, const float *a,
                   channels s)
{
    float tile[CHANNELS_MOST];
    layout l = layout_of(s);
    size_t rest = rest_offset(&l);
    a = repeated(tile, a, s.width, &l);
    if (x) {
        gate_rows(y, x, r, a, l.wide);
        gate_rows(y + rest, x + rest, r + rest, a, l.rest);
    } else {
        scale_rows(y, r, a, l.wide);
        scale_rows(y + rest, r + rest, a, l.rest);
    }
}

ALWAYS_INLINE void norm_back_loop(
    int add, float *restrict dx, const float *restrict dy,
    const float *restrict x, const float *restrict m, const float *restrict a,
    const float *restrict p, const float *restrict q, channels s)
{
    for (size_t r = 0; r < s.rows; r++) {
        size_t at = r * s.stride;
        for (size_t i = 0; i < s.width; i++) {
            float d = dy[at + i] * a[i] + (x[at + i] - m[i]) * p[i] + q[i];
            dx[at + i] = add ? dx[at + i] + d : d;
        }
    }
}

static CPU_SIMD void norm_back_rows(float *dx, int add, const float *dy,
                                    const float *x, const float *m,
                                    const float *a, const float *p,
                                    const float *q, channels s)
{
    if (add)
        norm_back_loop(1, dx, dy, x, m, a, p, q, s);
    else
        norm_back_loop(0, dx, dy, x, m, a, p, q, s);
}

void channels_norm_back(float *dx, int add, const float *dy, const float *x,
                        const float *m, const float *a, const float *p,
                        const float *q, channels s)
{
    float tile[4][CHANNELS_MOST];
    layout l = layout_of(s);
    size_t rest = rest_offset(&l);
    m = repeated(tile[0], m, s.width, &l);
    a = repeated(tile[1], a, s.width, &l);
    p = repeated(tile[2], p, s.width, &l);
    q = repeated(tile[3], q, s.width, &l);
    norm_back_rows(dx, add, dy, x, m, a, p, q, l.wide);
    norm_back_rows(dx + rest, add, dy + rest, x + rest, m, a, p, q, l.rest);
}

/* -- rows --------------------------------------------------------------------
 */

void channels_add_rows(float *out, const float *rows, size_t n, size_t c)
{
#pragma omp parallel for if (n * c > CPU_SMALL)
    for (size_t begin = 0; begin < c; begin += 64) {
        double sum[64] = {0};
        size_t width = least(64, c - begin);
        for (size_t r = 0; r < n; r++)
            for (size_t i = 0; i < width; i++)
                sum[i] += (double)rows[r * c + begin + i];
        for (size_t i = 0; i < width; i++)
            out[begin + i] += (float)sum[i];
    }
}
