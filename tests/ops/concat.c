/* concat: writes part into y's [start ... start+len) along an axis; the rest
 * of y stays. */
#include "harness.h"

/* [outer, all, inner], of which [start, start+some) is the part. */
typedef struct sizes {
    size_t outer, all, inner, start, some;
} sizes;

/* From part and the old y. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->outer * s->all * s->inner; i++)
        y[0][i] = x[1] ? x[1][i] : 0;
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->some * s->inner; i++)
            y[0][(o * s->all + s->start) * s->inner + i] =
                x[0][o * s->some * s->inner + i];
}

static const sizes cases[] = {{1, 1, 1, 0, 1},
                              {3, 5, 7, 2, 2},
                              {7, 6, 1, 5, 1},
                              {1, 5, 3001, 1, 3},
                              {65, 67, 3, 0, 66}};
#define CASES (sizeof cases / sizeof *cases)

void test_concat_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu, %zu from %zu", s.outer, s.all, s.inner,
                   s.some, s.start);
        operand *y = case_update(t, SHAPE(s.outer, s.all, s.inner), -2, 2);
        operand *part = case_input(t, SHAPE(s.outer, s.some, s.inner), -2, 2);
        y->terms = 0;
        case_reference(t, formula, &s, LIST(y), LIST(part, y));
        CASE_RUN(t, op_concat_fwd(ctx, T(y), T(part), 1, s.start));
    }

    case_begin(t, "last axis of four");
    sizes last = {60, 7, 1, 2, 3};
    operand *y = case_update(t, SHAPE(3, 4, 5, 7), -1, 1);
    operand *part = case_input(t, SHAPE(3, 4, 5, 3), -1, 1);
    y->terms = 0;
    case_reference(t, formula, &last, LIST(y), LIST(part, y));
    CASE_RUN(t, op_concat_fwd(ctx, T(y), T(part), 3, 2));

    case_begin(t, "invalid shapes");
    operand *whole = case_output(t, SHAPE(2, 5, 3));
    operand *some = case_input(t, SHAPE(2, 2, 3), -1, 1);
    CASE_REJECTED(t, op_concat_fwd(ctx, T(whole), T(some), 1, 4));
    CASE_REJECTED(t, op_concat_fwd(ctx, T(whole), T(some), 0, 0));
    CASE_REJECTED(t, op_concat_fwd(ctx, T(whole), T(some), 5, 0));
}

void test_concat_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu, %zu from %zu", s.outer, s.all, s.inner,
                   s.some, s.start);
        operand *part = case_input(t, SHAPE(s.outer, s.some, s.inner), -2, 2);
        operand *dy = case_input(t, SHAPE(s.outer, s.all, s.inner), -1, 1);
        operand *dpart = case_gradient(t, SHAPE(s.outer, s.some, s.inner));
        case_gradients(t, formula, &s, LIST(dy), LIST(part, NULL),
                       LIST(dpart, NULL));
        CASE_RUN(t, op_concat_bwd(ctx, T(dpart), T(dy), 1, s.start));
    }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 5, 3), -1, 1);
    operand *dpart = case_gradient(t, SHAPE(2, 2, 3));
    CASE_REJECTED(t, op_concat_bwd(ctx, T(dpart), T(dy), 1, 4));
}
