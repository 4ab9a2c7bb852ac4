/* rope: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the halves of each
 * head's d numbers, by sequence index; x [b,t,h,d]. */
#include "cpu/cpu.h"

static CPU_SIMD void rotate(float *restrict y, const float *restrict x,
                            const float *restrict cosine,
                            const float *restrict sine, size_t heads,
                            size_t half)
{
    for (size_t h = 0; h < heads; h++, x += 2 * half, y += 2 * half) {
#pragma omp simd
        for (size_t i = 0; i < half; i++) {
            y[i] = x[i] * cosine[i] - x[half + i] * sine[i];
            y[half + i] = x[half + i] * cosine[i] + x[i] * sine[i];
        }
    }
}

/* The transposed rotation, added. */
static CPU_SIMD void rotate_back(float *restrict dx, const float *restrict dy,
                                 const float *restrict cosine,
                                 const float *restrict sine, size_t heads,
                                 size_t half)
{
    for (size_t h = 0; h < heads; h++, dy += 2 * half, dx += 2 * half) {
#pragma omp simd
        for (size_t i = 0; i < half; i++) {
            dx[i] += dy[i] * cosine[i] + dy[half + i] * sine[i];
            dx[half + i] += dy[half + i] * cosine[i] - dy[i] * sine[i];
        }
    }
}

drift_status cpu_rope_fwd(drift_context *ctx, tensor *y, const tensor *x,
                          const tensor *cosine, const tensor *sine)
{
    (void)ctx;
    const size_t *dim = x->shape.dim;
    size_t rows = dim[0] * dim[1], heads = dim[2], half = dim[3] / 2;
    size_t width = heads * dim[3], length = dim[1];
    const float *xp = f32(x), *c = f32(cosine), *s = f32(sine);
    float *yp = f32(y);
#pragma omp parallel for if (rows * width > CPU_SMALL)
    for (size_t r = 0; r < rows; r++) {
        size_t at = r % length * half;
        rotate(yp + r * width, xp + r * width, c + at, s + at, heads, half);
    }
    return DRIFT_OK;
}

drift_status cpu_rope_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                          const tensor *cosine, const tensor *sine)
{
    (void)ctx;
    if (!dx)
        return DRIFT_OK;
    const size_t *dim = dy->shape.dim;
    size_t rows = dim[0] * dim[1], heads = dim[2], half = dim[3] / 2;
    size_t width = heads * dim[3], length = dim[1];
    const float *dyp = f32(dy), *c = f32(cosine), *s = f32(sine);
    float *dxp = f32(dx);
#pragma omp parallel for if (rows * width > CPU_SMALL)
    for (size_t r = 0; r < rows; r++) {
        size_t at = r % length * half;
        cpu_begin(dx, dxp + r * width, width);
        rotate_back(dxp + r * width, dyp + r * width, c + at, s + at, heads,
                    half);
    }
    return DRIFT_OK;
}
