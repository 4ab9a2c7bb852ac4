/* maxpool: the largest number of each window of x [n,h,w,c], and which of the
 * window it was. */
#include "cpu/pool.h"

/* y and its place become x and `place` where x is larger or no number. */
static CPU_SIMD void take(float *restrict y, int *restrict at,
                          const float *restrict x, int place, size_t c)
{
    for (size_t i = 0; i < c; i++) {
        int more = x[i] > y[i] || x[i] != x[i];
        y[i] = more ? x[i] : y[i];
        at[i] = more ? place : at[i];
    }
}

static CPU_SIMD void begin(float *restrict y, int *restrict at,
                           const float *restrict x, int place, size_t c)
{
    for (size_t i = 0; i < c; i++) {
        y[i] = x[i];
        at[i] = place;
    }
}

static CPU_SIMD void give(float *restrict dx, const float *restrict dy,
                          const int *restrict at, int place, size_t c)
{
    for (size_t i = 0; i < c; i++)
        dx[i] += at[i] == place ? dy[i] : 0;
}

drift_status cpu_maxpool_fwd(drift_context *ctx, tensor *y, tensor *index,
                             const tensor *x, pool_args args)
{
    (void)ctx;
    const size_t *to = y->shape.dim, *from = x->shape.dim;
    size_t rows = to[0] * to[1], c = to[3];
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t row = 0; row < rows; row++) {
        ptrdiff_t top = pool_start(row % to[1], args);
        pool_span down = pool_inside(top, from[1], args.size);
        const float *image = f32(x) + row / to[1] * from[1] * from[2] * c;
        for (size_t column = 0; column < to[2]; column++) {
            ptrdiff_t left = pool_start(column, args);
            pool_span across = pool_inside(left, from[2], args.size);
            size_t at = (row * to[2] + column) * c;
            for (int i = down.first; i < down.end; i++)
                for (int j = across.first; j < across.end; j++) {
                    size_t line = (size_t)(top + i), place = (size_t)(left + j);
                    (i == down.first && j == across.first ? begin : take)(
                        f32(y) + at, i32(index) + at,
                        image + (line * from[2] + place) * c, i * args.size + j,
                        c);
                }
        }
    }
    return DRIFT_OK;
}

drift_status cpu_maxpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                             const tensor *index, pool_args args)
{
    (void)ctx;
    if (!dx)
        return DRIFT_OK;
    const size_t *from = dy->shape.dim, *to = dx->shape.dim;
    size_t rows = to[0] * to[1], line = to[2] * to[3], c = to[3];
#pragma omp parallel for if (tensor_count(dx) > CPU_SMALL)
    for (size_t row = 0; row < rows; row++) {
        float *dxp = f32(dx) + row * line;
        size_t reach = row % to[1] + (size_t)args.pad, first, end;
        pool_reaching(reach, from[1], args, &first, &end);
        cpu_begin(dx, dxp, line);
        for (size_t o = first; o < end; o++)
            for (size_t column = 0; column < from[2]; column++) {
                ptrdiff_t left = pool_start(column, args);
                pool_span across = pool_inside(left, to[2], args.size);
                size_t at = row / to[1] * from[1] + o;
                at = (at * from[2] + column) * c;
                for (int j = across.first; j < across.end; j++)
                    give(dxp + (size_t)(left + j) * c, f32(dy) + at,
                         i32(index) + at,
                         ((int)reach - (int)o * args.stride) * args.size + j,
                         c);
            }
    }
    return DRIFT_OK;
}
