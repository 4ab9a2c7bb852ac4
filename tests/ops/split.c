/* split: part = x[start ... start+len) along an axis. */
#include "harness.h"

/* [outer, all, inner], of which [start, start+some) is the part. */
typedef struct sizes {
    size_t outer, all, inner, start, some;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->some * s->inner; i++)
            y[0][o * s->some * s->inner + i] =
                x[0][(o * s->all + s->start) * s->inner + i];
}

static const sizes cases[] = {{1, 1, 1, 0, 1},    {3, 5, 7, 2, 2},
                              {7, 6, 1, 5, 1},    {1, 5, 3001, 1, 3},
                              {65, 67, 3, 0, 66}, {2, 4, 5, 4, 0}};
#define CASES (sizeof cases / sizeof *cases)

void test_split_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu, %zu from %zu", s.outer, s.all, s.inner,
                   s.some, s.start);
        operand *part = case_output(t, SHAPE(s.outer, s.some, s.inner));
        operand *x = case_input(t, SHAPE(s.outer, s.all, s.inner), -2, 2);
        part->terms = 0;
        case_reference(t, formula, &s, LIST(part), LIST(x));
        CASE_RUN(t, op_split_fwd(ctx, T(part), T(x), 1, s.start));
    }

    case_begin(t, "first axis of one, last axis of four");
    sizes line = {1, 11, 1, 3, 4}, last = {60, 7, 1, 2, 3};
    operand *x = case_input(t, SHAPE(11), -1, 1);
    operand *part = case_output(t, SHAPE(4));
    part->terms = 0;
    case_reference(t, formula, &line, LIST(part), LIST(x));
    CASE_RUN(t, op_split_fwd(ctx, T(part), T(x), 0, 3));
    case_begin(t, "last axis of four");
    x = case_input(t, SHAPE(3, 4, 5, 7), -1, 1);
    part = case_output(t, SHAPE(3, 4, 5, 3));
    part->terms = 0;
    case_reference(t, formula, &last, LIST(part), LIST(x));
    CASE_RUN(t, op_split_fwd(ctx, T(part), T(x), 3, 2));

    case_begin(t, "invalid shapes");
    operand *whole = case_input(t, SHAPE(2, 5, 3), -1, 1);
    operand *some = case_output(t, SHAPE(2, 2, 3));
    operand *other = case_output(t, SHAPE(2, 2, 4));
    operand *flat = case_output(t, SHAPE(2, 6));
    CASE_REJECTED(t, op_split_fwd(ctx, T(some), T(whole), 1, 4));
    CASE_REJECTED(t, op_split_fwd(ctx, T(some), T(whole), 1, (size_t)-1));
    CASE_REJECTED(t, op_split_fwd(ctx, T(some), T(whole), 3, 0));
    CASE_REJECTED(t, op_split_fwd(ctx, T(some), T(whole), -1, 0));
    CASE_REJECTED(t, op_split_fwd(ctx, T(other), T(whole), 1, 0));
    CASE_REJECTED(t, op_split_fwd(ctx, T(flat), T(whole), 1, 0));
}

void test_split_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        if (!s.some)
            continue;
        case_begin(t, "%zux%zux%zu, %zu from %zu", s.outer, s.all, s.inner,
                   s.some, s.start);
        operand *x = case_input(t, SHAPE(s.outer, s.all, s.inner), -2, 2);
        operand *dpart = case_input(t, SHAPE(s.outer, s.some, s.inner), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.outer, s.all, s.inner));
        case_gradients(t, formula, &s, LIST(dpart), LIST(x), LIST(dx));
        CASE_RUN(t, op_split_bwd(ctx, T(dx), T(dpart), 1, s.start));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(2, 5, 3));
    operand *dpart = case_input(t, SHAPE(2, 2, 3), -1, 1);
    CASE_REJECTED(t, op_split_bwd(ctx, T(dx), T(dpart), 1, 4));
}
