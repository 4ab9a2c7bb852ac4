/* maxpool: the largest number of each window, and which of the window it was.
 *
 * Inputs are whole numbers, few of them, so that windows have ties. */
#include "pool.h"

#include <math.h>

/* y and the index from x. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < shape_count(output(s)); i++) {
        y[0][i] = -INFINITY;
        y[1][i] = -1;
        for (int at = 0; at < s->kernel * s->kernel; at++) {
            long from = place(s, i, at);
            if (from >= 0 && (y[1][i] < 0 || x[0][from] > y[0][i])) {
                y[0][i] = x[0][from];
                y[1][i] = at;
            }
        }
    }
}

/* Whole windows, overlapping ones, padding on all sides, a rest at the far
 * ones, windows larger than the map. */
static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, 0},  {2, 4, 6, 3, 2, 2, 0},  {1, 2, 3, 5, 4, 1, 2},
    {2, 7, 6, 4, 3, 2, 1},  {3, 7, 6, 13, 3, 2, 0}, {2, 7, 6, 4, 3, 1, 1},
    {1, 11, 5, 2, 3, 4, 1}, {2, 5, 9, 1, 5, 2, 2},  {2, 30, 31, 17, 3, 2, 1}};
#define CASES (sizeof cases / sizeof *cases)

static operand *whole_numbers(harness *t, shape s, double low, double high)
{
    operand *x = case_input(t, s, low, high);
    for (size_t i = 0; i < x->count; i++)
        x->host[i] = floorf(x->host[i]);
    return x;
}

void test_maxpool_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu, %d by %d, padding %d", s.n, s.h, s.w,
                   s.c, s.kernel, s.stride, s.pad);
        operand *y = case_output(t, output(&s));
        operand *index = case_index_output(t, output(&s));
        /* All below 0: padding never is the largest. */
        operand *x = whole_numbers(t, input(&s), -6, 0);
        y->terms = 0;
        case_reference(t, formula, &s, LIST(y, index), LIST(x));
        CASE_RUN(t, op_maxpool_fwd(ctx, T(y), T(index), T(x), args_of(&s)));
    }

    case_begin(t, "infinities");
    sizes s = {1, 4, 4, 1, 2, 2, 0};
    operand *y = case_output(t, output(&s));
    operand *index = case_index_output(t, output(&s));
    operand *x = whole_numbers(t, input(&s), -6, 0);
    x->host[0] = x->host[1] = x->host[4] = x->host[5] = -INFINITY;
    x->host[7] = INFINITY;
    y->terms = 0;
    case_reference(t, formula, &s, LIST(y, index), LIST(x));
    CASE_RUN(t, op_maxpool_fwd(ctx, T(y), T(index), T(x), args_of(&s)));

    case_begin(t, "no numbers");
    y = case_output(t, output(&s));
    index = case_index_output(t, output(&s));
    x = whole_numbers(t, input(&s), -6, 0);
    x->host[1] = NAN;
    case_reference(t, formula, &s, LIST(y, index), LIST(x));
    y->want[0] = NAN; /* not compared, but the place is */
    index->want[0] = 1;
    CASE_RUN(t, op_maxpool_fwd(ctx, T(y), T(index), T(x), args_of(&s)));

    case_begin(t, "invalid shapes");
    x = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    y = case_output(t, SHAPE(2, 2, 3, 3));
    operand *real = case_output(t, SHAPE(2, 2, 3, 3));
    operand *other = case_output(t, SHAPE(2, 2, 2, 3));
    operand *others = case_index_output(t, SHAPE(2, 2, 2, 3));
    index = case_index_output(t, SHAPE(2, 2, 3, 3));
    pool_args args = {2, 2, 0}, wide = {2, 2, 2}, still = {2, 0, 0};
    CASE_REJECTED(t, op_maxpool_fwd(ctx, T(y), T(real), T(x), args));
    CASE_REJECTED(t, op_maxpool_fwd(ctx, T(other), T(others), T(x), args));
    CASE_REJECTED(t, op_maxpool_fwd(ctx, T(y), T(others), T(x), args));
    CASE_REJECTED(t, op_maxpool_fwd(ctx, T(y), T(index), T(x), wide));
    CASE_REJECTED(t, op_maxpool_fwd(ctx, T(y), T(index), T(x), still));
}

void test_maxpool_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu, %d by %d, padding %d", s.n, s.h, s.w,
                   s.c, s.kernel, s.stride, s.pad);
        operand *y = case_output(t, output(&s));
        operand *index = case_index(t, output(&s), 1);
        operand *x = whole_numbers(t, input(&s), -6, 0);
        operand *dy = case_input(t, output(&s), -1, 1);
        operand *dx = case_gradient(t, input(&s));
        case_reference(t, formula, &s, LIST(y, index), LIST(x));
        for (size_t k = 0; k < index->count; k++) {
            index->index[k] = (int)index->want[k];
            dx->want[place(&s, k, index->index[k])] += (double)dy->host[k];
        }
        case_drop(y);
        dx->terms = 1 + s.kernel * s.kernel;
        CASE_RUN(t, op_maxpool_bwd(ctx, T(dx), T(dy), T(index), args_of(&s)));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(2, 4, 6, 3));
    operand *dy = case_input(t, SHAPE(2, 2, 2, 3), -1, 1);
    operand *index = case_index(t, SHAPE(2, 2, 2, 3), 4);
    pool_args args = {2, 2, 0};
    CASE_REJECTED(t, op_maxpool_bwd(ctx, T(dx), T(dy), T(index), args));
    CASE_REJECTED(t, op_maxpool_bwd(ctx, NULL, T(dx), T(index), args));
}
