/* Convolutions of every kind by plain loops: groups, dilation, depthwise. The
 * innermost loop runs over the channels that lie next to each other. */
#include "cpu/conv2d.h"

#include <string.h>

/* The pixel of x under tap (i,j) of output (r,q), or -1 in the padding. */
static long pixel(const conv_sizes *z, size_t r, size_t q, size_t i, size_t j)
{
    long row = (long)r * z->args.stride_h - z->args.pad_top +
               (long)i * z->args.dilation_h;
    long col = (long)q * z->args.stride_w - z->args.pad_left +
               (long)j * z->args.dilation_w;
    if (row < 0 || col < 0 || row >= (long)z->h || col >= (long)z->w)
        return -1;
    return row * (long)z->w + col;
}

/* One tap of one output pixel. `depth`: one channel in and out a group. */
static CPU_SIMD void tap_fwd(float *restrict y, const float *restrict x,
                             const float *restrict w, size_t co, size_t cig,
                             size_t cog, int depth)
{
    if (depth) {
        for (size_t c = 0; c < co; c++)
            y[c] += x[c] * w[c];
        return;
    }
    for (size_t c = 0; c < cig; c++)
        for (size_t g = 0, o = 0; o < co; g++)
            for (size_t end = o + cog; o < end; o++)
                y[o] += x[g * cig + c] * w[c * co + o];
}

static CPU_SIMD void tap_dx(float *restrict dx, const float *restrict dy,
                            const float *restrict w, size_t co, size_t cig,
                            size_t cog, int depth)
{
    if (depth) {
        for (size_t c = 0; c < co; c++)
            dx[c] += dy[c] * w[c];
        return;
    }
    for (size_t c = 0; c < cig; c++)
        for (size_t g = 0, o = 0; o < co; g++) {
            float sum = 0;
            for (size_t end = o + cog; o < end; o++)
                sum += dy[o] * w[c * co + o];
            dx[g * cig + c] += sum;
        }
}

static CPU_SIMD void tap_dw(float *restrict dw, const float *restrict dy,
                            const float *restrict x, size_t co, size_t cig,
                            size_t cog, int depth)
{
    if (depth) {
        for (size_t c = 0; c < co; c++)
            dw[c] += dy[c] * x[c];
        return;
    }
    for (size_t c = 0; c < cig; c++)
        for (size_t g = 0, o = 0; o < co; g++)
            for (size_t end = o + cog; o < end; o++)
                dw[c * co + o] += dy[o] * x[g * cig + c];
}

void conv_plain_fwd(const conv_sizes *z, float *y, const float *x,
                    const float *w, const float *bias)
{
    size_t groups = (size_t)z->args.groups;
    size_t cig = z->ci / groups, cog = z->co / groups;
    int depth = cig == 1 && cog == 1;
#pragma omp parallel for
    for (size_t row = 0; row < z->n * z->oh; row++)
        for (size_t q = 0; q < z->ow; q++) {
            float *to = y + (row * z->ow + q) * z->co;
            const float *image = x + row / z->oh * z->h * z->w * z->ci;
            if (bias)
                memcpy(to, bias, z->co * sizeof *to);
            else
                memset(to, 0, z->co * sizeof *to);
            for (size_t tap = 0; tap < z->kh * z->kw; tap++) {
                long at = pixel(z, row % z->oh, q, tap / z->kw, tap % z->kw);
                if (at >= 0)
                    tap_fwd(to, image + (size_t)at * z->ci,
                            w + tap * cig * z->co, z->co, cig, cog, depth);
            }
        }
}

void conv_plain_dx(const conv_sizes *z, float *dx, const float *dy,
                   const float *w)
{
    size_t groups = (size_t)z->args.groups;
    size_t cig = z->ci / groups, cog = z->co / groups;
    int depth = cig == 1 && cog == 1;
    /* Windows overlap, so one image is one thread's. */
#pragma omp parallel for
    for (size_t n = 0; n < z->n; n++)
        for (size_t r = 0; r < z->oh; r++)
            for (size_t q = 0; q < z->ow; q++)
                for (size_t tap = 0; tap < z->kh * z->kw; tap++) {
                    long at = pixel(z, r, q, tap / z->kw, tap % z->kw);
                    if (at >= 0)
                        tap_dx(dx + (n * z->h * z->w + (size_t)at) * z->ci,
                               dy + ((n * z->oh + r) * z->ow + q) * z->co,
                               w + tap * cig * z->co, z->co, cig, cog, depth);
                }
}

void conv_plain_dw(const conv_sizes *z, float *dw, const float *dy,
                   const float *x)
{
    size_t groups = (size_t)z->args.groups;
    size_t cig = z->ci / groups, cog = z->co / groups;
    int depth = cig == 1 && cog == 1;
    /* Each tap's weights are one thread's. */
#pragma omp parallel for
    for (size_t tap = 0; tap < z->kh * z->kw; tap++)
        for (size_t row = 0; row < z->n * z->oh; row++)
            for (size_t q = 0; q < z->ow; q++) {
                long at = pixel(z, row % z->oh, q, tap / z->kw, tap % z->kw);
                if (at < 0)
                    continue;
                size_t image = row / z->oh * z->h * z->w;
                tap_dw(dw + tap * cig * z->co, dy + (row * z->ow + q) * z->co,
                       x + (image + (size_t)at) * z->ci, z->co, cig, cog,
                       depth);
            }
}
