/* moments: patches whole, or, where they are whole maps, in chunks of rows. */
#include "ocl/map.h"

#define LARGE 64 /* positions of a map worth chunks */

static drift_status whole_maps(drift_context *ctx, tensor *mean, tensor *std,
                               const tensor *x, float eps)
{
    drift_status status = DRIFT_OK;
    const size_t *dim = x->shape.dim;
    size_t n = dim[0], rows = dim[1] * dim[2], c = dim[3];
    tensor parts = {0};
    ocl_column_cut s;
    TRY(ocl_columns_moments(ctx, &parts, &s, x, n, rows, c));
    ocl_column_cut samples = ocl_columns_of(ctx, n, c, 1, 0);
    ocl_launch l = ocl_begin(ctx, "moments", "moments_maps");
    ocl_tensor(&l, mean);
    ocl_tensor(&l, std);
    ocl_tensor(&l, &parts);
    ocl_size(&l, n);
    ocl_size(&l, c);
    ocl_size(&l, samples.step);
    ocl_size(&l, samples.chunks);
    ocl_size(&l, rows);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    ocl_float(&l, eps);
    TRY(ocl_columns_run(&l, samples, 1));
out:
    tensor_free(ctx, &parts);
    return status;
}

drift_status ocl_moments_fwd(drift_context *ctx, tensor *mean, tensor *std,
                             const tensor *x, int ph, int pw, float eps)
{
    const size_t *dim = x->shape.dim;
    size_t high = (size_t)ph, wide = (size_t)pw, c = dim[3];
    size_t down = dim[1] / high, across = dim[2] / wide;
    size_t patches = dim[0] * down * across;
    if (down == 1 && across == 1 && high * wide > LARGE)
        return whole_maps(ctx, mean, std, x, eps);
    ocl_column_cut s = ocl_columns_of(ctx, patches, c, OCL_EACH_COPY, 0);
    ocl_launch l = ocl_begin(ctx, "moments", "moments_patches");
    ocl_tensor(&l, mean);
    ocl_tensor(&l, std);
    ocl_tensor(&l, x);
    ocl_size(&l, patches);
    ocl_size(&l, c);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    ocl_size(&l, across);
    ocl_size(&l, high);
    ocl_size(&l, wide);
    ocl_float(&l, eps);
    return ocl_columns_run(&l, s, 1);
}

drift_status ocl_moments_bwd(drift_context *ctx, tensor *dx,
                             const tensor *dmean, const tensor *dstd,
                             const tensor *x, const tensor *mean,
                             const tensor *std, int ph, int pw)
{
    if (!dx)
        return DRIFT_OK;
    const size_t *dim = x->shape.dim;
    size_t h = dim[1], w = dim[2], c = dim[3];
    ocl_column_cut s = ocl_columns_of(ctx, w, c, OCL_EACH_COPY, 0);
    ocl_launch l = ocl_begin(ctx, "moments", "moments_bwd");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dmean);
    ocl_tensor(&l, dstd);
    ocl_tensor(&l, x);
    ocl_tensor(&l, mean);
    ocl_tensor(&l, std);
    ocl_size(&l, w);
    ocl_size(&l, c);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    ocl_size(&l, h);
    ocl_size(&l, (size_t)ph);
    ocl_size(&l, (size_t)pw);
    return ocl_columns_run(&l, s, dim[0] * h);
}
