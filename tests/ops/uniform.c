/* uniform: the stream's uniform numbers in [low,high). */
#include "harness.h"

#include <math.h>

static const rng_stream stream = {.seed = 77, .purpose = RNG_TEST, .step = 9};

void test_uniform(harness *t)
{
    static const size_t counts[] = {1, 2, 7, 67, 1023, 1025, 10007};
    static const uint64_t firsts[] = {0, 1, 2, 3, 1000001};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
            case_begin(t, "%zu from %llu", counts[c],
                       (unsigned long long)firsts[k]);
            operand *y = case_output(t, SHAPE(counts[c]));
            for (size_t i = 0; i < y->count; i++)
                y->want[i] = (double)rng_uniform(stream, firsts[k] + i);
            y->terms = 0;
            CASE_RUN(t, op_uniform(ctx, T(y), stream, firsts[k], 0, 1));
        }

    case_begin(t, "from -3 to 5");
    operand *y = case_output(t, SHAPE(5000));
    for (size_t i = 0; i < y->count; i++)
        y->want[i] = -3 + 8 * (double)rng_uniform(stream, 11 + i);
    y->terms = 2;
    CASE_RUN(t, op_uniform(ctx, T(y), stream, 11, -3, 5));

    /* So narrow that rounding would reach the upper end. */
    case_begin(t, "the upper end stays out");
    y = case_output(t, SHAPE(5000));
    case_drop(y);
    float low = 1000, high = nextafterf(nextafterf(1000, 2000), 2000);
    static float v[5000];
    CASE_RUN(t, op_uniform(ctx, T(y), stream, 0, low, high));
    if (tensor_read(ctx, T(y), v) != DRIFT_OK)
        case_fail(t, "unable to read");
    for (size_t i = 0; i < y->count && !case_small(t); i++)
        if (!(v[i] >= low && v[i] < high))
            case_fail(t, "element %zu is %.9g", i, (double)v[i]);

    case_begin(t, "invalid range, not f32");
    operand *index = case_index_output(t, SHAPE(3));
    CASE_REJECTED(t, op_uniform(ctx, T(index), stream, 0, 0, 1));
    y = case_output(t, SHAPE(3));
    CASE_REJECTED(t, op_uniform(ctx, T(y), stream, 0, 1, 1));
}
