/* ema: e = decay e + (1 - decay) p. */
#include "harness.h"

#include <math.h>

void test_ema(harness *t)
{
    static const size_t counts[] = {1, 7, 67, 4099, 20011};
    static const float decays[] = {0, .5f, .999f, 1};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof decays / sizeof *decays; k++) {
            double d = (double)decays[k];
            case_begin(t, "%zu, decay %g", counts[c], d);
            operand *e = case_update(t, SHAPE(counts[c]), -1, 1);
            operand *p = case_input(t, SHAPE(counts[c]), -1, 1);
            for (size_t i = 0; i < e->count; i++)
                e->want[i] =
                    d * (double)e->host[i] + (1 - d) * (double)p->host[i];
            e->terms = 3;
            CASE_RUN(t, op_ema(ctx, T(e), T(p), NULL, decays[k]));
        }

    for (int bad = 0; bad < 2; bad++) {
        case_begin(t, "a scale that is %sfinite", bad ? "not " : "");
        operand *e = case_update(t, SHAPE(100), -1, 1);
        operand *p = case_input(t, SHAPE(100), -1, 1);
        operand *scale = case_input(t, SHAPE(1), 0, 1);
        if (bad)
            scale->host[0] = NAN;
        for (size_t i = 0; i < e->count; i++)
            e->want[i] = bad ? (double)e->host[i]
                             : .5 * ((double)e->host[i] + (double)p->host[i]);
        e->terms = bad ? 0 : 3;
        CASE_RUN(t, op_ema(ctx, T(e), T(p), T(scale), .5f));
    }

    case_begin(t, "invalid shapes");
    operand *e = case_update(t, SHAPE(10), 0, 1);
    operand *p = case_input(t, SHAPE(11), 0, 1);
    CASE_REJECTED(t, op_ema(ctx, T(e), T(p), NULL, .9f));
    CASE_REJECTED(t, op_ema(ctx, T(e), T(e), T(e), .9f));
}
