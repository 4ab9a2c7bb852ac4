/* The energy distance against a plain double loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/threads.h"
#include "eval/energy.h"

#define MOST 1000

static float x[MOST], y[MOST];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST; i++) {
        x[i] = rng_normal((rng_stream){2, RNG_TEST, 0}, i);
        y[i] = .5f + rng_normal((rng_stream){2, RNG_TEST, 1}, i);
    }
    return 0;
}

static double mean(const float *a, size_t n, const float *b, size_t m, size_t d)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < m; t++) {
            double square = 0;
            for (size_t j = 0; j < d; j++)
                square += pow((double)a[i * d + j] - (double)b[t * d + j], 2);
            sum += sqrt(square);
        }
    return sum / (double)n / (double)m;
}

/* Sizes around the tiles of 64. */
static void is_the_double_loop(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1},   {1, 7, 3},    {63, 65, 2},
                                      {64, 64, 5}, {129, 31, 2}, {130, 500, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i][0], m = sizes[i][1], d = sizes[i][2];
        double want =
            2 * mean(x, n, y, m, d) - mean(x, n, x, n, d) - mean(y, m, y, m, d);
        double got = energy_distance(x, n, y, m, d);
        assert_true(fabs(got - want) < 1e-12);
        assert_true(got > 0);
        assert_true(fabs(energy_distance(y, m, x, n, d) - want) < 1e-12);
    }
}

/* Two points at distance 3 by hand: 2 * 3 - 0 - 0. */
static void by_hand(void **state)
{
    (void)state;
    static const float a[] = {1, 1, 1}, b[] = {2, 3, -1};
    assert_true(energy_distance(a, 1, b, 1, 3) == 6);
    /* {1} and {1, 4}: 2 * 3/2 - 0 - 3/2. */
    static const float one[] = {1}, two[] = {1, 4};
    assert_true(energy_distance(one, 1, two, 2, 1) == 1.5);
}

static void ends(void **state)
{
    (void)state;
    assert_true(fabs(energy_distance(x, 300, x, 300, 2)) < 1e-12);
    assert_true(isnan(energy_distance(x, 0, y, 4, 2)));
    assert_true(isnan(energy_distance(x, 4, y, 0, 2)));
    float keep = x[5];
    x[5] = NAN;
    assert_true(isnan(energy_distance(x, 10, y, 10, 2)));
    x[5] = keep;
}

static void threads_agree(void **state)
{
    (void)state;
    threads_set(1);
    double one = energy_distance(x, 333, y, 500, 2);
    threads_set(4);
    assert_true(energy_distance(x, 333, y, 500, 2) == one);
    threads_set(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_double_loop),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(ends),
        cmocka_unit_test(threads_agree),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
