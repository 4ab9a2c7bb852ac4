/* swap: y[a,c,b,d] = x[a,b,c,d]. */
#include "cpu/cpu.h"
#include "cpu/row.h"

#define TILE 16 /* of b and of c: a tile's lines stay in the first cache */

static void swap(float *y, const float *x, const size_t dim[4], int add)
{
    size_t nb = dim[1], nc = dim[2], nd = dim[3];
    size_t tiles = (nc + TILE - 1) / TILE;
#pragma omp parallel for if (dim[0] * nb * nc * nd > CPU_SMALL)
    for (size_t task = 0; task < dim[0] * tiles; task++) {
        size_t image = task / tiles * nb * nc * nd;
        size_t first = task % tiles * TILE;
        size_t end = first + TILE < nc ? first + TILE : nc;
        for (size_t b0 = 0; b0 < nb; b0 += TILE)
            for (size_t c = first; c < end; c++)
                for (size_t b = b0; b < b0 + TILE && b < nb; b++) {
                    float *to = y + image + (c * nb + b) * nd;
                    const float *from = x + image + (b * nc + c) * nd;
                    if (nd == 1)
                        *to = (add ? *to : 0) + *from;
                    else
                        row_move(to, from, nd, add);
                }
    }
}

drift_status cpu_swap_fwd(drift_context *ctx, tensor *y, const tensor *x)
{
    (void)ctx;
    swap(f32(y), f32(x), x->shape.dim, 0);
    return DRIFT_OK;
}

drift_status cpu_swap_bwd(drift_context *ctx, tensor *dx, const tensor *dy)
{
    (void)ctx;
    if (dx)
        swap(f32(dx), f32(dy), dy->shape.dim, !dx->fresh);
    return DRIFT_OK;
}
