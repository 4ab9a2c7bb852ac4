/* resize_bilinear: the sparse matrix of each dimension is made on the device
 * (a host's would make the queue wait for its upload), then both are applied
 * in one pass; backward their transposes (cl/resize_bilinear.cl). */
#include "ocl/map.h"

/* A matrix [rows,.] whose rows are zero but for a run. */
typedef struct band {
    tensor first, count, weight;
    size_t rows, room; /* room: no run is longer */
} band;

static void band_free(drift_context *ctx, band *b)
{
    tensor_free(ctx, &b->first);
    tensor_free(ctx, &b->count);
    tensor_free(ctx, &b->weight);
}

/* Rows of the matrix are outputs; back: inputs. */
static drift_status band_new(drift_context *ctx, band *b, size_t to,
                             size_t from, resize_args args, int back)
{
    drift_status status = DRIFT_OK;
    size_t most = to > from ? to : from, shrink = (from + to - 1) / to;
    const char *kernel = back ? "resize_band_back" : "resize_band";
    b->rows = back ? from : to;
    /* An output reaches 1, or from/to, to each side. Outputs lie from/to
     * apart, with align_corners (from-1)/(to-1), and all at 0 for from = 1. */
    b->room = 2 * (args.antialias ? shrink : 1) + 1;
    if (back)
        b->room = from == 1 ? to : 2 * (most / (from - 1) + 1) + 2;
    TRY(tensor_new(ctx, &b->first, DTYPE_I32, SHAPE(b->rows)));
    TRY(tensor_new(ctx, &b->count, DTYPE_I32, SHAPE(b->rows)));
    TRY(tensor_new(ctx, &b->weight, DTYPE_F32, SHAPE(b->rows, b->room)));
    ocl_launch l = ocl_begin(ctx, "resize_bilinear", kernel);
    ocl_tensor(&l, &b->first);
    ocl_tensor(&l, &b->count);
    ocl_tensor(&l, &b->weight);
    ocl_size(&l, to);
    ocl_size(&l, from);
    ocl_size(&l, b->room);
    ocl_bytes(&l, &args, sizeof args);
    TRY(ocl_each(&l, b->rows));
out:
    return status;
}

/* y = or += the matrices applied to x; y is the larger image's gradient or
 * the output. */
static drift_status apply(drift_context *ctx, tensor *y, const tensor *x,
                          resize_args args, int back)
{
    drift_status status = DRIFT_OK;
    const size_t *to = y->shape.dim, *from = x->shape.dim;
    size_t c = to[3];
    band down = {0}, across = {0};
    const size_t *large = back ? from : to, *small = back ? to : from;
    TRY(band_new(ctx, &down, large[1], small[1], args, back));
    TRY(band_new(ctx, &across, large[2], small[2], args, back));
    ocl_column_cut s = ocl_columns_of(ctx, to[2], c, OCL_EACH_COPY, 0);
    ocl_launch l = ocl_begin(ctx, "resize_bilinear", "resize_apply");
    ocl_target(&l, y, back && !y->fresh);
    ocl_tensor(&l, x);
    ocl_tensor(&l, &down.first);
    ocl_tensor(&l, &down.count);
    ocl_tensor(&l, &down.weight);
    ocl_tensor(&l, &across.first);
    ocl_tensor(&l, &across.count);
    ocl_tensor(&l, &across.weight);
    ocl_size(&l, to[2]);
    ocl_size(&l, c);
    ocl_size(&l, s.step);
    ocl_size(&l, s.chunks);
    ocl_size(&l, from[2]);
    ocl_size(&l, to[1]);
    ocl_size(&l, from[1]);
    ocl_size(&l, down.room);
    ocl_size(&l, across.room);
    TRY(ocl_columns_run(&l, s, to[0] * to[1]));
out:
    band_free(ctx, &down);
    band_free(ctx, &across);
    return status;
}

drift_status ocl_resize_bilinear_fwd(drift_context *ctx, tensor *y,
                                     const tensor *x, resize_args args)
{
    return apply(ctx, y, x, args, 0);
}

drift_status ocl_resize_bilinear_bwd(drift_context *ctx, tensor *dx,
                                     const tensor *dy, resize_args args)
{
    return dx ? apply(ctx, dx, dy, args, 1) : DRIFT_OK;
}
