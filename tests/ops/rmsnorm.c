/* rmsnorm: y = x / sqrt(mean x^2 + eps) w over the last count(w) numbers. */
#include "harness.h"

#include <math.h>

typedef struct sizes {
    size_t rows, heads, c;
    double eps, size; /* of x */
} sizes;

/* y, rstd from x, w. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t r = 0; r < s->rows * s->heads; r++) {
        const double *v = x[0] + r * s->c;
        double squares = 0;
        for (size_t i = 0; i < s->c; i++)
            squares += v[i] * v[i] / (double)s->c;
        double rstd = 1 / sqrt(squares + s->eps);
        for (size_t i = 0; i < s->c; i++)
            y[0][r * s->c + i] = v[i] * rstd * x[1][i];
        if (y[1])
            y[1][r] = rstd;
    }
}

static const sizes cases[] = {{1, 1, 1, 1e-6, 1},    {3, 1, 7, 1e-6, 1},
                              {67, 1, 24, 1e-6, 1},  {10, 1, 24, 1e-6, 1e-3},
                              {37, 4, 32, 1e-6, 1},  {5, 3, 131, 1e-5, 1},
                              {301, 1, 65, 1e-6, 1}, {2, 1, 5003, 1e-6, 1}};
#define CASES (sizeof cases / sizeof *cases)

void test_rmsnorm_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zu of %zux%zu, size %g", s.rows, s.heads, s.c, s.size);
        shape map = SHAPE(s.rows, s.heads * s.c);
        operand *y = case_output(t, map);
        operand *rstd = case_output(t, SHAPE(s.rows, s.heads));
        operand *x = case_input(t, map, -2 * s.size, 3 * s.size);
        operand *w = case_input(t, SHAPE(s.c), .5, 2);
        case_reference(t, formula, &s, LIST(y, rstd), LIST(x, w));
        y->terms = rstd->terms = 6 + sqrt((double)s.c);
        CASE_RUN(t,
                 op_rmsnorm_fwd(ctx, T(y), T(rstd), T(x), T(w), (float)s.eps));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(3, 8));
    operand *x = case_input(t, SHAPE(3, 8), 0, 1);
    operand *flat = case_input(t, SHAPE(24), 0, 1);
    operand *w = case_input(t, SHAPE(4), 0, 1);
    operand *wrong = case_input(t, SHAPE(3), 0, 1);
    operand *rstd = case_output(t, SHAPE(3, 2));
    operand *few = case_output(t, SHAPE(3));
    CASE_REJECTED(t, op_rmsnorm_fwd(ctx, T(y), T(rstd), T(x), T(wrong), 0));
    CASE_REJECTED(t, op_rmsnorm_fwd(ctx, T(y), T(few), T(x), T(w), 0));
    CASE_REJECTED(t, op_rmsnorm_fwd(ctx, T(y), T(rstd), T(flat), T(w), 0));
}

void test_rmsnorm_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 4; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zu of %zux%zu, size %g, gradients %d", s.rows,
                       s.heads, s.c, s.size, wanted);
            shape map = SHAPE(s.rows, s.heads * s.c);
            operand *dy = case_input(t, map, -1, 1);
            operand *x = case_input(t, map, -2 * s.size, 3 * s.size);
            operand *w = case_input(t, SHAPE(s.c), .5, 2);
            operand *y = case_output(t, map);
            operand *rstd = case_input(t, SHAPE(s.rows, s.heads), 0, 1);
            operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
            operand *dw = wanted & 2 ? case_gradient(t, SHAPE(s.c)) : NULL;
            case_reference(t, formula, &s, LIST(y, rstd), LIST(x, w));
            case_saved(rstd);
            case_drop(y);
            case_step(t, 1e-3 * s.size);
            case_gradients(t, formula, &s, LIST(dy, NULL), LIST(x, w),
                           LIST(dx, dw));
            if (dx)
                dx->terms = 16 + sqrt((double)s.c);
            if (dx && s.c == 1) /* w dy cancels but for eps */
                dx->magnitude = 10;
            if (dw)
                dw->terms = 8 + (double)(s.rows * s.heads);
            CASE_RUN(t, op_rmsnorm_bwd(ctx, T(dx), T(dw), T(dy), T(x), T(w),
                                       T(rstd)));
        }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 8), 0, 1);
    operand *other = case_input(t, SHAPE(3, 8), 0, 1);
    operand *w = case_input(t, SHAPE(8), 0, 1);
    operand *rstd = case_input(t, SHAPE(2), 0, 1);
    operand *dx = case_gradient(t, SHAPE(2, 8));
    operand *dw = case_gradient(t, SHAPE(4));
    CASE_REJECTED(
        t, op_rmsnorm_bwd(ctx, T(dx), NULL, T(other), T(x), T(w), T(rstd)));
    CASE_REJECTED(t,
                  op_rmsnorm_bwd(ctx, T(dx), T(dw), T(x), T(x), T(w), T(rstd)));
    CASE_REJECTED(t, op_rmsnorm_bwd(ctx, T(dx), NULL, T(x), T(x), T(w), T(x)));
}
