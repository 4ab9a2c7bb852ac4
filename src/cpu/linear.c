/* linear: y[rows,out] = x[rows,in] w[in,out] + b[out]; x's dimensions before
 * the last are rows.
 *
 * Many rows under a small w, as in every network here, are tile products: w is
 * packed once for all threads, which then take blocks of rows as they lie;
 * BLIS would pack those too. Large w is BLIS's. Which of the two depends on the
 * shapes alone. */
#include <string.h>

#include "cpu/cpu.h"
#include "cpu/tile.h"

#define TILED_WEIGHTS (1u << 18) /* numbers of w that stay in L2 */
#define TILED_ROWS    64         /* fewer rows do not pay for packing w */
#define ROWS          28         /* rows of x a thread takes at a time */
#define AHEAD         512 /* longer rows the CPU fetches well by itself */

static int is_tiled(size_t rows, size_t in, size_t out)
{
    return rows >= TILED_ROWS && in && in * out <= TILED_WEIGHTS;
}

/* Floats of the next block of rows that are worth fetching early. */
static size_t ahead_of(size_t rows, size_t i, size_t k)
{
    return k > AHEAD || i + ROWS >= rows ? 0 : least(ROWS, rows - i - ROWS) * k;
}

/* y[rows,n] (+)= x[rows,k] panels + start, blocks of rows in parallel. */
static void tiled(float *y, const float *x, const float *panels,
                  const float *start, size_t rows, size_t k, size_t n, int add)
{
#pragma omp parallel for schedule(dynamic) if (rows * n > CPU_SMALL)
    for (size_t i = 0; i < rows; i += ROWS)
        cpu_tile(&(tile_product){.m = least(ROWS, rows - i),
                                 .n = n,
                                 .segments = 1,
                                 .k = k,
                                 .a = x + i * k,
                                 .a_row = k,
                                 .a_k = 1,
                                 .b = panels,
                                 .b_k = TILE_PANEL,
                                 .b_panel = k * TILE_PANEL,
                                 .start = start,
                                 .c = y + i * n,
                                 .c_row = n,
                                 .add = add,
                                 .ahead = x + least(i + ROWS, rows) * k,
                                 .ahead_floats = ahead_of(rows, i, k)});
}

drift_status cpu_linear_fwd(drift_context *ctx, tensor *y, const tensor *x,
                            const tensor *w, const tensor *b)
{
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(y) / out : 0;
    float *yp = f32(y);
    const float *bp = f32(b);
    if (is_tiled(rows, in, out)) {
        size_t panels = tile_panels(in, out);
        float *room = cpu_scratch(ctx, panels + tile_padded(out));
        if (!room)
            return DRIFT_ERROR_MEMORY;
        cpu_tile_pack(room, in * TILE_PANEL, f32(w), out, 1, in, out);
        if (b)
            memcpy(room + panels, bp, out * sizeof *bp);
        tiled(yp, f32(x), room, b ? room + panels : NULL, rows, in, out, 0);
        return DRIFT_OK;
    }
    if (b) {
#pragma omp parallel for if (rows * out > CPU_SMALL)
        for (size_t i = 0; i < rows; i++)
            memcpy(yp + i * out, bp, out * sizeof *bp);
    }
    cpu_sgemm(0, 0, rows, out, in, 1, f32(x), in, f32(w), out, b ? 1 : 0, yp,
              out);
    return DRIFT_OK;
}

static drift_status input_gradient(drift_context *ctx, float *dx,
                                   const float *dy, const float *w, size_t rows,
                                   size_t in, size_t out, int add)
{
    if (!is_tiled(rows, in, out)) {
        cpu_sgemm(0, 1, rows, in, out, 1, dy, out, w, out, add ? 1 : 0, dx, in);
        return DRIFT_OK;
    }
    float *room = cpu_scratch(ctx, tile_panels(out, in));
    if (!room)
        return DRIFT_ERROR_MEMORY;
    cpu_tile_pack(room, out * TILE_PANEL, w, 1, out, out, in);
    tiled(dx, dy, room, NULL, rows, out, in, add);
    return DRIFT_OK;
}

/* -- the gradient of w: a long sum, cut into parts ------------------------- */

#define SUM_FLOATS (4u << 20) /* of the parts' sums */
#define SUM_PARTS  16
#define PART_ROWS  1024 /* fewer are not worth a sum of their own */
#define SUM_TASKS  16   /* for the threads to share */
#define SUM_ROWS   96   /* rows of x and dy at a time */
#define STRIP      13   /* columns of x that make the rows of a tile */

static CPU_SIMD void add_rows(float *restrict sum, const float *restrict x,
                              size_t rows, size_t stride, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            sum[j] += x[i * stride + j];
}

/* Columns first ... last of x[rows,in] as strips of STRIP, each [rows,STRIP].
 */
static void pack_strips(float *to, const float *x, size_t rows, size_t in,
                        size_t first, size_t last)
{
    for (size_t j = first; j < last; j += STRIP) {
        size_t cols = least(STRIP, last - j);
        const float *from = x + j;
        if (cols == STRIP) /* a constant, for the compiler */
            for (size_t i = 0; i < rows; i++, to += STRIP, from += in)
                memcpy(to, from, STRIP * sizeof *to);
        else
            for (size_t i = 0; i < rows; i++, to += cols, from += in)
                memcpy(to, from, cols * sizeof *to);
    }
}

/* How the sum over rows is cut, the same for every number of threads: into
 * parts of the rows, and a part into chunks of x's columns. A task is a chunk
 * of a part. */
typedef struct cut {
    size_t in, out, rows;
    size_t part, parts;    /* a part's rows */
    size_t chunk, chunks;  /* a chunk's columns, whole strips */
    size_t sum;            /* floats of a part's sum: panels of columns */
    size_t strips, panels; /* floats of a thread's packed x, dy */
} cut;

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static cut cut_of(size_t rows, size_t in, size_t out)
{
    cut c = {.in = in, .out = out, .rows = rows};
    c.sum = tile_panels(in, out);
    c.parts = least(rows / PART_ROWS, least(SUM_PARTS, SUM_FLOATS / c.sum));
    c.part = divide_up(rows, most(c.parts, 1));
    c.parts = divide_up(rows, c.part);
    c.chunks = divide_up(SUM_TASKS, c.parts);
    c.chunk = divide_up(divide_up(in, STRIP), c.chunks) * STRIP;
    c.chunks = divide_up(in, c.chunk);
    c.strips = (SUM_ROWS * c.chunk + 15) / 16 * 16;
    c.panels = out % TILE_PAD ? tile_panels(SUM_ROWS, out) : 0;
    return c;
}

/* The i-th of n equal shares of what comes next, in whole cache lines. */
static void fetch_share(const float *at, size_t floats, size_t i, size_t n)
{
    size_t share = (floats / n / TILE_LINE + 1) * TILE_LINE, begin = i * share;
    if (begin < floats)
        tile_fetch(at + begin, least(share, floats - begin));
}

/* sum (+)= x^T dy for `rows` rows and x's columns first ... last, while the
 * next rows are fetched. */
static void sum_rows(const cut *c, float *sum, const float *x, const float *dy,
                     size_t rows, size_t next, size_t first, size_t last,
                     int add, float *room)
{
    size_t strips = divide_up(last - first, STRIP);
    size_t tiles = strips * divide_up(c->out, TILE_PANEL);
    const float *x_next = x + rows * c->in, *dy_next = dy + rows * c->out;
    tile_product p = {.segments = 1,
                      .k = rows,
                      .b = dy,
                      .b_k = c->out,
                      .c_row = TILE_PANEL,
                      .add = add};
    size_t b_panel = TILE_PANEL, tile = 0;
    if (c->panels) {
        float *packed = room + c->strips;
        cpu_tile_pack(packed, rows * TILE_PANEL, dy, c->out, 1, rows, c->out);
        p.b = packed;
        p.b_k = TILE_PANEL;
        b_panel = rows * TILE_PANEL;
    }
    pack_strips(room, x, rows, c->in, first, last);
    for (size_t j = 0; j < c->out; j += TILE_PANEL, p.b += b_panel) {
        p.n = least(TILE_PANEL, c->out - j);
        p.a = room;
        for (size_t i = first; i < last; i += STRIP, p.a += rows * p.m) {
            p.m = p.a_k = least(STRIP, last - i);
            p.a_row = 1;
            p.c = sum + j * c->in + i * TILE_PANEL;
            fetch_share(x_next, next * c->in, tile, tiles);
            fetch_share(dy_next, next * c->out, tile++, tiles);
            cpu_tile(&p);
        }
    }
}

/* One task: a chunk of a part. */
static void sum_part(const cut *c, float *sum, const float *x, const float *dy,
                     size_t part, size_t chunk, float *room)
{
    size_t begin = part * c->part, end = least(begin + c->part, c->rows);
    size_t first = chunk * c->chunk, last = least(first + c->chunk, c->in);
    for (size_t i = begin, n; i < end; i += n) {
        n = least(SUM_ROWS, end - i);
        sum_rows(c, sum + part * c->sum, x + i * c->in, dy + i * c->out, n,
                 least(SUM_ROWS, end - i - n), first, last, i > begin, room);
    }
}

static CPU_SIMD void add_strided(float *restrict to, const float *restrict from,
                                 size_t rows, size_t to_row, size_t n)
{
    for (size_t i = 0; i < rows; i++, to += to_row, from += TILE_PANEL)
        for (size_t j = 0; j < n; j++)
            to[j] += from[j];
}

static drift_status weight_gradient(drift_context *ctx, float *dw,
                                    const float *dy, const float *x,
                                    size_t rows, size_t in, size_t out)
{
    if (!is_tiled(rows, in, out)) {
        cpu_sgemm(1, 0, in, out, rows, 1, x, in, dy, out, 1, dw, out);
        return DRIFT_OK;
    }
    cut c = cut_of(rows, in, out);
    size_t each = c.strips + c.panels;
    int threads = cpu_threads(c.parts * c.chunks);
    float *room = cpu_scratch(ctx, c.parts * c.sum + (size_t)threads * each);
    if (!room)
        return DRIFT_ERROR_MEMORY;
    float *packed = room + c.parts * c.sum;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t i = 0; i < c.parts * c.chunks; i++)
        sum_part(&c, room, x, dy, i / c.chunks, i % c.chunks,
                 packed + (size_t)cpu_thread_number() * each);
    /* Parts in order, rows in parallel. */
#pragma omp parallel for if (in * out > CPU_SMALL)
    for (size_t i = 0; i < in; i += STRIP)
        for (size_t p = 0; p < c.parts; p++)
            for (size_t j = 0; j < out; j += TILE_PANEL)
                add_strided(dw + i * out + j,
                            room + p * c.sum + j * in + i * TILE_PANEL,
                            least(STRIP, in - i), out,
                            least(TILE_PANEL, out - j));
    return DRIFT_OK;
}

drift_status cpu_sum_rows(drift_context *ctx, float *sum, const float *x,
                          size_t rows, size_t n)
{
    size_t part = (rows + CPU_PARTS - 1) / CPU_PARTS;
    size_t parts = part ? (rows + part - 1) / part : 0;
    float *sums = cpu_scratch(ctx, parts * n);
    if (!sums)
        return DRIFT_ERROR_MEMORY;
    memset(sums, 0, parts * n * sizeof *sums);
#pragma omp parallel for if (rows * n > CPU_SMALL)
    for (size_t p = 0; p < parts; p++)
        add_rows(sums + p * n, x + p * part * n, least(part, rows - p * part),
                 n, n);
    add_rows(sum, sums, parts, n, n);
    return DRIFT_OK;
}

drift_status cpu_linear_bwd(drift_context *ctx, tensor *dx, tensor *dw,
                            tensor *db, const tensor *dy, const tensor *x,
                            const tensor *w)
{
    drift_status status = DRIFT_OK;
    size_t in = w->shape.dim[0], out = w->shape.dim[1];
    size_t rows = out ? tensor_count(dy) / out : 0;
    const float *dyp = f32(dy);
    if (dx)
        TRY(input_gradient(ctx, f32(dx), dyp, f32(w), rows, in, out,
                           !dx->fresh));
    cpu_begin_all(dw);
    if (dw)
        TRY(weight_gradient(ctx, f32(dw), dyp, f32(x), rows, in, out));
    cpu_begin_all(db);
    if (db)
        TRY(cpu_sum_rows(ctx, f32(db), dyp, rows, out));
out:
    return status;
}
