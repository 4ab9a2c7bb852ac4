/* field_gradient: y = factor v / s, s by the statistics. */
#include "harness.h"

#include <math.h>

#include "ops/field.h"

void test_field_gradient(harness *t)
{
    static const struct {
        size_t g, n, d;
        int scaled;
        double scale;
    } cases[] = {{1, 1, 1, 1, 2},
                 {2, 3, 5, 1, .3},
                 {2, 7, 67, 0, .3},
                 {3, 4, 9, 1, 1e-9},
                 {2, 64, 200, 1, 40}};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int in_place = 0; in_place < 2; in_place++) {
            field_args args = {.temperatures = 2,
                               .scale_features = cases[c].scaled};
            size_t d = cases[c].d;
            shape s = SHAPE(cases[c].g, cases[c].n, d);
            case_begin(t, "%zux%zux%zu, scale %g %s%s", cases[c].g, cases[c].n,
                       d, cases[c].scale, cases[c].scaled ? "" : "unused",
                       in_place ? ", in place" : "");
            operand *y =
                in_place ? case_update(t, s, -2, 2) : case_output(t, s);
            operand *v = in_place ? y : case_input(t, s, -2, 2);
            operand *stats = case_input(t, SHAPE(FIELD_STATS(2)), 0, 1);
            stats->host[FIELD_STAT_SCALE] = (float)cases[c].scale;
            double by =
                (double)-.37f /
                field_feature_scale(&args, (double)(float)cases[c].scale, d);
            for (size_t i = 0; i < v->count; i++)
                y->want[i] = by * (double)v->host[i];
            y->terms = 4;
            CASE_RUN(t,
                     op_field_gradient(ctx, T(y), T(v), T(stats), args, -.37f));
        }

    for (int bad = 0; bad < 2; bad++) {
        case_begin(t, "%s that is not finite", bad ? "a raw drift" : "a scale");
        operand *y = case_output(t, SHAPE(1, 2, 3));
        operand *v = case_input(t, SHAPE(1, 2, 3), -2, 2);
        operand *stats = case_input(t, SHAPE(FIELD_STATS(2)), 0, 1);
        stats->host[bad ? FIELD_STAT_RAW(2, 1) : FIELD_STAT_SCALE] = INFINITY;
        for (size_t i = 0; i < y->count; i++)
            y->want[i] = NAN;
        field_args args = {.temperatures = 2};
        CASE_RUN(t, op_field_gradient(ctx, T(y), T(v), T(stats), args, 1));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 3, 4));
    operand *v = case_input(t, SHAPE(2, 4, 3), 0, 1);
    operand *stats = case_input(t, SHAPE(FIELD_STATS(2)), 0, 1);
    field_args args = {.temperatures = 2};
    CASE_REJECTED(t, op_field_gradient(ctx, T(y), T(v), T(stats), args, 1));
    args.temperatures = 3;
    CASE_REJECTED(t, op_field_gradient(ctx, T(y), T(y), T(stats), args, 1));
}
