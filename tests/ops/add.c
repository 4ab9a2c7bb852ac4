/* add: y = alpha a + beta b, b repeated under a. */
#include "harness.h"

typedef struct sizes {
    size_t count, period;
    double alpha, beta;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    const double *a = x[0], *b = x[1];
    for (size_t i = 0; i < s->count; i++)
        y[0][i] = s->alpha * a[i] + (b ? s->beta * b[i % s->period] : 0);
}

/* 1, primes, no multiples of 64, one larger than a chunk of the backend. */
static const sizes cases[] = {{1, 1, 1, 1},        {7, 7, 2, -1},
                              {21, 7, 1, 1},       {65, 13, .5, 3},
                              {30, 1, 1, -2},      {4099, 4099, 1, 1},
                              {20000, 5000, 1, 1}, {300 * 67, 67, 1.5, .25}};
#define CASES (sizeof cases / sizeof *cases)

void test_add_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int with_b = 0; with_b < 2; with_b++) {
            sizes s = cases[i];
            case_begin(t, "%zu by %zu%s", s.count, s.period,
                       with_b ? "" : ", no b");
            operand *y = case_output(t, SHAPE(s.count));
            operand *a = case_input(t, SHAPE(s.count), -2, 2);
            operand *b = with_b ? case_input(t, SHAPE(s.period), -2, 2) : NULL;
            y->terms = 3;
            case_reference(t, formula, &s, LIST(y), LIST(a, b));
            CASE_RUN(t, op_add_fwd(ctx, T(y), T(a), T(b), (float)s.alpha,
                                   (float)s.beta));
        }

    case_begin(t, "in place");
    sizes s = {60, 20, 2, -3};
    operand *y = case_update(t, SHAPE(3, 20), -1, 1);
    operand *b = case_input(t, SHAPE(20), -1, 1);
    y->terms = 3;
    case_reference(t, formula, &s, LIST(y), LIST(y, b));
    CASE_RUN(t, op_add_fwd(ctx, T(y), T(y), T(b), 2, -3));

    case_begin(t, "invalid shapes");
    operand *a = case_input(t, SHAPE(3, 4), -1, 1);
    operand *other = case_output(t, SHAPE(4, 3));
    operand *odd = case_input(t, SHAPE(5), -1, 1);
    CASE_REJECTED(t, op_add_fwd(ctx, T(other), T(a), NULL, 1, 1));
    CASE_REJECTED(t, op_add_fwd(ctx, T(other), T(other), T(odd), 1, 1));
}

void test_add_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 4; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zu by %zu, gradients %d", s.count, s.period,
                       wanted);
            operand *a = case_input(t, SHAPE(s.count), -2, 2);
            operand *b = case_input(t, SHAPE(s.period), -2, 2);
            operand *dy = case_input(t, SHAPE(s.count), -1, 1);
            operand *da = wanted & 1 ? case_gradient(t, SHAPE(s.count)) : NULL;
            operand *db = wanted & 2 ? case_gradient(t, SHAPE(s.period)) : NULL;
            if (da)
                da->terms = 2;
            if (db)
                db->terms = 1 + (double)(s.count / s.period);
            case_gradients(t, formula, &s, LIST(dy), LIST(a, b), LIST(da, db));
            CASE_RUN(t, op_add_bwd(ctx, T(da), T(db), T(dy), (float)s.alpha,
                                   (float)s.beta));
        }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(3, 4), -1, 1);
    operand *da = case_gradient(t, SHAPE(4, 3));
    operand *db = case_gradient(t, SHAPE(5));
    CASE_REJECTED(t, op_add_bwd(ctx, T(da), NULL, T(dy), 1, 1));
    CASE_REJECTED(t, op_add_bwd(ctx, NULL, T(db), T(dy), 1, 1));
}
