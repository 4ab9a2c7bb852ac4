/* reduce: one number from all of x. */
#include "harness.h"

#include <math.h>

static double value(const operand *x, int kind)
{
    double y = 0;
    for (size_t i = 0; i < x->count; i++) {
        double v = (double)x->host[i];
        if (kind == REDUCE_SUM)
            y += v;
        else if (kind == REDUCE_SUMSQ)
            y += v * v;
        else if (kind == REDUCE_MAX_ABS)
            y = fmax(y, fabs(v));
        else
            y += !isfinite(v);
    }
    return y;
}

static const char *const kinds[] = {"sum", "sum of squares", "largest",
                                    "not finite"};
static const size_t counts[] = {1, 2, 63, 64, 67, 4099, 100003};
#define COUNTS (sizeof counts / sizeof *counts)

void test_reduce(harness *t)
{
    drift_context *ctx = case_context(t);
    for (int kind = 0; kind <= REDUCE_NONFINITE; kind++)
        for (size_t i = 0; i < COUNTS; i++) {
            case_begin(t, "%s of %zu", kinds[kind], counts[i]);
            operand *x = case_input(t, SHAPE(counts[i]), -2, 3);
            operand *y = case_output(t, SHAPE(1));
            y->want[0] = value(x, kind);
            /* The sum is in double: only its last rounding shows. Partial
             * sums in double may still flip it. */
            y->terms = kind == REDUCE_SUM || kind == REDUCE_SUMSQ ? 1 : 0;
            CASE_RUN(t, op_reduce(ctx, T(y), T(x), kind));
        }

    case_begin(t, "not finite: each kind of it counts");
    operand *x = case_input(t, SHAPE(1000), -1e38, 1e38);
    x->host[0] = NAN;
    x->host[77] = -NAN;
    x->host[500] = INFINITY;
    x->host[999] = -INFINITY;
    operand *y = case_output(t, SHAPE(1));
    y->want[0] = 4;
    y->terms = 0;
    CASE_RUN(t, op_reduce(ctx, T(y), T(x), REDUCE_NONFINITE));

    case_begin(t, "large squares do not overflow on the way");
    x = case_input(t, SHAPE(500), 1e15, 1.1e15);
    y = case_output(t, SHAPE(1));
    y->want[0] = value(x, REDUCE_SUMSQ);
    CASE_RUN(t, op_reduce(ctx, T(y), T(x), REDUCE_SUMSQ));

    case_begin(t, "a sum that cancels");
    x = case_input(t, SHAPE(4001), 0, 0);
    for (size_t i = 0; i < 4000; i++)
        x->host[i] = i % 2 ? -1e7f : 1e7f;
    x->host[4000] = .125f;
    y = case_output(t, SHAPE(1));
    y->want[0] = .125;
    y->terms = 0;
    CASE_RUN(t, op_reduce(ctx, T(y), T(x), REDUCE_SUM));

    case_begin(t, "the largest passes over NaN");
    x = case_input(t, SHAPE(99), -2, 1);
    x->host[50] = NAN;
    x->host[60] = -5;
    y = case_output(t, SHAPE(1));
    y->want[0] = 5;
    y->terms = 0;
    CASE_RUN(t, op_reduce(ctx, T(y), T(x), REDUCE_MAX_ABS));

    case_begin(t, "invalid shapes and kind");
    x = case_input(t, SHAPE(5), 0, 1);
    operand *two = case_output(t, SHAPE(2));
    y = case_output(t, SHAPE(1));
    CASE_REJECTED(t, op_reduce(ctx, T(two), T(x), REDUCE_SUM));
    CASE_REJECTED(t, op_reduce(ctx, T(y), T(x), 4));
    CASE_REJECTED(t, op_reduce(ctx, T(y), T(x), -1));
}
