/* Halves against their definition: all of them read, floats of all kinds
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/half.h"
#include "base/rng.h"
#include "shared/portable.h"

enum { HALVES = 65536, INFINITE = 0x7c00 };

static uint16_t halves[HALVES];
static float values[HALVES];

/* What a half says, but for NaN. */
static double value_of(unsigned h)
{
    unsigned exponent = h >> 10 & 31, fraction = h & 1023;
    double x = exponent == 31 ? (double)INFINITY
               : exponent     ? ldexp(1024 + fraction, (int)exponent - 25)
                              : ldexp(fraction, -24);
    return h >> 15 ? -x : x;
}

static int setup(void **state)
{
    (void)state;
    for (unsigned h = 0; h < HALVES; h++)
        halves[h] = (uint16_t)h;
    half_read(values, halves, HALVES);
    return 0;
}

static uint16_t written(float x)
{
    uint16_t h;
    (void)half_write(&h, &x, 1);
    return h;
}

static void all_halves_are_read(void **state)
{
    (void)state;
    for (unsigned h = 0; h < HALVES; h++)
        if ((h & 0x7fff) > INFINITE)
            assert_true(isnan(values[h]));
        else if ((double)values[h] != value_of(h) ||
                 !signbit(values[h]) != !(h >> 15))
            fail_msg("%04x is read as %.9g", h, (double)values[h]);
}

/* As they were, together and alone (a loop's rest has other code). */
static void all_halves_come_back(void **state)
{
    (void)state;
    static uint16_t back[HALVES];
    static const unsigned first[] = {0, 0x8000};
    for (int i = 0; i < 2; i++) {
        float most = half_write(back, values + first[i], INFINITE);
        assert_true(most == 65504);
        assert_memory_equal(back, halves + first[i], INFINITE * sizeof *back);
        for (unsigned h = first[i]; h < first[i] + INFINITE; h++)
            assert_int_equal(written(values[h]), h);
    }
}

/* Halfway between two neighbours it is the even one; next to it the nearer. */
static void ties_are_even(void **state)
{
    (void)state;
    for (unsigned h = 0; h + 1 < INFINITE; h++) {
        float middle = (float)((value_of(h) + value_of(h + 1)) / 2);
        assert_int_equal(written(middle), h + (h & 1));
        assert_int_equal(written(-middle), 0x8000 + h + (h & 1));
        assert_int_equal(written(nextafterf(middle, 0)), h);
        assert_int_equal(written(nextafterf(middle, INFINITY)), h + 1);
    }
}

/* Floats of any bits: no half is nearer. */
static void nearest(void **state)
{
    (void)state;
    static const rng_stream stream = {3, RNG_TEST, 0};
    for (uint64_t i = 0; i < 2000000; i++) {
        float x = shared_float(rng_u32(stream, i));
        unsigned h = written(x), magnitude = h & 0x7fff;
        if (!(fabsf(x) < HALF_LIMIT))
            continue;
        double off = fabs((double)x - value_of(h));
        assert_true(magnitude < INFINITE && !signbit(x) == !(h >> 15));
        assert_true(off <= fabs((double)x - value_of(h + 1)));
        assert_true(!magnitude || off <= fabs((double)x - value_of(h - 1)));
    }
}

/* The largest magnitude tells what does not fit, wherever it stands. */
static void largest_is_told(void **state)
{
    (void)state;
    for (size_t n = 1; n < 70; n++)
        for (size_t at = 0; at < n; at++) {
            float x[70] = {0};
            uint16_t h[70];
            assert_true(half_write(h, x, n) == 0);
            x[at] = -nextafterf(HALF_LIMIT, 0);
            assert_true(half_write(h, x, n) == -x[at]);
            assert_int_equal(h[at], 0xfbff);
            x[at] = HALF_LIMIT;
            assert_true(half_write(h, x, n) == HALF_LIMIT);
            x[n - 1 - at] = -INFINITY;
            assert_true(isinf(half_write(h, x, n)));
            x[at] = -NAN;
            assert_true(isnan(half_write(h, x, n)));
        }
    assert_true(isnan(half_write(halves, values + INFINITE + 1, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_halves_are_read),
        cmocka_unit_test(all_halves_come_back),
        cmocka_unit_test(ties_are_even),
        cmocka_unit_test(nearest),
        cmocka_unit_test(largest_is_told),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
