/* upsample_nearest: every location repeated by whole factors. */
#include "harness.h"

typedef struct sizes {
    size_t n, h, w, c, down, across;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    size_t oh = s->h * s->down, ow = s->w * s->across;
    for (size_t i = 0; i < s->n * oh * ow; i++) {
        size_t column = i % ow / s->across, row = i / ow % oh / s->down;
        size_t from = (i / ow / oh * s->h + row) * s->w + column;
        for (size_t k = 0; k < s->c; k++)
            y[0][i * s->c + k] = x[0][from * s->c + k];
    }
}

static const sizes cases[] = {{1, 1, 1, 1, 1, 1},
                              {2, 3, 5, 7, 2, 2},
                              {1, 2, 3, 1, 5, 1},
                              {3, 1, 4, 65, 1, 3},
                              {2, 14, 14, 11, 2, 2}};
#define CASES (sizeof cases / sizeof *cases)

static shape big(const sizes *s)
{
    return SHAPE(s->n, s->h * s->down, s->w * s->across, s->c);
}

void test_upsample_nearest_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, %zu", s.n, s.h, s.w, s.c, s.down,
                   s.across);
        operand *y = case_output(t, big(&s));
        operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
        y->terms = 0;
        case_reference(t, formula, &s, LIST(y), LIST(x));
        CASE_RUN(t, op_upsample_nearest_fwd(ctx, T(y), T(x)));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 3, 2), -1, 1);
    operand *odd = case_output(t, SHAPE(2, 6, 7, 2));
    operand *channels = case_output(t, SHAPE(2, 6, 6, 3));
    operand *flat = case_output(t, SHAPE(2, 36, 2));
    CASE_REJECTED(t, op_upsample_nearest_fwd(ctx, T(odd), T(x)));
    CASE_REJECTED(t, op_upsample_nearest_fwd(ctx, T(channels), T(x)));
    CASE_REJECTED(t, op_upsample_nearest_fwd(ctx, T(flat), T(x)));
}

void test_upsample_nearest_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, %zu", s.n, s.h, s.w, s.c, s.down,
                   s.across);
        operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
        operand *dy = case_input(t, big(&s), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.n, s.h, s.w, s.c));
        dx->terms = 1 + (double)(s.down * s.across);
        case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
        CASE_RUN(t, op_upsample_nearest_bwd(ctx, T(dx), T(dy)));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(2, 3, 3, 2));
    operand *dy = case_input(t, SHAPE(2, 2, 6, 2), -1, 1);
    CASE_REJECTED(t, op_upsample_nearest_bwd(ctx, T(dx), T(dy)));
}
