/* fill: y = value. */
#include "harness.h"

void test_fill(harness *t)
{
    static const size_t counts[] = {1, 7, 67, 4099, 50021};
    static const float values[] = {0, 1.5f, -3e-7f};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            case_begin(t, "%zu of %g", counts[c], (double)values[k]);
            operand *y = case_output(t, SHAPE(counts[c]));
            for (size_t i = 0; i < y->count; i++)
                y->want[i] = (double)values[k];
            y->terms = 0;
            CASE_RUN(t, op_fill(ctx, T(y), values[k]));
        }

    case_begin(t, "not f32");
    operand *index = case_index_output(t, SHAPE(3));
    CASE_REJECTED(t, op_fill(ctx, T(index), 1));
}
