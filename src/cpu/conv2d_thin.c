/* Convolutions to one or a few channels (the layer that makes the picture):
 * co would leave most of a vector empty, so the taps share one with it. With
 * s = (tap, output channel), pixels p of x, stride 1:
 *
 *     forward   t[p,s] = sum over c of x[p,c] w[c,s],
 *               y[q,o] = bias[o] + sum over taps of t[q + tap, (tap,o)]
 *     weights   e[p,s] = dy[p - tap, o],
 *               dw[s,c] = sum over p of e[p,s] x[p,c]. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/tile.h"

#define MOST_SHARED 64      /* taps times channels */
#define MOST_FLOATS 262144u /* of t or e */

/* Floats of one row of t or e: readable in whole tiles. */
static size_t shared_width(const conv_sizes *z)
{
    return tile_padded(z->kh * z->kw * z->co);
}

int conv_is_thin(const conv_sizes *z)
{
    return z->co < 8 && z->kh * z->kw > 1 && z->args.stride_h == 1 &&
           z->args.stride_w == 1 && z->kh * z->kw * z->co <= MOST_SHARED &&
           z->h * z->w * shared_width(z) <= MOST_FLOATS;
}

/* Output pixels [begin,end) along one axis that see input i + at - pad. */
static void seen(size_t at, int pad, size_t in, size_t out, size_t *begin,
                 size_t *end)
{
    long shift = (long)at - pad, first = shift < 0 ? -shift : 0;
    long last = (long)in - shift;
    *end = last < 0 ? 0 : least((size_t)last, out);
    *begin = least((size_t)first, *end);
}

/* For tap (i,j): rows and columns of y, and where row r = 0, q = 0 is in x. */
typedef struct window {
    size_t row, row_end, col, col_end;
    long shift; /* pixels of x from those of y, rows of the same width */
} window;

static window window_of(const conv_sizes *z, size_t tap)
{
    size_t i = tap / z->kw, j = tap % z->kw;
    window v;
    seen(i, z->args.pad_top, z->h, z->oh, &v.row, &v.row_end);
    seen(j, z->args.pad_left, z->w, z->ow, &v.col, &v.col_end);
    v.shift =
        ((long)i - z->args.pad_top) * (long)z->w + (long)j - z->args.pad_left;
    return v;
}

/* The pixel of x that the first column of row r of y sees. */
static size_t first_pixel(const conv_sizes *z, const window *v, size_t r)
{
    return (size_t)((long)(r * z->w + v->col) + v->shift);
}

/* Row by row of y, so that the rows of t or e under its taps stay near. */
static void gather(const conv_sizes *z, float *y, const float *t,
                   const float *bias)
{
    size_t width = shared_width(z), co = z->co, taps = z->kh * z->kw;
    window all[MOST_SHARED];
    for (size_t tap = 0; tap < taps; tap++)
        all[tap] = window_of(z, tap);
    for (size_t r = 0; r < z->oh; r++, y += z->ow * co) {
        for (size_t i = 0; i < z->ow * co; i++)
            y[i] = bias ? bias[i % co] : 0;
        for (size_t tap = 0; tap < taps; tap++) {
            const window *v = &all[tap];
            if (r < v->row || r >= v->row_end || v->col == v->col_end)
                continue;
            const float *from = t + first_pixel(z, v, r) * width + tap * co;
            float *to = y + v->col * co;
            for (size_t q = v->col; q < v->col_end; q++, from += width)
                for (size_t o = 0; o < co; o++)
                    *to++ += from[o];
        }
    }
}

static void spread(const conv_sizes *z, float *e, const float *dy)
{
    size_t width = shared_width(z), co = z->co, taps = z->kh * z->kw;
    window all[MOST_SHARED];
    for (size_t tap = 0; tap < taps; tap++)
        all[tap] = window_of(z, tap);
    memset(e, 0, z->h * z->w * width * sizeof *e);
    for (size_t r = 0; r < z->oh; r++, dy += z->ow * co)
        for (size_t tap = 0; tap < taps; tap++) {
            const window *v = &all[tap];
            if (r < v->row || r >= v->row_end || v->col == v->col_end)
                continue;
            float *to = e + first_pixel(z, v, r) * width + tap * co;
            const float *from = dy + v->col * co;
            for (size_t q = v->col; q < v->col_end; q++, to += width)
                for (size_t o = 0; o < co; o++)
                    to[o] = *from++;
        }
}

drift_status conv_thin_fwd(drift_context *ctx, const conv_sizes *z, float *y,
                           const float *x, const float *w, const float *bias)
{
    size_t taps = z->kh * z->kw, shared = taps * z->co;
    size_t panels = tile_panels(z->ci, shared), pixels = z->h * z->w;
    size_t width = shared_width(z);
    int threads = cpu_threads(z->n);
    float *room = cpu_scratch(ctx, panels + z->ci * shared + 16 +
                                       (size_t)threads * pixels * width);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    float *turned = room + panels;
    float *t = turned + tile_padded(z->ci * shared);
    for (size_t c = 0; c < z->ci; c++)
        for (size_t s = 0; s < shared; s++)
            turned[c * shared + s] =
                w[(s / z->co * z->ci + c) * z->co + s % z->co];
    cpu_tile_pack(room, z->ci * TILE_PANEL, turned, shared, 1, z->ci, shared);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t n = 0; n < z->n; n++) {
        float *mine = t + (size_t)cpu_thread_number() * pixels * width;
        cpu_tile(&(tile_product){.m = pixels,
                                 .n = width, /* panels end in zeros */
                                 .segments = 1,
                                 .k = z->ci,
                                 .a = x + n * pixels * z->ci,
                                 .a_row = z->ci,
                                 .a_k = 1,
                                 .b = room,
                                 .b_k = TILE_PANEL,
                                 .b_panel = z->ci * TILE_PANEL,
                                 .c = mine,
                                 .c_row = width});
        gather(z, y + n * z->oh * z->ow * z->co, mine, bias);
    }
    return DRIFT_OK;
}

drift_status conv_thin_dw(drift_context *ctx, const conv_sizes *z, float *dw,
                          const float *dy, const float *x)
{
    size_t taps = z->kh * z->kw, shared = taps * z->co, pixels = z->h * z->w;
    size_t width = shared_width(z), wide = tile_padded(z->ci);
    size_t part = (z->n + CPU_PARTS - 1) / CPU_PARTS;
    size_t parts = part ? (z->n + part - 1) / part : 0, sum = shared * z->ci;
    /* Rows of x that are no whole number of tiles are copied. */
    size_t copy = wide == z->ci ? 0 : pixels * wide;
    size_t each = pixels * width + copy;
    int threads = cpu_threads(parts);
    float *room = cpu_scratch(ctx, parts * sum + 16 + (size_t)threads * each);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    float *rest = room + tile_padded(parts * sum);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t i = 0; i < parts; i++) {
        float *e = rest + (size_t)cpu_thread_number() * each;
        size_t end = least((i + 1) * part, z->n);
        for (size_t n = i * part; n < end; n++) {
            const float *image = x + n * pixels * z->ci;
            for (size_t p = 0; copy && p < pixels; p++)
                memcpy(e + pixels * width + p * wide, image + p * z->ci,
                       z->ci * sizeof *e);
            spread(z, e, dy + n * z->oh * z->ow * z->co);
            cpu_tile(&(tile_product){.m = shared,
                                     .n = z->ci,
                                     .segments = 1,
                                     .k = pixels,
                                     .a = e,
                                     .a_row = 1,
                                     .a_k = width,
                                     .b = copy ? e + pixels * width : image,
                                     .b_k = copy ? wide : z->ci,
                                     .c = room + i * sum,
                                     .c_row = z->ci,
                                     .add = n > i * part});
        }
    }
    for (size_t i = 0; i < parts; i++)
        for (size_t s = 0; s < shared; s++)
            for (size_t c = 0; c < z->ci; c++)
                dw[(s / z->co * z->ci + c) * z->co + s % z->co] +=
                    room[i * sum + s * z->ci + c];
    return DRIFT_OK;
}
