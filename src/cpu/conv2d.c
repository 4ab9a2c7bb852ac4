/* conv2d: y[n,oh,ow,co] = sum over taps i < kh, j < kw and c < ci of
 *     x[n, r stride + i - pad_top, q stride + j - pad_left, c] w[i,j,c,co].
 *
 * No im2col: an image (or a strip of its rows) is copied once with its padding
 * around it; then the kw*ci numbers under one row of taps lie next to each
 * other, and so a row of outputs is one tile product whose sum runs over kh
 * segments of kw*ci. The gradient of x is the same convolution of dy with the
 * taps turned round, the gradient of w a tile product over the pixels. Few
 * output channels are conv2d_thin.c's, groups and dilation take the plain
 * loops of conv2d_plain.c. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/row.h"
#include "cpu/tile.h"

#define STRIP_FLOATS 98304u     /* of padded input at a time, to stay in L2 */
#define PARTS_FLOATS (4u << 20) /* of partial weight gradients */
#define PARTS        16         /* of the images, */
#define PART_PIXELS  512        /* each worth a sum of its own */
#define PART_COLS    32 /* columns of w a task takes when there are few parts */

static int is_plain(const conv_sizes *z)
{
    return z->args.groups != 1 || z->args.dilation_h != 1 ||
           z->args.dilation_w != 1;
}

/* A 1x1 convolution without padding or stride sees an image as one row. */
static conv_sizes flattened(conv_sizes z)
{
    const conv_args *a = &z.args;
    if (z.kh == 1 && z.kw == 1 && a->stride_h == 1 && a->stride_w == 1 &&
        !a->pad_top && !a->pad_left && z.oh == z.h && z.ow == z.w) {
        z.w = z.ow = z.h * z.w;
        z.h = z.oh = 1;
    }
    return z;
}

static conv_sizes sizes_of(const tensor *y, const tensor *x, const tensor *w,
                           conv_args args)
{
    const size_t *xd = x->shape.dim, *yd = y->shape.dim, *wd = w->shape.dim;
    return (conv_sizes){xd[0], xd[1], xd[2], xd[3], yd[1],
                        yd[2], yd[3], wd[0], wd[1], args};
}

/* -- padded copies -------------------------------------------------------- */

static size_t padded_width(const conv_sizes *z)
{
    return (z->ow - 1) * (size_t)z->args.stride_w + z->kw;
}

/* Input rows under `rows` output rows. */
static size_t padded_height(const conv_sizes *z, size_t rows)
{
    return (rows - 1) * (size_t)z->args.stride_h + z->kh;
}

/* Floats of a padded strip, in whole cache lines. */
static size_t strip_floats(const conv_sizes *z, size_t rows)
{
    return (padded_height(z, rows) * padded_width(z) * z->ci + 15) / 16 * 16;
}

/* No padding: rows of x serve as they are. */
static int fits_unpadded(const conv_sizes *z)
{
    return !z->args.pad_top && !z->args.pad_left && padded_width(z) == z->w &&
           padded_height(z, z->oh) <= z->h;
}

/* Columns [begin,end) of a padded row that hold pixels of x. */
static void columns_inside(const conv_sizes *z, size_t *begin, size_t *end)
{
    long left = z->args.pad_left, width = (long)padded_width(z);
    long last = left + (long)z->w;
    *begin = (size_t)(left < 0 ? 0 : left > width ? width : left);
    *end = (size_t)(last < (long)*begin ? (long)*begin
                    : last > width      ? width
                                        : last);
}

/* The input rows under output rows [first, first + rows) of one image, with
 * zeros for the padding: [height,width,ci], in `to` or where they lie. */
static const float *padded_strip(const conv_sizes *z, float *to,
                                 const float *image, size_t first, size_t rows)
{
    size_t begin, end, width = padded_width(z), line = width * z->ci;
    const float *strip = to;
    if (fits_unpadded(z))
        return image + first * (size_t)z->args.stride_h * line;
    columns_inside(z, &begin, &end);
    long top = (long)first * z->args.stride_h - z->args.pad_top;
    for (size_t r = 0; r < padded_height(z, rows); r++, to += line) {
        long row = top + (long)r;
        if (row < 0 || row >= (long)z->h) {
            memset(to, 0, line * sizeof *to);
            continue;
        }
        long col = (long)begin - z->args.pad_left;
        memset(to, 0, begin * z->ci * sizeof *to);
        if (end > begin)
            memcpy(to + begin * z->ci,
                   image + (row * (long)z->w + col) * (long)z->ci,
                   (end - begin) * z->ci * sizeof *to);
        memset(to + end * z->ci, 0, (width - end) * z->ci * sizeof *to);
    }
    return strip;
}

/* -- forward, and the gradient of x for stride 1 --------------------------- */

/* Output rows of one strip. Rows do not depend on each other, so the cut may
 * follow the number of threads. */
static size_t strip_rows(const conv_sizes *z)
{
    size_t line = padded_width(z) * z->ci, rows = z->oh;
    size_t threads = (size_t)cpu_threads(64);
    while (rows > 1 && padded_height(z, rows) * line > STRIP_FLOATS)
        rows = (rows + 1) / 2;
    while (rows > 1 && z->n * ((z->oh + rows - 1) / rows) < threads)
        rows = (rows + 1) / 2;
    return rows;
}

/* y (+)= conv of x with the packed panels of w [kh*kw*ci,co]. `room` is a
 * strip for each of the threads. The next image comes nearer meanwhile. */
static void convolve(const conv_sizes *z, float *y, const float *x,
                     const float *panels, const float *bias, int add,
                     size_t rows, float *room, int threads)
{
    size_t line = padded_width(z) * z->ci, k = z->kw * z->ci;
    size_t strip = strip_floats(z, rows);
    size_t strips = (z->oh + rows - 1) / rows, pixels = z->h * z->w * z->ci;
    (void)threads; /* where there is no OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static)
    for (size_t i = 0; i < z->n * strips; i++) {
        size_t n = i / strips, first = i % strips * rows;
        size_t here = least(rows, z->oh - first);
        float *padded = room + (size_t)cpu_thread_number() * strip;
        float *to = y + (n * z->oh + first) * z->ow * z->co;
        const float *image = x + n * pixels;
        size_t ahead = n + 1 < z->n ? pixels / strips : 0;
        cpu_tile(
            &(tile_product){.bands = here,
                            .m = z->ow,
                            .n = z->co,
                            .segments = z->kh,
                            .k = k,
                            .a = padded_strip(z, padded, image, first, here),
                            .a_band = (size_t)z->args.stride_h * line,
                            .a_row = (size_t)z->args.stride_w * z->ci,
                            .a_k = 1,
                            .a_segment = line,
                            .b = panels,
                            .b_k = TILE_PANEL,
                            .b_segment = k * TILE_PANEL,
                            .b_panel = z->kh * k * TILE_PANEL,
                            .c = to,
                            .c_band = z->ow * z->co,
                            .c_row = z->co,
                            .start = bias,
                            .add = add,
                            .ahead = image + pixels + i % strips * ahead,
                            .ahead_floats = ahead});
    }
}

/* The panels of the gradient's weights: taps turned round, each transposed. */
static void pack_turned(const conv_sizes *z, float *to, const float *w)
{
    size_t taps = z->kh * z->kw, each = z->ci * z->co;
    for (size_t tap = 0; tap < taps; tap++)
        cpu_tile_pack(to + tap * z->co * TILE_PANEL,
                      taps * z->co * TILE_PANEL, w + (taps - 1 - tap) * each, 1,
                      z->co, z->co, z->ci);
}

static drift_status forward(drift_context *ctx, const conv_sizes *z, float *y,
                            const float *x, const float *w, const float *bias)
{
    size_t k = z->kh * z->kw * z->ci, rows = strip_rows(z);
    size_t strip = strip_floats(z, rows);
    size_t panels = tile_panels(k, z->co);
    int threads = cpu_threads(z->n * z->oh);
    size_t wide = tile_padded(z->co);
    float *room = cpu_scratch(ctx, panels + wide + (size_t)threads * strip);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    float *start = room + panels;
    cpu_tile_pack(room, k * TILE_PANEL, w, z->co, 1, k, z->co);
    if (bias)
        memcpy(start, bias, z->co * sizeof *bias);
    convolve(z, y, x, room, bias ? start : NULL, 0, rows, start + wide,
             threads);
    return DRIFT_OK;
}

/* dx (+)= conv of dy, stride 1, with the turned weights. */
static drift_status input_gradient(drift_context *ctx, const conv_sizes *z,
                                   float *dx, const float *dy, const float *w,
                                   int add)
{
    conv_sizes back = {z->n, z->oh, z->ow, z->co, z->h,
                       z->w, z->ci, z->kh, z->kw, z->args};
    back.args.pad_top = (int)z->kh - 1 - z->args.pad_top;
    back.args.pad_left = (int)z->kw - 1 - z->args.pad_left;
    size_t k = z->kh * z->kw * z->co, rows = strip_rows(&back);
    size_t strip = strip_floats(&back, rows);
    size_t panels = tile_panels(k, z->ci);
    int threads = cpu_threads(z->n * z->h);
    float *room = cpu_scratch(ctx, panels + (size_t)threads * strip);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    pack_turned(z, room, w);
    convolve(&back, dx, dy, room, NULL, add, rows, room + panels, threads);
    return DRIFT_OK;
}

/* -- the gradient of x for larger strides -----------------------------------
 */

/* Adds the windows of one row of taps, from[ow,kw*ci], to a row of dx. */
static void add_windows(const conv_sizes *z, float *to, const float *from)
{
    for (size_t q = 0; q < z->ow; q++)
        for (size_t j = 0; j < z->kw; j++, from += z->ci) {
            long col = (long)q * z->args.stride_w + (long)j - z->args.pad_left;
            if (col < 0 || col >= (long)z->w)
                continue;
            float *pixel = to + (size_t)col * z->ci;
            for (size_t c = 0; c < z->ci; c++)
                pixel[c] += from[c];
        }
}

/* One image: each row of dy gives kh rows of windows, which overlap in dx. */
static void strided_image(const conv_sizes *z, float *dx, const float *dy,
                          const float *panels, float *windows)
{
    size_t n = z->kw * z->ci;
    for (size_t r = 0; r < z->oh; r++)
        for (size_t i = 0; i < z->kh; i++) {
            long row = (long)r * z->args.stride_h + (long)i - z->args.pad_top;
            if (row < 0 || row >= (long)z->h)
                continue;
            cpu_tile(&(tile_product){.m = z->ow,
                                     .n = n,
                                     .segments = 1,
                                     .k = z->co,
                                     .a = dy + r * z->ow * z->co,
                                     .a_row = z->co,
                                     .a_k = 1,
                                     .b = panels + i * tile_panels(z->co, n),
                                     .b_k = TILE_PANEL,
                                     .b_panel = z->co * TILE_PANEL,
                                     .c = windows,
                                     .c_row = n});
            add_windows(z, dx + (size_t)row * z->w * z->ci, windows);
        }
}

static drift_status strided_gradient(drift_context *ctx, const conv_sizes *z,
                                     float *dx, const float *dy, const float *w)
{
    size_t n = z->kw * z->ci, each = tile_panels(z->co, n);
    size_t windows = (z->ow * n + 15) / 16 * 16;
    int threads = cpu_threads(z->n);
    float *room =
        cpu_scratch(ctx, z->kh * each + (size_t)threads * windows);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    float *rest = room + z->kh * each;
    for (size_t i = 0; i < z->kh; i++)
        cpu_tile_pack(room + i * each, z->co * TILE_PANEL, w + i * n * z->co,
                      1, z->co, z->co, n);
#pragma omp parallel for num_threads(threads)
    for (size_t i = 0; i < z->n; i++)
        strided_image(z, dx + i * z->h * z->w * z->ci,
                      dy + i * z->oh * z->ow * z->co, room,
                      rest + (size_t)cpu_thread_number() * windows);
    return DRIFT_OK;
}

/* -- the gradient of w -------------------------------------------------------
 */

/* How the sum over images is cut: the same for every number of threads. */
typedef struct cut {
    size_t parts, images;       /* a part's images */
    size_t cols, chunks;        /* columns of w a task takes */
    size_t rows;                /* output rows at a time */
    size_t x_floats, dy_floats; /* a thread's memory */
} cut;

static cut cut_of(const conv_sizes *z)
{
    cut c;
    size_t floats = z->kh * z->kw * z->ci * z->co;
    size_t most = least(PARTS, floats ? PARTS_FLOATS / floats : 1);
    most = least(most, z->n * z->oh * z->ow / PART_PIXELS);
    size_t parts = most < 1 ? 1 : least(most, z->n);
    c.images = parts ? (z->n + parts - 1) / parts : 0;
    c.parts = c.images ? (z->n + c.images - 1) / c.images : 0;
    c.cols = c.parts < PARTS && z->co % TILE_PAD == 0 ? PART_COLS : z->co;
    c.chunks = (z->co + c.cols - 1) / c.cols;
    c.rows = z->oh;
    while (c.rows > 1 && strip_floats(z, c.rows) > STRIP_FLOATS)
        c.rows = (c.rows + 1) / 2;
    c.x_floats = strip_floats(z, c.rows);
    c.dy_floats = z->co % TILE_PAD ? c.rows * z->ow * tile_padded(z->co) : 0;
    return c;
}

/* dw[.,first ... first+cols) (+)= what one strip of an image gives. */
static void strip_dw(const conv_sizes *z, const cut *c, float *dw,
                     const float *x, const float *dy, size_t row, size_t first,
                     int add, float *room)
{
    size_t here = least(c->rows, z->oh - row), line = padded_width(z) * z->ci;
    size_t wide = z->co;
    const float *strip = padded_strip(z, room, x, row, here);
    dy += row * z->ow * z->co;
    if (c->dy_floats) {
        wide = tile_padded(z->co);
        float *copy = room + c->x_floats;
        for (size_t p = 0; p < here * z->ow; p++) {
            memcpy(copy + p * wide, dy + p * z->co, z->co * sizeof *dy);
            memset(copy + p * wide + z->co, 0, (wide - z->co) * sizeof *dy);
        }
        dy = copy;
    }
    cpu_tile(&(tile_product){.bands = z->kh,
                             .m = z->kw * z->ci,
                             .n = least(c->cols, z->co - first),
                             .segments = here,
                             .k = z->ow,
                             .a = strip,
                             .a_band = line,
                             .a_row = 1,
                             .a_k = (size_t)z->args.stride_w * z->ci,
                             .a_segment = (size_t)z->args.stride_h * line,
                             .b = dy + first,
                             .b_k = wide,
                             .b_segment = z->ow * wide,
                             .c = dw + first,
                             .c_band = z->kw * z->ci * z->co,
                             .c_row = z->co,
                             .add = add});
}

static drift_status weight_gradient(drift_context *ctx, const conv_sizes *z,
                                    float *dw, const float *dy, const float *x)
{
    cut c = cut_of(z);
    size_t floats = z->kh * z->kw * z->ci * z->co;
    size_t each = c.x_floats + c.dy_floats;
    /* A single part is summed where it belongs. */
    size_t sums = c.parts > 1 ? c.parts * floats : 0;
    int threads = cpu_threads(c.parts * c.chunks);
    float *room = cpu_scratch(ctx, sums + (size_t)threads * each);
    if (!room)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t task = 0; task < c.parts * c.chunks; task++) {
        size_t part = task / c.chunks, first = task % c.chunks * c.cols;
        float *to = sums ? room + part * floats : dw;
        float *mine = room + sums + (size_t)cpu_thread_number() * each;
        int add = !sums;
        for (size_t n = part * c.images; n < least((part + 1) * c.images, z->n);
             n++)
            for (size_t row = 0; row < z->oh; row += c.rows, add = 1)
                strip_dw(z, &c, to, x + n * z->h * z->w * z->ci,
                         dy + n * z->oh * z->ow * z->co, row, first, add, mine);
    }
    if (!sums)
        return DRIFT_OK;
    size_t step = (floats + CPU_PARTS - 1) / CPU_PARTS;
#pragma omp parallel for if (sums > CPU_SMALL)
    for (size_t i = 0; i < floats; i += step)
        for (size_t part = 0; part < c.parts; part++)
            row_add(dw + i, room + part * floats + i, least(step, floats - i));
    return DRIFT_OK;
}

/* -- the op ------------------------------------------------------------------
 */

drift_status cpu_conv2d_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *w, const tensor *b, conv_args args)
{
    conv_sizes z = sizes_of(y, x, w, args);
    if (is_plain(&z)) {
        conv_plain_fwd(&z, f32(y), f32(x), f32(w), f32(b));
        return DRIFT_OK;
    }
    if (conv_is_thin(&z))
        return conv_thin_fwd(ctx, &z, f32(y), f32(x), f32(w), f32(b));
    z = flattened(z);
    return forward(ctx, &z, f32(y), f32(x), f32(w), f32(b));
}

drift_status cpu_conv2d_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                            tensor *db, const tensor *dy, const tensor *x,
                            const tensor *w, conv_args args)
{
    drift_status status = DRIFT_OK;
    conv_sizes z = sizes_of(dy, x, w, args);
    int plain = is_plain(&z), unit = args.stride_h == 1 && args.stride_w == 1;
    if (!plain)
        z = flattened(z);
    if (plain || !unit)
        cpu_begin_all(dx);
    cpu_begin_all(dw);
    cpu_begin_all(db);
    if (dx && plain)
        conv_plain_dx(&z, f32(dx), f32(dy), f32(w));
    else if (dx && unit)
        TRY(input_gradient(ctx, &z, f32(dx), f32(dy), f32(w), !dx->fresh));
    else if (dx)
        TRY(strided_gradient(ctx, &z, f32(dx), f32(dy), f32(w)));
    if (dw && plain)
        conv_plain_dw(&z, f32(dw), f32(dy), f32(x));
    else if (dw && conv_is_thin(&z))
        TRY(conv_thin_dw(ctx, &z, f32(dw), f32(dy), f32(x)));
    else if (dw)
        TRY(weight_gradient(ctx, &z, f32(dw), f32(dy), f32(x)));
    if (db)
        TRY(cpu_sum_rows(ctx, f32(db), f32(dy), z.n * z.oh * z.ow, z.co));
out:
    return status;
}
