/* sinusoid: cosines, then sines, of x at the frequencies f. */
#include "harness.h"

#include <math.h>

void test_sinusoid(harness *t)
{
    static const struct {
        size_t b, h;
        double most;
    } cases[] = {{1, 1, 1}, {7, 5, 4}, {64, 128, 4}, {37, 3, 300}};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t b = cases[c].b, h = cases[c].h;
        double most = cases[c].most;
        case_begin(t, "%zu by %zu, up to %g", b, h, most);
        operand *y = case_output(t, SHAPE(b, 2 * h));
        operand *x = case_input(t, SHAPE(b, 1), -most, most);
        operand *f = case_input(t, SHAPE(h), 0, 1);
        for (size_t i = 0; i < b; i++)
            for (size_t k = 0; k < h; k++) {
                double a = (double)x->host[i] * (double)f->host[k];
                y->want[i * 2 * h + k] = cos(a);
                y->want[i * 2 * h + h + k] = sin(a);
            }
        y->terms = 4;
        y->magnitude = most; /* the angle is rounded */
        CASE_RUN(t, op_sinusoid(ctx, T(y), T(x), T(f)));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(3, 7));
    operand *x = case_input(t, SHAPE(3, 1), 0, 1);
    operand *f = case_input(t, SHAPE(4), 0, 1);
    CASE_REJECTED(t, op_sinusoid(ctx, T(y), T(x), T(f)));
}
