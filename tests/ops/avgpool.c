/* avgpool: the mean of each window, of the places that are on the map. */
#include "pool.h"

static int count_places(const sizes *s, size_t i)
{
    int count = 0;
    for (int at = 0; at < s->kernel * s->kernel; at++)
        count += place(s, i, at) >= 0;
    return count;
}

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < shape_count(output(s)); i++)
        for (int at = 0; at < s->kernel * s->kernel; at++)
            if (place(s, i, at) >= 0)
                y[0][i] += x[0][place(s, i, at)] / count_places(s, i);
}

/* As maxpool's. */
static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, 0},  {2, 4, 6, 3, 2, 2, 0},  {1, 2, 3, 5, 4, 1, 2},
    {2, 7, 6, 4, 3, 2, 1},  {3, 7, 6, 13, 3, 2, 0}, {2, 7, 6, 4, 3, 1, 1},
    {1, 11, 5, 2, 3, 4, 1}, {2, 5, 9, 1, 5, 2, 2},  {2, 30, 31, 17, 3, 1, 1}};
#define CASES (sizeof cases / sizeof *cases)

static void begin(harness *t, const sizes *s)
{
    case_begin(t, "%zux%zux%zux%zu, %d by %d, padding %d", s->n, s->h, s->w,
               s->c, s->kernel, s->stride, s->pad);
}

void test_avgpool_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        begin(t, &s);
        operand *y = case_output(t, output(&s));
        operand *x = case_input(t, input(&s), -1, 1);
        y->terms = 1 + s.kernel * s.kernel;
        case_reference(t, formula, &s, LIST(y), LIST(x));
        CASE_RUN(t, op_avgpool_fwd(ctx, T(y), T(x), args_of(&s)));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    operand *y = case_output(t, SHAPE(2, 2, 3, 3));
    operand *other = case_output(t, SHAPE(2, 2, 2, 3));
    operand *flat = case_output(t, SHAPE(2, 2, 9));
    pool_args args = {2, 2, 0}, wide = {2, 2, 2}, still = {2, 0, 0};
    CASE_REJECTED(t, op_avgpool_fwd(ctx, T(other), T(x), args));
    CASE_REJECTED(t, op_avgpool_fwd(ctx, T(flat), T(x), args));
    CASE_REJECTED(t, op_avgpool_fwd(ctx, T(y), T(x), wide));
    CASE_REJECTED(t, op_avgpool_fwd(ctx, T(y), T(x), still));
}

void test_avgpool_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        begin(t, &s);
        operand *dy = case_input(t, output(&s), -1, 1);
        operand *dx = case_gradient(t, input(&s));
        for (size_t k = 0; k < dy->count; k++)
            for (int at = 0; at < s.kernel * s.kernel; at++)
                if (place(&s, k, at) >= 0)
                    dx->want[place(&s, k, at)] +=
                        (double)dy->host[k] / count_places(&s, k);
        dx->terms = 2 + s.kernel * s.kernel;
        CASE_RUN(t, op_avgpool_bwd(ctx, T(dx), T(dy), args_of(&s)));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(2, 4, 6, 3));
    operand *dy = case_input(t, SHAPE(2, 2, 2, 3), -1, 1);
    pool_args args = {2, 2, 0};
    CASE_REJECTED(t, op_avgpool_bwd(ctx, T(dx), T(dy), args));
    CASE_REJECTED(t, op_avgpool_bwd(ctx, NULL, T(dx), (pool_args){0, 2, 0}));
}
