/* resize_bilinear: y [n,oh,ow,c] of x [n,h,w,c], as two products with sparse
 * matrices, rows first. The triangle's weight of input i for output o is
 * max(0, 1 - |o' - i| / k), made to sum to 1, with o' = (o + 1/2) in/out - 1/2
 * (or o (in-1)/(out-1), align_corners) and k = 1, or in/out where antialias
 * shrinks. Without antialias o' is held inside the image first. */
#include <math.h>
#include <string.h>

#include "cpu/cpu.h"

#define PARTS 16 /* tasks; each has an intermediate row of its own */

/* A matrix [to,from] whose rows are zero but for a run. */
typedef struct band {
    size_t to, from, room; /* room: longest run */
    tensor runs, weights;
    unsigned *first, *count; /* [to] */
    float *weight;           /* [to,room] */
} band;

static void band_free(drift_context *ctx, band *b)
{
    tensor_free(ctx, &b->runs);
    tensor_free(ctx, &b->weights);
}

static drift_status band_new(drift_context *ctx, band *b, size_t to,
                             size_t from, size_t room)
{
    drift_status status = DRIFT_OK;
    *b = (band){.to = to, .from = from, .room = room};
    TRY(tensor_new(ctx, &b->runs, DTYPE_I32, SHAPE(2, to)));
    TRY(tensor_new(ctx, &b->weights, DTYPE_F32, SHAPE(to, room)));
    b->first = (unsigned *)i32(&b->runs);
    b->count = b->first + to;
    b->weight = f32(&b->weights);
    memset(b->first, 0, 2 * to * sizeof *b->first);
out:
    return status;
}

static drift_status resize_band(drift_context *ctx, band *b, size_t to,
                                size_t from, resize_args args)
{
    double ratio = (double)from / (double)to;
    double width = args.antialias && ratio > 1 ? ratio : 1;
    drift_status status = DRIFT_OK;
    TRY(band_new(ctx, b, to, from, (size_t)(2 * ceil(width)) + 1));
    for (size_t o = 0; o < to; o++) {
        double at = ((double)o + 0.5) * ratio - 0.5, last = (double)from - 1;
        if (args.align_corners)
            at = to > 1 ? (double)o * last / (double)(to - 1) : 0;
        if (!args.antialias)
            at = fmin(fmax(at, 0), last);
        double low = fmax(ceil(at - width), 0);
        double high = fmin(floor(at + width), last), sum = 0;
        for (double i = low; i <= high; i++)
            sum += 1 - fabs(at - i) / width;
        b->first[o] = (unsigned)low;
        b->count[o] = (unsigned)(high - low) + 1;
        for (size_t k = 0; k < b->count[o]; k++) {
            double w = 1 - fabs(at - low - (double)k) / width;
            b->weight[o * b->room + k] = (float)(w / sum);
        }
    }
out:
    return status;
}

/* The gradient runs through the transposed matrix; its rows are runs too,
 * because the runs of `b` move on with the row. */
static drift_status band_transpose(drift_context *ctx, band *t, const band *b)
{
    drift_status status = DRIFT_OK;
    size_t room = 1;
    unsigned *uses = (void *)cpu_scratch(ctx, b->from);
    if (!uses)
        return DRIFT_ERROR_MEMORY;
    memset(uses, 0, b->from * sizeof *uses);
    for (size_t o = 0; o < b->to; o++)
        for (size_t k = 0; k < b->count[o]; k++)
            if (++uses[b->first[o] + k] > room)
                room = uses[b->first[o] + k];
    TRY(band_new(ctx, t, b->from, b->to, room));
    for (size_t o = 0; o < b->to; o++)
        for (size_t k = 0; k < b->count[o]; k++) {
            size_t i = b->first[o] + k;
            if (!t->count[i])
                t->first[i] = (unsigned)o;
            t->weight[i * room + t->count[i]++] = b->weight[o * b->room + k];
        }
out:
    return status;
}

/* to [across.to,c] += or = across applied to line [across.from,c]. */
static void apply_across(float *to, const float *line, const band *across,
                         size_t c, int add)
{
    for (size_t o = 0; o < across->to; o++) {
        const float *weight = across->weight + o * across->room;
        const float *from = line + across->first[o] * c;
        float *pixel = to + o * c;
        if (!add)
            memset(pixel, 0, c * sizeof *pixel);
        for (size_t k = 0; k < across->count[o]; k++)
            for (size_t i = 0; i < c; i++)
                pixel[i] += weight[k] * from[k * c + i];
    }
}

/* The same for many channels. */
static CPU_SIMD void apply_across_wide(float *restrict to,
                                       const float *restrict line,
                                       const band *across, size_t c, int add)
{
    for (size_t o = 0; o < across->to; o++) {
        const float *restrict weight = across->weight + o * across->room;
        const float *restrict from = line + across->first[o] * c;
        float *restrict pixel = to + o * c;
        size_t count = across->count[o];
        if (!add && count)
            for (size_t i = 0; i < c; i++)
                pixel[i] = weight[0] * from[i];
        else if (!add)
            memset(pixel, 0, c * sizeof *pixel);
        for (size_t k = !add; k < count; k++)
            for (size_t i = 0; i < c; i++)
                pixel[i] += weight[k] * from[k * c + i];
    }
}

/* sum = the rows of one output row, weighted; n numbers each. */
static CPU_SIMD void apply_down(float *restrict sum, const float *restrict from,
                                const float *restrict weight, size_t count,
                                size_t n)
{
    size_t k = 0;
    if (count < 2)
        memset(sum, 0, n * sizeof *sum);
    if (count >= 2) {
        for (size_t i = 0; i < n; i++)
            sum[i] = weight[0] * from[i] + weight[1] * from[n + i];
        k = 2;
    }
    for (; k < count; k++)
        for (size_t i = 0; i < n; i++)
            sum[i] += weight[k] * from[k * n + i];
}

static drift_status apply(drift_context *ctx, tensor *y, const tensor *x,
                          const band *down, const band *across, int add)
{
    size_t rows = y->shape.dim[0] * down->to, c = y->shape.dim[3];
    size_t line = across->from * c, out_line = across->to * c;
    size_t parts = rows < PARTS ? rows : PARTS;
    float *yp = f32(y), *lines = cpu_scratch(ctx, parts * line);
    const float *xp = f32(x);
    if (!lines)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for if (rows * out_line > CPU_SMALL)
    for (size_t part = 0; part < parts; part++)
        for (size_t r = rows * part / parts; r < rows * (part + 1) / parts;
             r++) {
            size_t o = r % down->to;
            const float *weight = down->weight + o * down->room;
            const float *from =
                xp + (r / down->to * down->from + down->first[o]) * line;
            float *sum = lines + part * line;
            apply_down(sum, from, weight, down->count[o], line);
            if (c < 8)
                apply_across(yp + r * out_line, sum, across, c, add);
            else
                apply_across_wide(yp + r * out_line, sum, across, c, add);
        }
    return DRIFT_OK;
}

drift_status cpu_resize_bilinear_fwd(drift_context *ctx, tensor *y,
                                     const tensor *x, resize_args args)
{
    drift_status status = DRIFT_OK;
    band down = {0}, across = {0};
    TRY(resize_band(ctx, &down, y->shape.dim[1], x->shape.dim[1], args));
    TRY(resize_band(ctx, &across, y->shape.dim[2], x->shape.dim[2], args));
    TRY(apply(ctx, y, x, &down, &across, 0));
out:
    band_free(ctx, &down);
    band_free(ctx, &across);
    return status;
}

drift_status cpu_resize_bilinear_bwd(drift_context *ctx, tensor *dx,
                                     const tensor *dy, resize_args args)
{
    if (!dx)
        return DRIFT_OK;
    drift_status status = DRIFT_OK;
    band down = {0}, across = {0}, up = {0}, back = {0};
    TRY(resize_band(ctx, &down, dy->shape.dim[1], dx->shape.dim[1], args));
    TRY(resize_band(ctx, &across, dy->shape.dim[2], dx->shape.dim[2], args));
    TRY(band_transpose(ctx, &up, &down));
    TRY(band_transpose(ctx, &back, &across));
    TRY(apply(ctx, dx, dy, &up, &back, !dx->fresh));
out:
    band_free(ctx, &down);
    band_free(ctx, &across);
    band_free(ctx, &up);
    band_free(ctx, &back);
    return status;
}
