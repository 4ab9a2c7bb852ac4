/* conv2d: y[n,oh,ow,co] = sum over taps i < kh, j < kw and c < ci of
 *     x[n, r stride + i - pad_top, q stride + j - pad_left, c] w[i,j,c,co].
 *
 * The windows of some images, or of some rows of one, are laid out as the rows
 * of a matrix `col` [pixels,kh*kw*ci], which gemm multiplies with w; backward
 * by the same products turned round. A 1x1 convolution is a product as it
 * lies. With few channels the layout takes longer than the sums, which are then
 * made as x lies, 16 channels at a time. Groups, dilation and few output
 * channels take plain sums. */
#include "ocl/ocl.h"

#include <limits.h>

#define COL_FLOATS   (8u << 20) /* of col: 32 MiB */
#define PARTS_FLOATS (4u << 20) /* of plain partial gradients of w */
#define FEW_OUTPUTS  4          /* not worth laying out windows */
#define FEW_CHANNELS 64         /* the same, if they come by 16 */
#define PIXELS       4          /* an item of conv2d_fwd_16 */

typedef struct conv {
    conv_shape z;
    size_t n, pixels; /* images; output pixels of all */
    size_t taps;      /* kh*kw*ci, the numbers of a window */
} conv;

static drift_status conv_of(drift_context *ctx, conv *v, const tensor *y,
                            const tensor *x, const tensor *w, conv_args a)
{
    const size_t *xd = x->shape.dim, *yd = y->shape.dim, *wd = w->shape.dim;
    const size_t sizes[] = {xd[1], xd[2], xd[3], yd[1],
                            yd[2], yd[3], wd[0], wd[1]};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX / 4)
            return ERROR(ctx, DRIFT_ERROR_SHAPE,
                         "conv2d: a size of %zu is too large for a device",
                         sizes[i]);
    *v = (conv){{(int)xd[1], (int)xd[2], (int)xd[3], (int)yd[1], (int)yd[2],
                 (int)yd[3], (int)wd[0], (int)wd[1], a.stride_h, a.stride_w,
                 a.pad_top, a.pad_left, a.dilation_h, a.dilation_w, a.groups},
                xd[0],
                xd[0] * yd[1] * yd[2],
                wd[0] * wd[1] * xd[3]};
    return DRIFT_OK;
}

static int is_plain(const conv *v)
{
    const conv_shape *z = &v->z;
    return z->groups != 1 || z->dilation_h != 1 || z->dilation_w != 1 ||
           z->co <= FEW_OUTPUTS ||
           (size_t)z->ow * v->taps > COL_FLOATS || /* of a row of windows */
           (size_t)z->w * (size_t)z->ci > COL_FLOATS;
}

/* Few channels on both sides, those that are summed by 16. */
static int is_few(const conv *v, int by16)
{
    const conv_shape *z = &v->z;
    return z->groups == 1 && z->dilation_h == 1 && z->dilation_w == 1 &&
           by16 % 16 == 0 && z->ci <= FEW_CHANNELS && z->co <= FEW_CHANNELS;
}

/* So few output channels that the inputs are. */
static int is_thin(const conv *v)
{
    return v->z.co <= FEW_OUTPUTS && is_few(v, v->z.ci);
}

static int is_product(const conv *v)
{
    const conv_shape *z = &v->z;
    return z->kh == 1 && z->kw == 1 && z->stride_h == 1 && z->stride_w == 1 &&
           !z->pad_top && !z->pad_left && z->oh == z->h && z->ow == z->w &&
           z->groups == 1;
}

/* Of a plain sum; those of the padding count. */
static double flops_of(const conv *v)
{
    return 2 * (double)v->pixels * (double)v->z.co *
           (double)(v->taps / (size_t)v->z.groups);
}

/* -- chunks of output pixels whose windows fit in col ---------------------- */

typedef struct chunk {
    size_t image, images;
    size_t row, rows;     /* output rows: all, or some of one image */
    size_t first, pixels; /* of the output */
} chunk;

/* Output rows that fit, at least one; few enough to count x's by 32 bits. */
static size_t rows_that_fit(const conv *v)
{
    size_t row = (size_t)v->z.ow * v->taps;
    size_t fit = row ? COL_FLOATS / row : v->n * (size_t)v->z.oh;
    size_t most = INT_MAX / (v->z.h ? (size_t)v->z.h : 1);
    return fit < most ? fit : most;
}

/* The chunk after c, or the first one after {0}; 0 at the end. */
static int next_chunk(const conv *v, chunk *c)
{
    size_t oh = (size_t)v->z.oh, fit = rows_that_fit(v);
    c->row += c->rows;
    if (c->row == oh || !c->rows) {
        c->image += c->images;
        c->row = 0;
    }
    c->images = fit < oh ? 1 : fit / oh;
    if (c->images > v->n - c->image)
        c->images = v->n - c->image;
    c->rows = fit < oh - c->row ? fit : oh - c->row;
    c->first = (c->image * oh + c->row) * (size_t)v->z.ow;
    c->pixels = c->images * c->rows * (size_t)v->z.ow;
    return c->images > 0;
}

static size_t most_pixels(const conv *v)
{
    size_t rows = v->n * (size_t)v->z.oh, fit = rows_that_fit(v);
    return (rows < fit ? rows : fit) * (size_t)v->z.ow;
}

/* x's image of the chunk, and those after it. */
static tensor images_of(const conv *v, const chunk *c, const tensor *x)
{
    size_t image = (size_t)v->z.h * (size_t)v->z.w * (size_t)v->z.ci;
    tensor t = tensor_view(x, c->image * image, SHAPE(c->images * image));
    t.fresh = x->fresh;
    return t;
}

static drift_status windows(drift_context *ctx, tensor *col, const tensor *x,
                            const conv *v, const chunk *c)
{
    tensor images = images_of(v, c, x);
    ocl_launch l = ocl_begin(ctx, "conv2d", "windows_fwd");
    ocl_tensor(&l, col);
    ocl_tensor(&l, &images);
    ocl_int(&l, (int)c->images);
    ocl_int(&l, (int)c->row);
    ocl_int(&l, (int)c->rows);
    ocl_bytes(&l, &v->z, sizeof v->z);
    return ocl_box(&l, (size_t)v->z.kw * (size_t)v->z.ci, c->pixels, 1);
}

/* dx += what the chunk's windows say; dx is not fresh unless the chunk has
 * whole images, which no other chunk touches. */
static drift_status windows_back(drift_context *ctx, const tensor *dx,
                                 const tensor *dcol, const conv *v,
                                 const chunk *c)
{
    const conv_shape *z = &v->z;
    tensor images = images_of(v, c, dx);
    long top = 0, bottom = z->h;
    if (c->rows < (size_t)z->oh) {
        top = (long)c->row * z->stride_h - z->pad_top;
        bottom = top + (long)(c->rows - 1) * z->stride_h + z->kh;
        top = top < 0 ? 0 : top;
        bottom = bottom > z->h ? z->h : bottom;
    }
    if (top >= bottom)
        return DRIFT_OK;
    ocl_launch l = ocl_begin(ctx, "conv2d", "windows_bwd");
    ocl_gradient(&l, &images);
    ocl_tensor(&l, dcol);
    ocl_int(&l, (int)c->images);
    ocl_int(&l, (int)c->row);
    ocl_int(&l, (int)c->rows);
    ocl_int(&l, (int)top);
    ocl_int(&l, (int)(bottom - top));
    ocl_bytes(&l, z, sizeof *z);
    return ocl_box(&l, (size_t)z->w * (size_t)z->ci,
                   c->images * (size_t)(bottom - top), 1);
}

/* -- forward --------------------------------------------------------------- */

static drift_status plain_fwd(drift_context *ctx, tensor *y, const tensor *x,
                              const tensor *w, const conv *v)
{
    ocl_launch l = ocl_begin(ctx, "conv2d", "conv2d_fwd");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, w);
    ocl_size(&l, v->pixels);
    ocl_bytes(&l, &v->z, sizeof v->z);
    ocl_flops(&l, flops_of(v));
    return ocl_box(&l, (size_t)v->z.co, v->pixels, 1);
}

/* turned [kh,kw,co,ci] = w, made here. */
static drift_status turn(drift_context *ctx, tensor *turned, const tensor *w,
                         const conv *v)
{
    size_t taps = (size_t)v->z.kh * (size_t)v->z.kw;
    size_t ci = (size_t)v->z.ci, co = (size_t)v->z.co;
    tensor as_lies = tensor_reshape(w, SHAPE(taps, ci, co, 1));
    drift_status status =
        tensor_new(ctx, turned, DTYPE_F32, SHAPE(taps, co, ci, 1));
    return status == DRIFT_OK ? ocl_swap_fwd(ctx, turned, &as_lies) : status;
}

/* y = or += the sums of 16 channels; `back`: w's taps in reverse. */
static drift_status few_fwd(drift_context *ctx, tensor *y, int add,
                            const tensor *x, const tensor *w, const conv *v,
                            int back)
{
    size_t lines = v->n * (size_t)v->z.oh, ow = (size_t)v->z.ow;
    ocl_launch l = ocl_begin(ctx, "conv2d", "conv2d_fwd_16");
    ocl_target(&l, y, add);
    ocl_tensor(&l, x);
    ocl_tensor(&l, w);
    ocl_size(&l, lines);
    ocl_int(&l, back);
    ocl_bytes(&l, &v->z, sizeof v->z);
    ocl_flops(&l, flops_of(v));
    return ocl_box(&l, (size_t)v->z.co / 16, (ow + PIXELS - 1) / PIXELS, lines);
}

static drift_status thin_fwd(drift_context *ctx, tensor *y, const tensor *x,
                             const tensor *w, const conv *v)
{
    drift_status status = DRIFT_OK;
    size_t lines = v->n * (size_t)v->z.oh;
    tensor turned = {0};
    TRY(turn(ctx, &turned, w, v));
    ocl_launch l = ocl_begin(ctx, "conv2d", "conv2d_fwd_thin");
    ocl_tensor(&l, y);
    ocl_tensor(&l, x);
    ocl_tensor(&l, &turned);
    ocl_size(&l, lines);
    ocl_bytes(&l, &v->z, sizeof v->z);
    ocl_flops(&l, flops_of(v));
    TRY(ocl_box(&l, (size_t)v->z.ow, lines, 1));
out:
    tensor_free(ctx, &turned);
    return status;
}

/* y's pixels of the chunk = a w, a [pixels,taps] from a's start on. */
static drift_status product(drift_context *ctx, tensor *y, const tensor *a,
                            const tensor *w, const conv *v, size_t first,
                            size_t pixels)
{
    size_t co = (size_t)v->z.co;
    return ocl_sgemm(
        ctx, (ocl_matrix){.tensor = y, .offset = first * co, .row = co},
        (ocl_matrix){.tensor = a, .row = v->taps},
        (ocl_matrix){.tensor = w, .row = co}, 1, pixels, co, v->taps, 1, 0);
}

drift_status ocl_conv2d_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *w, const tensor *b, conv_args args)
{
    drift_status status = DRIFT_OK;
    tensor col = {0};
    conv v;
    TRY(conv_of(ctx, &v, y, x, w, args));
    if (is_few(&v, v.z.co)) {
        TRY(few_fwd(ctx, y, 0, x, w, &v, 0));
    } else if (is_thin(&v)) {
        TRY(thin_fwd(ctx, y, x, w, &v));
    } else if (is_product(&v)) {
        TRY(product(ctx, y, x, w, &v, 0, v.pixels));
    } else if (is_plain(&v)) {
        TRY(plain_fwd(ctx, y, x, w, &v));
    } else {
        TRY(tensor_new(ctx, &col, DTYPE_F32, SHAPE(most_pixels(&v), v.taps)));
        for (chunk c = {0}; next_chunk(&v, &c);) {
            TRY(windows(ctx, &col, x, &v, &c));
            TRY(product(ctx, y, &col, w, &v, c.first, c.pixels));
        }
    }
    if (b)
        TRY(ocl_add_bias(ctx, y, b));
out:
    tensor_free(ctx, &col);
    return status;
}

/* -- backward -------------------------------------------------------------- */

static drift_status plain_dx(drift_context *ctx, tensor *dx, const tensor *dy,
                             const tensor *w, const conv *v)
{
    size_t pixels = v->n * (size_t)v->z.h * (size_t)v->z.w;
    ocl_launch l = ocl_begin(ctx, "conv2d", "conv2d_bwd_x");
    ocl_gradient(&l, dx);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, w);
    ocl_size(&l, pixels);
    ocl_bytes(&l, &v->z, sizeof v->z);
    ocl_flops(&l, flops_of(v));
    return ocl_box(&l, (size_t)v->z.ci, pixels, 1);
}

/* At stride 1 the gradient of x is a convolution of dy with w transposed and
 * its taps in reverse. */
static drift_status few_dx(drift_context *ctx, tensor *dx, const tensor *dy,
                           const tensor *w, const conv *v)
{
    drift_status status = DRIFT_OK;
    const conv_shape *z = &v->z;
    tensor turned = {0};
    conv back = {{z->oh, z->ow, z->co, z->h, z->w, z->ci, z->kh, z->kw, 1, 1,
                  z->kh - 1 - z->pad_top, z->kw - 1 - z->pad_left, 1, 1, 1},
                 v->n,
                 v->n * (size_t)z->h * (size_t)z->w,
                 (size_t)z->kh * (size_t)z->kw * (size_t)z->co};
    TRY(turn(ctx, &turned, w, v));
    TRY(few_fwd(ctx, dx, !dx->fresh, dy, &turned, &back, 1));
out:
    tensor_free(ctx, &turned);
    return status;
}

/* dw of parts of the lines, then the sum of the parts. */
static drift_status sums_dw(drift_context *ctx, tensor *dw, const tensor *dy,
                            const tensor *x, const conv *v)
{
    drift_status status = DRIFT_OK;
    tensor sums = {0};
    int few = is_few(v, v->z.co) && v->z.ci % 4 == 0, thin = is_thin(v);
    size_t lines = v->n * (size_t)v->z.oh, count = tensor_count(dw), parts = 1;
    size_t co = (size_t)v->z.co, taps = (size_t)v->z.kh * (size_t)v->z.kw;
    if (!count)
        return DRIFT_OK;
    /* About as many parts as lines in each. */
    while (parts * parts < lines && (parts + 1) * count <= PARTS_FLOATS)
        parts++;
    TRY(tensor_new(ctx, &sums, DTYPE_F32, SHAPE(parts, count)));
    ocl_launch l = ocl_begin(ctx, "conv2d",
                             few    ? "conv2d_bwd_w_16"
                             : thin ? "conv2d_bwd_w_thin"
                                    : "conv2d_bwd_w");
    ocl_tensor(&l, &sums);
    ocl_tensor(&l, dy);
    ocl_tensor(&l, x);
    ocl_size(&l, lines);
    ocl_size(&l, parts);
    ocl_bytes(&l, &v->z, sizeof v->z);
    ocl_flops(&l, flops_of(v));
    if (few)
        TRY(ocl_box(&l, co / 16, count / co / 4, parts));
    else if (thin)
        TRY(ocl_box(&l, (size_t)v->z.ci / 16, taps, parts));
    else
        TRY(ocl_box(&l, co, parts * (count / co), 1));
    TRY(ocl_sum_rows(ctx, dw, !dw->fresh, &sums, parts, count));
out:
    tensor_free(ctx, &sums);
    return status;
}

/* dw (+)= a^T dy over the chunk's pixels. */
static drift_status product_dw(drift_context *ctx, tensor *dw, int add,
                               const tensor *a, const tensor *dy, const conv *v,
                               size_t first, size_t pixels)
{
    size_t co = (size_t)v->z.co;
    return ocl_sum_products(
        ctx, dw, add, (ocl_matrix){.tensor = a, .row = v->taps},
        (ocl_matrix){.tensor = dy, .offset = first * co, .row = co}, v->taps,
        co, pixels);
}

/* da (+)= dy w^T over the chunk's pixels. */
static drift_status product_dx(drift_context *ctx, tensor *da, int add,
                               const tensor *dy, const tensor *w, const conv *v,
                               size_t first, size_t pixels)
{
    size_t co = (size_t)v->z.co;
    return ocl_sgemm(
        ctx, (ocl_matrix){.tensor = da, .row = v->taps},
        (ocl_matrix){.tensor = dy, .offset = first * co, .row = co},
        (ocl_matrix){.tensor = w, .row = co, .transposed = 1}, 1, pixels,
        v->taps, co, 1, add ? 1 : 0);
}

static drift_status chunks_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                               const tensor *dy, const tensor *x,
                               const tensor *w, const conv *v)
{
    drift_status status = DRIFT_OK;
    tensor col = {0}, added = dx ? *dx : (tensor){0};
    if (!v->n && dw)
        return ocl_begin_gradient(ctx, dw);
    TRY(tensor_new(ctx, &col, DTYPE_F32, SHAPE(most_pixels(v), v->taps)));
    if (dx && rows_that_fit(v) < (size_t)v->z.oh) {
        /* Chunks of an image share rows of dx. */
        TRY(ocl_begin_gradient(ctx, dx));
        added.fresh = 0;
    }
    for (chunk c = {0}; next_chunk(v, &c);) {
        if (dw) {
            TRY(windows(ctx, &col, x, v, &c));
            TRY(product_dw(ctx, dw, !dw->fresh || c.first, &col, dy, v, c.first,
                           c.pixels));
        }
        if (dx) {
            TRY(product_dx(ctx, &col, 0, dy, w, v, c.first, c.pixels));
            TRY(windows_back(ctx, &added, &col, v, &c));
        }
    }
out:
    tensor_free(ctx, &col);
    return status;
}

drift_status ocl_conv2d_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                            tensor *db, const tensor *dy, const tensor *x,
                            const tensor *w, conv_args args)
{
    drift_status status = DRIFT_OK;
    conv v;
    TRY(conv_of(ctx, &v, dy, x, w, args));
    int sums = is_plain(&v) || (is_few(&v, v.z.co) && v.z.ci % 4 == 0);
    /* What is done is not left for the others. */
    tensor *dx_left = dx, *dw_left = dw;
    if (dx && is_few(&v, v.z.ci) && v.z.stride_h == 1 && v.z.stride_w == 1) {
        TRY(few_dx(ctx, dx, dy, w, &v));
        dx_left = NULL;
    }
    if (dw && sums) {
        TRY(sums_dw(ctx, dw, dy, x, &v));
        dw_left = NULL;
    }
    if (is_product(&v)) {
        if (dx_left)
            TRY(product_dx(ctx, dx, !dx->fresh, dy, w, &v, 0, v.pixels));
        if (dw_left)
            TRY(product_dw(ctx, dw, !dw->fresh, x, dy, &v, 0, v.pixels));
    } else if (dx_left && is_plain(&v)) {
        TRY(plain_dx(ctx, dx, dy, w, &v));
    } else if (dx_left || dw_left) {
        TRY(chunks_bwd(ctx, dx_left, dw_left, dy, x, w, &v));
    }
    if (db)
        TRY(ocl_sum_rows(ctx, db, !db->fresh, dy, v.pixels, (size_t)v.z.co));
out:
    return status;
}
