/* What a probe says of features that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>

#include <cmocka.h>

#include "base/rng.h"
#include "eval/probe.h"

static drift_context *ctx;

static int setup(void **state)
{
    drift_options options = {.device = "cpu", .threads = 1};
    (void)state;
    return drift_context_open(&ctx, &options) != DRIFT_OK;
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return 0;
}

static void expect(double found, double wanted)
{
    if (fabs(found - wanted) > 1e-5) {
        print_error("%g instead of %g\n", found, wanted);
        fail();
    }
}

/* Four points on a line, 0 1 | 10 13, at one location; at a second location
 * the same numbers. */
static void known_points(void **state)
{
    (void)state;
    static const float x[] = {0, 0, 1, 1, 10, 10, 13, 13};
    static const int labels[] = {0, 0, 1, 1};
    probe_result r;
    assert_int_equal(probe_family(ctx, x, 4, 2, 1, labels, 2, &r), DRIFT_OK);
    expect(r.nearest, 1);
    expect(r.class_mean, 1);
    expect(r.within, (1 + 3) / 2.0);
    expect(r.between, (10 + 13 + 9 + 12) / 4.0);
    expect(r.low, 1 / 8.0); /* the mean of all six pairs is 8 */
    expect(r.median, 10 / 8.0);
    expect(r.share, (1 + 1 + 3 + 3) / 4.0 / 8);
}

/* A sample does not count to its own class's mean: alone it is never right,
 * and one far out is nearer to the other class. */
static void without_itself(void **state)
{
    (void)state;
    static const float x[] = {0, 10, 11, 12};
    static const int labels[] = {0, 0, 1, 1};
    static const int lone[] = {0, 1, 1, 1};
    probe_result r;
    assert_int_equal(probe_family(ctx, x, 4, 1, 1, labels, 2, &r), DRIFT_OK);
    expect(r.class_mean, .75); /* 0 is right by 10 against 11.5, 10 is not */
    assert_int_equal(probe_family(ctx, x, 4, 1, 1, lone, 2, &r), DRIFT_OK);
    expect(r.class_mean, .75);
    expect(r.nearest, .75);
}

/* Noise knows nothing of classes. */
static void noise_knows_nothing(void **state)
{
    (void)state;
    static float x[400 * 6];
    static int labels[400];
    probe_result r;
    for (size_t i = 0; i < 400 * 6; i++)
        x[i] = rng_normal((rng_stream){1, RNG_TEST, 0}, i);
    for (int i = 0; i < 400; i++)
        labels[i] = i % 4;
    assert_int_equal(probe_family(ctx, x, 400, 2, 3, labels, 4, &r), DRIFT_OK);
    assert_true(fabs(r.nearest - .25) < .08 && fabs(r.class_mean - .25) < .08);
    assert_true(fabs(r.within / r.between - 1) < .02);
    assert_true(r.share < r.low && r.low < r.median && r.median < 1.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_points),
        cmocka_unit_test(without_itself),
        cmocka_unit_test(noise_knows_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
