/* avgpool: the mean of each window of x [n,h,w,c], of what lies on the map. */
#include "cpu/pool.h"
#include "cpu/row.h"

static size_t span_of(pool_span s)
{
    return (size_t)(s.end - s.first);
}

drift_status cpu_avgpool_fwd(drift_context *ctx, tensor *y, const tensor *x,
                             pool_args args)
{
    (void)ctx;
    const size_t *to = y->shape.dim, *from = x->shape.dim;
    size_t rows = to[0] * to[1], line = to[2] * to[3], c = to[3];
#pragma omp parallel for if (tensor_count(x) > CPU_SMALL)
    for (size_t row = 0; row < rows; row++) {
        ptrdiff_t top = pool_start(row % to[1], args);
        pool_span down = pool_inside(top, from[1], args.size);
        const float *image = f32(x) + row / to[1] * from[1] * from[2] * c;
        float *yp = f32(y) + row * line;
        memset(yp, 0, line * sizeof *yp);
        for (size_t column = 0; column < to[2]; column++, yp += c) {
            ptrdiff_t left = pool_start(column, args);
            pool_span across = pool_inside(left, from[2], args.size);
            float share = 1 / (float)(span_of(down) * span_of(across));
            for (int i = down.first; i < down.end; i++)
                for (int j = across.first; j < across.end; j++) {
                    size_t place = (size_t)(top + i) * from[2];
                    place += (size_t)(left + j);
                    row_axpy(yp, image + place * c, share, c);
                }
        }
    }
    return DRIFT_OK;
}

drift_status cpu_avgpool_bwd(drift_context *ctx, tensor *dx, const tensor *dy,
                             pool_args args)
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
        for (size_t o = first; o < end; o++) {
            pool_span down = pool_inside(pool_start(o, args), to[1], args.size);
            const float *dyp = f32(dy);
            dyp += (row / to[1] * from[1] + o) * from[2] * c;
            for (size_t column = 0; column < from[2]; column++, dyp += c) {
                ptrdiff_t left = pool_start(column, args);
                pool_span across = pool_inside(left, to[2], args.size);
                float share = 1 / (float)(span_of(down) * span_of(across));
                for (int j = across.first; j < across.end; j++)
                    row_axpy(dxp + (size_t)(left + j) * c, dyp, share, c);
            }
        }
    }
    return DRIFT_OK;
}
