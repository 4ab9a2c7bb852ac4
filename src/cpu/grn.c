/* grn: y = w (x N) + b + x, N = G / (mean_c G + GRN_EPS), G the norm of a
 * channel over a sample's positions. A channel is one factor, 1 + w N. Parallel
 * over samples and slices of channels. */
#include "cpu/channels.h"
#include "cpu/cpu.h"

#include <math.h>

static const float zeros[CHANNELS_MOST];

/* Of each sample what its norms are divided by. */
static void means(double *mean, const float *norm, size_t samples, size_t c)
{
#pragma omp parallel for if (samples * c > CPU_SMALL)
    for (size_t n = 0; n < samples; n++) {
        double sum = 0;
        for (size_t i = 0; i < c; i++)
            sum += (double)norm[n * c + i];
        mean[n] = sum / (double)c + (double)GRN_EPS;
    }
}

/* Two numbers in double of each sample. */
static double *sample_numbers(drift_context *ctx, size_t samples)
{
    return (double *)(void *)cpu_scratch(ctx, 4 * samples);
}

drift_status cpu_grn_fwd(drift_context *ctx, tensor *y, tensor *norm,
                         const tensor *x, const tensor *w, const tensor *b,
                         float eps)
{
    channel_units s = channel_units_of(x, 1);
    double *mean = sample_numbers(ctx, s.samples);
    if (!mean)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        double sum[CHANNELS_MOST] = {0}, square[CHANNELS_MOST] = {0};
        channels_sums(sum, square, f32(x) + u.at, NULL, u.map);
        for (size_t c = 0; c < u.map.width; c++)
            f32(norm)[u.row + c] = (float)sqrt(square[c] + (double)eps);
    }
    means(mean, f32(norm), s.samples, s.c);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        float factor[CHANNELS_MOST];
        for (size_t c = 0; c < u.map.width; c++)
            factor[c] =
                (float)(1 + (double)f32(w)[u.first + c] *
                                (double)f32(norm)[u.row + c] / mean[u.sample]);
        channels_map(f32(y) + u.at, f32(x) + u.at, zeros, factor,
                     f32(b) + u.first, ACT_NONE, u.map);
    }
    return DRIFT_OK;
}

/* With D = sum dy x over the positions, M = mean G + GRN_EPS, the gradient of
 * G is g = (w D - mean_c(w D N)) / M, and dx = dy (1 + w N) + x g / G. */
static void give_dx(tensor *dx, const tensor *dy, const tensor *x,
                    const tensor *w, const tensor *norm, const float *dot,
                    const double *mean, double *back, const channel_units *s)
{
#pragma omp parallel for if (s->samples * s->c > CPU_SMALL)
    for (size_t n = 0; n < s->samples; n++) {
        double sum = 0;
        for (size_t c = 0, i = n * s->c; c < s->c; c++, i++)
            sum += (double)f32(w)[c] * (double)dot[i] * (double)f32(norm)[i];
        back[n] = sum / mean[n] / (double)s->c;
    }
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s->count; i++) {
        channel_unit u = channel_unit_of(s, i);
        float factor[CHANNELS_MOST], slope[CHANNELS_MOST];
        double m = mean[u.sample];
        for (size_t c = 0; c < u.map.width; c++) {
            double wc = (double)f32(w)[u.first + c];
            double g = (double)f32(norm)[u.row + c];
            double to_g = (wc * (double)dot[u.row + c] - back[u.sample]) / m;
            factor[c] = (float)(1 + wc * g / m);
            slope[c] = g > 0 ? (float)(to_g / g) : 0;
        }
        channels_norm_back(f32(dx) + u.at, !dx->fresh, f32(dy) + u.at,
                           f32(x) + u.at, zeros, factor, slope, zeros, u.map);
    }
}

drift_status cpu_grn_bwd(drift_context *ctx, tensor *dx, tensor *dw, tensor *db,
                         const tensor *dy, const tensor *x, const tensor *w,
                         const tensor *norm)
{
    drift_status status = DRIFT_OK;
    channel_units s = channel_units_of(x, 1);
    tensor sums = {0}; /* of each sample and channel: dy, then dy x */
    double *mean = sample_numbers(ctx, s.samples);
    if (!mean)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(2, s.samples, s.c)));
    float *sum = f32(&sums), *dot = sum + s.samples * s.c;
    means(mean, f32(norm), s.samples, s.c);
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t i = 0; i < s.count; i++) {
        channel_unit u = channel_unit_of(&s, i);
        double a[CHANNELS_MOST] = {0}, b[CHANNELS_MOST] = {0};
        channels_dots(a, b, f32(dy) + u.at, f32(x) + u.at, NULL, u.map);
        for (size_t c = 0; c < u.map.width; c++) {
            sum[u.row + c] = (float)a[c];
            dot[u.row + c] = (float)b[c];
        }
    }
    if (dx)
        give_dx(dx, dy, x, w, norm, dot, mean, mean + s.samples, &s);
    if (dw) {
        for (size_t i = 0; i < s.samples * s.c; i++)
            dot[i] *= (float)((double)f32(norm)[i] / mean[i / s.c]);
        cpu_begin_all(dw);
        channels_add_rows(f32(dw), dot, s.samples, s.c);
    }
    if (db) {
        cpu_begin_all(db);
        channels_add_rows(f32(db), sum, s.samples, s.c);
    }
out:
    tensor_free(ctx, &sums);
    return status;
}
