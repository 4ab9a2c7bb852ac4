/* Small products straight from memory: see tile.h.
 *
 * A tile of c stays in registers while the sum runs; each step multiplies one
 * row of b by one number of each row of a. The loops have constant bounds in
 * every copy of `tile_block`, so compilers turn them into straight vector code:
 * the same text serves AVX-512 (14 x 32 of 32 registers), AVX2 with FMA (6 x 16
 * of 16) and everything else (4 x 8). */
#include "cpu/tile.h"

#include <math.h>
#include <string.h>

#include "cpu/cpu.h"

/* Sanitizers that look at each number of a tile make it scalar and programs six
 * times slower. In the vector copies they look at none, at addresses in the
 * plain one; tests/unit/tile ends its arrays where memory ends. */
#ifdef HAVE_CPU_SUPPORTS
#define TARGET(name) __attribute__((target(name), no_sanitize("address")))
#define UNCHECKED    __attribute__((no_sanitize("undefined")))
#else
#define UNCHECKED
#endif

#define MOST_ROWS 14
#define MOST_COLS 32

UNCHECKED ALWAYS_INLINE float multiply_add(int fused, float a, float b, float c)
{
    return fused ? fmaf(a, b, c) : a * b + c;
}

UNCHECKED ALWAYS_INLINE void tile_block(
    int fused, int rows, int cols, const tile_product *p,
    const float *restrict a, const float *restrict b,
    const float *restrict start, float *restrict c, size_t c_row, int add)
{
    float sum[MOST_ROWS][MOST_COLS];
    size_t a_row = p->a_row, a_k = p->a_k, b_k = p->b_k, k = p->k;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++)
            sum[i][j] = start ? start[j] : 0;
    for (size_t s = 0; s < p->segments; s++) {
        const float *as = a + s * p->a_segment, *bs = b + s * p->b_segment;
        for (size_t q = 0; q < k; q++, as += a_k, bs += b_k)
            for (int i = 0; i < rows; i++) {
                float x = as[(size_t)i * a_row];
#pragma omp simd
                for (int j = 0; j < cols; j++)
                    sum[i][j] = multiply_add(fused, x, bs[j], sum[i][j]);
            }
    }
    for (int i = 0; i < rows; i++, c += c_row)
        for (int j = 0; j < cols; j++)
            c[j] = add ? c[j] + sum[i][j] : sum[i][j];
}

#ifdef HAVE_CPU_SUPPORTS
#define CASE(r)                                                                \
    case r:                                                                    \
        if (wide)                                                              \
            tile_block(1, r, 32, p, a, b, start, c, c_row, add);               \
        else                                                                   \
            tile_block(1, r, 16, p, a, b, start, c, c_row, add);               \
        break

TARGET("avx512f")
static void tile_avx512(const tile_product *p, int rows, int wide,
                        const float *a, const float *b, const float *start,
                        float *c, size_t c_row, int add)
{
    switch (rows) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
    }
}
#undef CASE

#define CASE(r)                                                                \
    case r:                                                                    \
        tile_block(1, r, 16, p, a, b, start, c, c_row, add);                   \
        break

TARGET("avx2,fma")
static void tile_avx2(const tile_product *p, int rows, int wide, const float *a,
                      const float *b, const float *start, float *c,
                      size_t c_row, int add)
{
    (void)wide;
    switch (rows) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
    }
}
#undef CASE
#endif

/* fmaf is a slow function where the CPU has no such instruction. */
#ifdef FP_FAST_FMAF
#define FUSED 1
#else
#define FUSED 0
#endif

#define CASE(r)                                                                \
    case r:                                                                    \
        tile_block(FUSED, r, 8, p, a, b, start, c, c_row, add);                \
        tile_block(FUSED, r, 8, p, a, b + 8, start ? start + 8 : NULL, c + 8,  \
                   c_row, add);                                                \
        break

static void tile_plain(const tile_product *p, int rows, int wide,
                       const float *a, const float *b, const float *start,
                       float *c, size_t c_row, int add)
{
    (void)wide;
    switch (rows) {
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
    }
}
#undef CASE

#ifdef HAVE_CPU_SUPPORTS
static const tile_kernel avx512 = {"avx512", 14, 32, tile_avx512};
static const tile_kernel avx2 = {"avx2", 6, 16, tile_avx2};
#endif
static const tile_kernel plain = {"plain", 4, 16, tile_plain};

size_t cpu_tile_kernels(const tile_kernel *list[3])
{
    size_t count = 0;
#ifdef HAVE_CPU_SUPPORTS
    if (__builtin_cpu_supports("avx512f"))
        list[count++] = &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        list[count++] = &avx2;
#endif
    list[count++] = &plain;
    return count;
}

/* A tile whose last columns are not there: computed aside, then copied. */
static void narrow_tile(const tile_kernel *kernel, const tile_product *p,
                        int rows, size_t cols, const float *a, const float *b,
                        const float *start, float *c)
{
    float aside[MOST_ROWS * TILE_PAD];
    kernel->tile(p, rows, 0, a, b, start, aside, TILE_PAD, 0);
    for (int i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            float *to = &c[(size_t)i * p->c_row + j];
            *to = aside[i * TILE_PAD + (int)j] + (p->add ? *to : 0);
        }
}

/* Memory still to be brought near, and how much of it at each tile. */
typedef struct prefetch {
    const float *at;
    size_t left, step; /* floats */
} prefetch;

static void fetch_some(prefetch *f)
{
    size_t now = f->left < f->step ? f->left : f->step;
    if (!now) /* at may be NULL */
        return;
    tile_fetch(f->at, now);
    f->at += now;
    f->left -= now;
}

/* The rows of one band under `step` columns of b. */
static void band(const tile_kernel *kernel, const tile_product *p, size_t left,
                 int wide, const float *a, const float *b, const float *start,
                 float *c, size_t strips, prefetch *ahead)
{
    for (size_t strip = 0, i = 0; strip < strips; strip++) {
        size_t rows = (p->m - i + strips - strip - 1) / (strips - strip);
        const float *at = a + i * p->a_row;
        float *to = c + i * p->c_row;
        fetch_some(ahead);
        if (left < TILE_PAD)
            narrow_tile(kernel, p, (int)rows, left, at, b, start, to);
        else
            kernel->tile(p, (int)rows, wide, at, b, start, to, p->c_row,
                         p->add);
        i += rows;
    }
}

void cpu_tile_with(const tile_kernel *kernel, const tile_product *p)
{
    size_t step, bands = p->bands ? p->bands : 1;
    /* Tiles of nearly equal height: few rows leave most of the arithmetic
     * units waiting. */
    size_t most = (size_t)kernel->rows, strips = (p->m + most - 1) / most;
    size_t tiles = (p->n / (size_t)kernel->cols + 1) * bands * strips;
    prefetch ahead = {p->ahead, p->ahead_floats,
                      (p->ahead_floats / tiles / TILE_LINE + 1) * TILE_LINE};
    for (size_t j = 0; j < p->n; j += step) {
        size_t left = p->n - j;
        int wide = left >= (size_t)kernel->cols;
        step = wide ? (size_t)kernel->cols : TILE_PAD;
        const float *b =
            p->b_panel ? p->b + j / TILE_PANEL * p->b_panel + j % TILE_PANEL
                       : p->b + j;
        for (size_t r = 0; r < bands; r++)
            band(kernel, p, left, wide, p->a + r * p->a_band, b,
                 p->start ? p->start + j : NULL, p->c + r * p->c_band + j,
                 strips, &ahead);
    }
}

/* A panel of columns that lie one after the other in memory: rows are read a
 * cache line at a time. */
static void pack_turned(float *to, const float *b, size_t b_n, size_t k,
                        size_t cols)
{
    for (size_t first = 0; first < k; first += TILE_LINE) {
        size_t rows = k - first < TILE_LINE ? k - first : TILE_LINE;
        float *lines = to + first * TILE_PANEL;
        for (size_t j = 0; j < cols; j++)
            for (size_t p = 0; p < rows; p++)
                lines[p * TILE_PANEL + j] = b[first + p + j * b_n];
        for (size_t p = 0; cols < TILE_PANEL && p < rows; p++)
            memset(lines + p * TILE_PANEL + cols, 0,
                   (TILE_PANEL - cols) * sizeof *to);
    }
}

static void pack_rows(float *to, const float *b, size_t b_k, size_t k,
                      size_t cols)
{
    for (size_t p = 0; p < k; p++, to += TILE_PANEL, b += b_k) {
        memcpy(to, b, cols * sizeof *to);
        memset(to + cols, 0, (TILE_PANEL - cols) * sizeof *to);
    }
}

#define PACK_SMALL 16384 /* numbers that are not worth a second thread */

void cpu_tile_pack(float *to, size_t panel, const float *b, size_t b_k,
                   size_t b_n, size_t k, size_t n)
{
#pragma omp parallel for if (k * n > PACK_SMALL)
    for (size_t j = 0; j < n; j += TILE_PANEL) {
        size_t cols = n - j < TILE_PANEL ? n - j : TILE_PANEL;
        float *at = to + j / TILE_PANEL * panel;
        if (b_n == 1)
            pack_rows(at, b + j, b_k, k, cols);
        else
            pack_turned(at, b + j * b_n, b_n, k, cols);
    }
}

void cpu_tile(const tile_product *p)
{
    const tile_kernel *list[3];
    cpu_tile_kernels(list);
    cpu_tile_with(list[0], p);
}
