/* clip: max / norm beyond the bound, else 1. */
#include "harness.h"

#include <math.h>

void test_clip(harness *t)
{
    static const size_t counts[] = {1, 7, 130};
    static const float bounds[] = {0, .5f, 3, 1e6f};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) {
            double sum = 0, max = (double)bounds[k];
            case_begin(t, "%zu, bound %g", counts[c], max);
            operand *scale = case_output(t, SHAPE(1));
            operand *squares = case_input(t, SHAPE(counts[c]), 0, 3);
            for (size_t i = 0; i < counts[c]; i++)
                sum += (double)squares->host[i];
            scale->want[0] = max > 0 && sqrt(sum) >= max ? max / sqrt(sum) : 1;
            scale->terms = 3;
            CASE_RUN(t, op_clip(ctx, T(scale), T(squares), bounds[k]));
        }

    for (int bad = 0; bad < 2; bad++) {
        case_begin(t, "not a number: %s",
                   bad ? "NaN among the squares" : "an infinite square");
        operand *scale = case_output(t, SHAPE(1));
        operand *squares = case_input(t, SHAPE(9), 0, 3);
        squares->host[4] = bad ? NAN : INFINITY;
        scale->want[0] = NAN;
        CASE_RUN(t, op_clip(ctx, T(scale), T(squares), 1));
    }

    case_begin(t, "invalid shapes and bounds");
    operand *two = case_output(t, SHAPE(2));
    operand *squares = case_input(t, SHAPE(2), 0, 1);
    CASE_REJECTED(t, op_clip(ctx, T(two), T(squares), 1));
    operand *scale = case_output(t, SHAPE(1));
    case_rejected(t, DRIFT_ERROR_USAGE, op_clip(ctx, T(scale), T(squares), -1));
    case_rejected(t, DRIFT_ERROR_USAGE,
                  op_clip(ctx, T(scale), T(squares), NAN));
}
