/* expand: y[b,t,c] = x[b,c] for every t. */
#include "harness.h"

typedef struct sizes {
    size_t b, t, c;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t r = 0; r < s->b * s->t; r++)
        for (size_t k = 0; k < s->c; k++)
            y[0][r * s->c + k] = x[0][r / s->t * s->c + k];
}

static const sizes cases[] = {
    {1, 1, 1}, {2, 3, 5}, {7, 1, 130}, {3, 67, 65}, {1, 1000, 11}};
#define CASES (sizeof cases / sizeof *cases)

void test_expand_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu", s.b, s.t, s.c);
        operand *y = case_output(t, SHAPE(s.b, s.t, s.c));
        operand *x = case_input(t, SHAPE(s.b, s.c), -2, 2);
        y->terms = 0;
        case_reference(t, formula, &s, LIST(y), LIST(x));
        CASE_RUN(t, op_expand_fwd(ctx, T(y), T(x)));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3), -1, 1);
    operand *y = case_output(t, SHAPE(3, 4, 3));
    operand *flat = case_output(t, SHAPE(2, 3));
    CASE_REJECTED(t, op_expand_fwd(ctx, T(y), T(x)));
    CASE_REJECTED(t, op_expand_fwd(ctx, T(flat), T(x)));
}

void test_expand_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu", s.b, s.t, s.c);
        operand *x = case_input(t, SHAPE(s.b, s.c), -2, 2);
        operand *dy = case_input(t, SHAPE(s.b, s.t, s.c), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.b, s.c));
        dx->terms = 2; /* the sum runs in double */
        case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
        CASE_RUN(t, op_expand_bwd(ctx, T(dx), T(dy)));
    }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 4, 3), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 4));
    CASE_REJECTED(t, op_expand_bwd(ctx, T(dx), T(dy)));
}
