/* The tile products of every kernel that this CPU runs, against loops in
 * double, with nothing written beside the result or read beyond the operands.
 */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rng.h"
#include "cpu/tile.h"

#define MOST 20000

static const rng_stream stream = {1, RNG_TEST, 0};
static float a[MOST], b[MOST], c[MOST], before[MOST];

/* Memory before a page that nothing may touch: what sanitizers and valgrind do
 * not see in vector code, the processor does. */
static unsigned char *guarded[3];
static size_t room, page;

static int make_guards(void **state)
{
    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    room = (MOST * sizeof *a + page - 1) / page * page;
    for (int i = 0; i < 3; i++) {
        guarded[i] = aligned_alloc(page, room + page);
        if (!guarded[i] || mprotect(guarded[i] + room, page, PROT_NONE) != 0)
            return -1;
    }
    return 0;
}

static int free_guards(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        if (mprotect(guarded[i] + room, page, PROT_READ | PROT_WRITE) != 0)
            return -1;
        free(guarded[i]);
    }
    return 0;
}

/* The `count` floats at `from`, the last of them before the guard. */
static float *at_end(int which, const float *from, size_t count)
{
    float *to = (float *)(void *)(guarded[which] + room) - count;
    memcpy(to, from, count * sizeof *to);
    return to;
}

/* The same product where each operand ends where its memory does. */
static void compare_at_end(const tile_kernel *kernel, const tile_product *p)
{
    tile_product q = *p;
    size_t s = p->segments - 1, k = p->k - 1;
    size_t numbers = (p->m - 1) * p->c_row + p->n;
    float *to = at_end(2, before, numbers);
    q.a =
        at_end(0, a, s * p->a_segment + (p->m - 1) * p->a_row + k * p->a_k + 1);
    q.b = at_end(1, b, s * p->b_segment + k * p->b_k + tile_padded(p->n));
    q.c = to;
    cpu_tile_with(kernel, &q);
    for (size_t at = 0; at < numbers; at++)
        assert_true(to[at] == c[at]);
}

static double wanted(const tile_product *p, size_t i, size_t j)
{
    double sum = 0;
    for (size_t s = 0; s < p->segments; s++)
        for (size_t q = 0; q < p->k; q++)
            sum += (double)a[s * p->a_segment + i * p->a_row + q * p->a_k] *
                   b[s * p->b_segment + q * p->b_k + j];
    return sum;
}

static void compare(const tile_kernel *kernel, const tile_product *p)
{
    for (size_t i = 0; i < MOST; i++)
        c[i] = before[i];
    cpu_tile_with(kernel, p);
    double limit = 4 * 0x1p-24 * sqrt((double)(p->k * p->segments + 1)) * 4;
    for (size_t at = 0; at < MOST; at++) {
        size_t i = at / p->c_row, j = at % p->c_row;
        if (i >= p->m || j >= p->n) {
            assert_true(c[at] == before[at]);
            continue;
        }
        double want = wanted(p, i, j) + (p->add ? before[at] : 0);
        if (!(fabs(c[at] - want) <= limit * (1 + fabs(want))))
            fail_msg("%s: [%zu,%zu] of m %zu n %zu k %zu: %g, wanted %g",
                     kernel->name, i, j, p->m, p->n, p->k, c[at], want);
    }
    compare_at_end(kernel, p);
}

static void sizes(void **state)
{
    (void)state;
    const tile_kernel *list[3];
    size_t count = cpu_tile_kernels(list);
    for (size_t i = 0; i < MOST; i++) {
        a[i] = rng_normal(stream, i);
        b[i] = rng_normal(stream, MOST + i);
        before[i] = rng_normal(stream, 2 * MOST + i);
    }
    static const size_t widths[] = {1, 15, 16, 17, 32, 33, 48, 65};
    for (size_t kernel = 0; kernel < count; kernel++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t m = 1; m < 32; m++) {
                size_t n = widths[w], k = 1 + (m * n) % 11;
                /* a as rows, then as columns, with two segments of it. */
                compare(list[kernel], &(tile_product){.m = m,
                                                      .n = n,
                                                      .segments = 1,
                                                      .k = k,
                                                      .a = a,
                                                      .a_row = 13,
                                                      .a_k = 1,
                                                      .b = b,
                                                      .b_k = 83,
                                                      .c = c,
                                                      .c_row = n + 3,
                                                      .add = m & 1});
                compare(list[kernel], &(tile_product){.m = m,
                                                      .n = n,
                                                      .segments = 2,
                                                      .k = k,
                                                      .a = a,
                                                      .a_row = 1,
                                                      .a_k = 37,
                                                      .a_segment = 500,
                                                      .b = b,
                                                      .b_k = 80,
                                                      .b_segment = 80 * k,
                                                      .c = c,
                                                      .c_row = n,
                                                      .add = n & 1});
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};
    return cmocka_run_group_tests_name("tile", tests, make_guards, free_guards);
}
