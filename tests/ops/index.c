/* index: the stream's whole numbers in 0 ... n-1. */
#include "harness.h"

static const rng_stream stream = {.seed = 5, .purpose = RNG_TEST, .step = 1};

void test_index(harness *t)
{
    static const size_t counts[] = {1, 2, 7, 67, 1023, 1025, 10007};
    static const int ranges[] = {1, 2, 10, 64, 2147483647};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
            uint64_t first = 3 * k + c;
            case_begin(t, "%zu below %d", counts[c], ranges[k]);
            operand *y = case_index_output(t, SHAPE(counts[c]));
            for (size_t i = 0; i < y->count; i++)
                y->want[i] = rng_below(stream, first + i, (uint32_t)ranges[k]);
            CASE_RUN(t, op_index(ctx, T(y), stream, first, ranges[k]));
        }

    /* Each of ten values comes a tenth of the time. */
    case_begin(t, "evenly");
    operand *y = case_index_output(t, SHAPE(10000));
    case_drop(y);
    CASE_RUN(t, op_index(ctx, T(y), stream, 0, 10));
    static int v[10000];
    int seen[10] = {0};
    if (tensor_read(ctx, T(y), v) != DRIFT_OK)
        case_fail(t, "unable to read");
    for (size_t i = 0; i < y->count; i++)
        if (v[i] >= 0 && v[i] < 10)
            seen[v[i]]++;
    for (int k = 0; k < 10 && !case_small(t); k++)
        if (seen[k] < 850 || seen[k] > 1150)
            case_fail(t, "%d came %d times of 10000", k, seen[k]);

    case_begin(t, "invalid");
    operand *real = case_output(t, SHAPE(3));
    CASE_REJECTED(t, op_index(ctx, T(real), stream, 0, 10));
    y = case_index_output(t, SHAPE(3));
    CASE_REJECTED(t, op_index(ctx, T(y), stream, 0, 0));
}
