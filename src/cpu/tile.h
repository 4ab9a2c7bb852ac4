/* Small products straight from memory: no packing, no threads. For operands
 * that lie in the cache (an image, a head, a block of rows), where BLIS's
 * packing costs as much as the product. */
#ifndef CPU_TILE_H
#define CPU_TILE_H

#include <stddef.h>

/* For each band of rows r < bands (0 counts as 1), i < m and j < n:
 * c[r c_band + i c_row + j] = sum over s < segments, p < k of
 *     a[r a_band + s a_segment + i a_row + p a_k] * b[s b_segment + p b_k + j].
 * Rows of b are read, not used, up to the next multiple of TILE_PAD columns.
 * With b_panel, b lies in panels of TILE_PANEL columns, b_panel apart.
 * With start, the sum starts at start[j], readable as far as b's rows.
 * The sum runs in this order for every element: results do not depend on the
 * cut into tiles. */
#define TILE_PAD   16
#define TILE_PANEL 32

typedef struct tile_product {
    size_t bands, m, n, segments, k;
    const float *a;
    size_t a_band, a_row, a_k, a_segment;
    const float *b;
    size_t b_k, b_segment, b_panel;
    const float *start; /* NULL = 0 */
    float *c;
    size_t c_band, c_row;
    int add; /* c += instead of c = */
    /* What the next product reads: brought into the cache meanwhile. */
    const float *ahead;
    size_t ahead_floats;
} tile_product;

void cpu_tile(const tile_product *p);

/* Bring memory into the cache for later; without effect on results. */
#define TILE_LINE 16 /* floats of a cache line */
static inline void tile_fetch(const float *at, size_t floats)
{
#ifdef __GNUC__
    for (size_t i = 0; i < floats; i += TILE_LINE)
        __builtin_prefetch(at + i, 0, 2);
#else
    (void)at;
    (void)floats;
#endif
}

static inline size_t tile_padded(size_t n)
{
    return (n + TILE_PAD - 1) / TILE_PAD * TILE_PAD;
}

/* The matrix b[k,n], its element (p,j) at b[p b_k + j b_n], one of b_k and b_n
 * being 1, into panels that lie `panel` floats apart (k TILE_PANEL where this
 * is all of a panel: tile_panels(k, n) floats); the last panel is filled up
 * with zeros. All threads where it is large. */
void cpu_tile_pack(float *to, size_t panel, const float *b, size_t b_k,
                   size_t b_n, size_t k, size_t n);

static inline size_t tile_panels(size_t k, size_t n)
{
    return (n + TILE_PANEL - 1) / TILE_PANEL * TILE_PANEL * k;
}

/* The kernels that this CPU can run, best first; cpu_tile takes the first. */
typedef struct tile_kernel {
    const char *name;
    int rows, cols; /* of the largest tile */
    /* One tile: `rows` rows, TILE_PAD or, where `wide`, `cols` columns. */
    void (*tile)(const tile_product *p, int rows, int wide, const float *a,
                 const float *b, const float *start, float *c, size_t c_row,
                 int add);
} tile_kernel;
size_t cpu_tile_kernels(const tile_kernel *list[3]);
void cpu_tile_with(const tile_kernel *kernel, const tile_product *p);

#endif
