/* vexp against exp in double, over a sweep of all floats, in a vectorised
 * loop and one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>

#include "cpu/cpu.h"
#include "shared/vexp.h"

#define BLOCK 4096
#define STEP  1021u /* of the float's bits, so four million arguments */

static CPU_SIMD void many(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = vexp(x[i]);
}

static double ulps(float y, double truth)
{
    float near = (float)truth;
    return fabs(y - truth) / ((double)nextafterf(near, INFINITY) - near);
}

static void sweep(void **state)
{
    (void)state;
    static float x[BLOCK], y[BLOCK];
    uint64_t bits = 0;
    double worst = 0;
    size_t bad = 0;
    while (bits <= UINT32_MAX) {
        size_t n = 0;
        for (; n < BLOCK && bits <= UINT32_MAX; n++, bits += STEP) {
            uint32_t word = (uint32_t)bits;
            memcpy(&x[n], &word, sizeof word);
        }
        many(y, x, n);
        for (size_t i = 0; i < n; i++) {
            double truth = exp((double)x[i]);
            if (isnan(x[i]))
                bad += !isnan(y[i]);
            else if (truth > FLT_MAX)
                bad += !isinf(y[i]);
            else if (truth < FLT_MIN)
                bad += !(y[i] >= 0 && y[i] <= 1.0001f * FLT_MIN);
            else
                worst = fmax(worst, ulps(y[i], truth));
        }
    }
    assert_int_equal(bad, 0);
    assert_true(worst < 2);
}

static void ends(void **state)
{
    (void)state;
    assert_true(vexp(0) == 1);
    assert_true(vexp(-0.0f) == 1);
    assert_true(vexp(-INFINITY) == 0);
    assert_true(vexp(-1e30f) == 0);
    assert_true(vexp(-100) == 0);
    assert_true(isinf(vexp(INFINITY)));
    assert_true(isinf(vexp(89)));
    assert_true(isnan(vexp(NAN)));
    assert_true(vexp(88.7f) < INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep),
        cmocka_unit_test(ends),
    };
    return cmocka_run_group_tests_name("vexp", tests, NULL, NULL);
}
