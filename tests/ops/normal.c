/* normal: the stream's normal numbers, the same bits as rng_normal, and
 * Box-Muller in double within rounding. */
#include "harness.h"

#include <math.h>

static const rng_stream stream = {
    .seed = 0x123456789abcdef, .purpose = RNG_TEST, .step = 3};

/* What rng_normal says, by its definition, in double. */
static double box_muller(uint64_t i)
{
    uint64_t pair = i & ~(uint64_t)1;
    double u = ((double)(rng_u32(stream, pair) >> 8) + 1) * 0x1p-24;
    double angle = 2 * 3.14159265358979323846 *
                   (double)(rng_u32(stream, pair + 1) >> 8) * 0x1p-24;
    return sqrt(-2 * log(u)) * (i % 2 ? sin(angle) : cos(angle));
}

void test_normal(harness *t)
{
    static const size_t counts[] = {1, 2, 7, 67, 1023, 1025, 10007};
    static const uint64_t firsts[] = {0, 1,       2,
                                      3, 1000001, ((uint64_t)1 << 34) + 5};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
            case_begin(t, "%zu from %llu", counts[c],
                       (unsigned long long)firsts[k]);
            operand *y = case_output(t, SHAPE(counts[c]));
            for (size_t i = 0; i < y->count; i++)
                y->want[i] = (double)rng_normal(stream, firsts[k] + i);
            y->terms = 0;
            CASE_RUN(t, op_normal(ctx, T(y), stream, firsts[k], 0, 1));
        }

    case_begin(t, "against double, mean and std");
    operand *y = case_output(t, SHAPE(20000));
    for (size_t i = 0; i < y->count; i++)
        y->want[i] = 2 + 3 * box_muller(5 + i);
    y->terms = 8;
    CASE_RUN(t, op_normal(ctx, T(y), stream, 5, 2, 3));

    /* Moments of 200,000 numbers: within five standard errors. */
    case_begin(t, "moments");
    y = case_output(t, SHAPE(200000));
    case_drop(y);
    CASE_RUN(t, op_normal(ctx, T(y), stream, 0, 0, 1));
    float z[1000];
    double m1 = 0, m2 = 0, m4 = 0, n = (double)y->count;
    for (size_t at = 0; at < y->count; at += 1000) {
        tensor part = tensor_view(T(y), at, SHAPE(1000));
        if (tensor_read(ctx, &part, z) != DRIFT_OK)
            case_fail(t, "unable to read");
        for (size_t i = 0; i < 1000; i++) {
            double v = (double)z[i];
            m1 += v / n;
            m2 += v * v / n;
            m4 += v * v * v * v / n;
        }
    }
    int right = fabs(m1) < 5 / sqrt(n) && fabs(m2 - 1) < 5 * sqrt(2 / n) &&
                fabs(m4 - 3) < 5 * sqrt(96 / n);
    if (!right && !case_small(t))
        case_fail(t, "mean %g, second moment %g, fourth %g", m1, m2, m4);

    case_begin(t, "not f32");
    operand *index = case_index_output(t, SHAPE(3));
    CASE_REJECTED(t, op_normal(ctx, T(index), stream, 0, 0, 1));
}
