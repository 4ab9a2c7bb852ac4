/* swap: y[a,c,b,d] = x[a,b,c,d]. */
#include "harness.h"

typedef struct sizes {
    size_t a, b, c, d;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t a = 0; a < s->a; a++)
        for (size_t b = 0; b < s->b; b++)
            for (size_t c = 0; c < s->c; c++)
                for (size_t d = 0; d < s->d; d++)
                    y[0][((a * s->c + c) * s->b + b) * s->d + d] =
                        x[0][((a * s->b + b) * s->c + c) * s->d + d];
}

static const sizes cases[] = {
    {1, 1, 1, 1}, {2, 3, 5, 1}, {3, 17, 33, 1}, {2, 19, 4, 37}, {5, 3, 18, 65}};
#define CASES (sizeof cases / sizeof *cases)

void test_swap_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu", s.a, s.b, s.c, s.d);
        operand *y = case_output(t, SHAPE(s.a, s.c, s.b, s.d));
        operand *x = case_input(t, SHAPE(s.a, s.b, s.c, s.d), -2, 2);
        y->terms = 0;
        case_reference(t, formula, &s, LIST(y), LIST(x));
        CASE_RUN(t, op_swap_fwd(ctx, T(y), T(x)));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 4, 5), -1, 1);
    operand *same = case_output(t, SHAPE(2, 3, 4, 5));
    operand *flat = case_input(t, SHAPE(2, 3, 20), -1, 1);
    CASE_REJECTED(t, op_swap_fwd(ctx, T(same), T(x)));
    CASE_REJECTED(t, op_swap_fwd(ctx, T(same), T(flat)));
}

void test_swap_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu", s.a, s.b, s.c, s.d);
        operand *x = case_input(t, SHAPE(s.a, s.b, s.c, s.d), -2, 2);
        operand *dy = case_input(t, SHAPE(s.a, s.c, s.b, s.d), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.a, s.b, s.c, s.d));
        case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
        CASE_RUN(t, op_swap_bwd(ctx, T(dx), T(dy)));
    }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 3, 4, 5), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 4, 5, 3));
    CASE_REJECTED(t, op_swap_bwd(ctx, T(dx), T(dy)));
}
