/* rope: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin) by sequence index. */
#include "harness.h"

typedef struct sizes {
    size_t b, t, h, d;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    size_t half = s->d / 2;
    for (size_t r = 0; r < s->b * s->t * s->h; r++)
        for (size_t i = 0; i < half; i++) {
            size_t at = r / s->h % s->t * half + i;
            double a = x[0][r * s->d + i], b = x[0][r * s->d + half + i];
            y[0][r * s->d + i] = a * x[1][at] - b * x[2][at];
            y[0][r * s->d + half + i] = b * x[1][at] + a * x[2][at];
        }
}

static const sizes cases[] = {
    {1, 1, 1, 2}, {2, 5, 3, 6}, {3, 17, 2, 16}, {2, 65, 4, 64}};
#define CASES (sizeof cases / sizeof *cases)

void test_rope_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu", s.b, s.t, s.h, s.d);
        operand *y = case_output(t, SHAPE(s.b, s.t, s.h, s.d));
        operand *x = case_input(t, SHAPE(s.b, s.t, s.h, s.d), -2, 2);
        operand *cosine = case_input(t, SHAPE(s.t, s.d / 2), -1, 1);
        operand *sine = case_input(t, SHAPE(s.t, s.d / 2), -1, 1);
        y->terms = 3;
        case_reference(t, formula, &s, LIST(y), LIST(x, cosine, sine));
        CASE_RUN(t, op_rope_fwd(ctx, T(y), T(x), T(cosine), T(sine)));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 2, 4), -1, 1);
    operand *y = case_output(t, SHAPE(2, 3, 2, 4));
    operand *odd = case_input(t, SHAPE(2, 3, 2, 5), -1, 1);
    operand *table = case_input(t, SHAPE(3, 2), -1, 1);
    operand *short_table = case_input(t, SHAPE(2, 2), -1, 1);
    CASE_REJECTED(t, op_rope_fwd(ctx, T(y), T(odd), T(table), T(table)));
    CASE_REJECTED(t, op_rope_fwd(ctx, T(y), T(x), T(short_table), T(table)));
    CASE_REJECTED(t, op_rope_fwd(ctx, T(y), T(x), T(table), T(short_table)));
    CASE_REJECTED(t, op_rope_fwd(ctx, T(table), T(x), T(table), T(table)));
}

void test_rope_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu", s.b, s.t, s.h, s.d);
        operand *x = case_input(t, SHAPE(s.b, s.t, s.h, s.d), -2, 2);
        operand *cosine = case_input(t, SHAPE(s.t, s.d / 2), -1, 1);
        operand *sine = case_input(t, SHAPE(s.t, s.d / 2), -1, 1);
        operand *dy = case_input(t, SHAPE(s.b, s.t, s.h, s.d), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.b, s.t, s.h, s.d));
        dx->terms = 4;
        case_gradients(t, formula, &s, LIST(dy), LIST(x, cosine, sine),
                       LIST(dx, NULL, NULL));
        CASE_RUN(t, op_rope_bwd(ctx, T(dx), T(dy), T(cosine), T(sine)));
    }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 3, 2, 4), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 3, 4, 2));
    operand *table = case_input(t, SHAPE(3, 2), -1, 1);
    CASE_REJECTED(t, op_rope_bwd(ctx, T(dx), T(dy), T(table), T(table)));
}
