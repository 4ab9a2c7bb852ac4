/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */
#include "harness.h"

typedef struct sizes {
    size_t b, t, c;
} sizes;

/* y from x, shift, scale. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->b * s->t * s->c; i++) {
        size_t k = i / (s->t * s->c) * s->c + i % s->c;
        y[0][i] = x[0][i] * (1 + x[2][k]) + x[1][k];
    }
}

/* Narrow maps that lie without gaps, slices of wide ones, many samples. */
static const sizes cases[] = {{1, 1, 1},    {2, 5, 7},    {3, 131, 1},
                              {2, 17, 65},  {33, 9, 16},  {1, 3, 1100},
                              {33, 2, 520}, {2, 300, 13}, {3, 784, 16}};
#define CASES (sizeof cases / sizeof *cases)

void test_modulate_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu", s.b, s.t, s.c);
        shape map = i % 2 ? SHAPE(s.b, s.t, s.c) : SHAPE(s.b, s.t, 1, s.c);
        operand *y = case_output(t, map);
        operand *x = case_input(t, map, -2, 2);
        operand *shift = case_input(t, SHAPE(s.b, s.c), -1, 1);
        operand *scale = case_input(t, SHAPE(s.b, s.c), -1, 1);
        case_reference(t, formula, &s, LIST(y), LIST(x, shift, scale));
        y->terms = 3;
        CASE_RUN(t, op_modulate_fwd(ctx, T(y), T(x), T(shift), T(scale)));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 3, 4));
    operand *x = case_input(t, SHAPE(2, 3, 4), -1, 1);
    operand *fits = case_input(t, SHAPE(2, 4), -1, 1);
    operand *wrong = case_input(t, SHAPE(4, 2), -1, 1);
    CASE_REJECTED(t, op_modulate_fwd(ctx, T(y), T(x), T(fits), T(wrong)));
    CASE_REJECTED(t, op_modulate_fwd(ctx, T(y), T(x), T(wrong), T(fits)));
    CASE_REJECTED(t, op_modulate_fwd(ctx, T(y), T(fits), T(fits), T(fits)));
}

void test_modulate_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 8; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zu, gradients %d", s.b, s.t, s.c, wanted);
            shape map = SHAPE(s.b, s.t, s.c), row = SHAPE(s.b, s.c);
            operand *dy = case_input(t, map, -1, 1);
            operand *x = case_input(t, map, -2, 2);
            operand *shift = case_input(t, row, -1, 1);
            operand *scale = case_input(t, row, -1, 1);
            operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
            operand *dshift = wanted & 2 ? case_gradient(t, row) : NULL;
            operand *dscale = wanted & 4 ? case_gradient(t, row) : NULL;
            case_gradients(t, formula, &s, LIST(dy), LIST(x, shift, scale),
                           LIST(dx, dshift, dscale));
            if (dx)
                dx->terms = 3;
            if (dshift)
                dshift->terms = 1 + (double)s.t;
            if (dscale)
                dscale->terms = 2 + (double)s.t;
            CASE_RUN(t, op_modulate_bwd(ctx, T(dx), T(dshift), T(dscale), T(dy),
                                        T(x), T(scale)));
        }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 4), -1, 1);
    operand *scale = case_input(t, SHAPE(2, 4), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 4, 3));
    operand *dscale = case_gradient(t, SHAPE(4, 2));
    CASE_REJECTED(
        t, op_modulate_bwd(ctx, T(dx), NULL, NULL, T(x), T(x), T(scale)));
    CASE_REJECTED(
        t, op_modulate_bwd(ctx, NULL, T(dscale), NULL, T(x), T(x), T(scale)));
    CASE_REJECTED(
        t, op_modulate_bwd(ctx, NULL, NULL, NULL, T(x), T(dx), T(scale)));
}
