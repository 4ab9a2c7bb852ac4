/* mul: y = a b, b repeated under a. */
#include "harness.h"

typedef struct sizes {
    size_t count, period;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->count; i++)
        y[0][i] = x[0][i] * x[1][i % s->period];
}

/* 1, primes, no multiples of 64, one larger than a chunk of the backend. */
static const sizes cases[] = {{1, 1},        {7, 7},        {21, 7},
                              {65, 13},      {30, 1},       {4099, 4099},
                              {20000, 5000}, {300 * 67, 67}};
#define CASES (sizeof cases / sizeof *cases)

void test_mul_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zu by %zu", s.count, s.period);
        operand *y = case_output(t, SHAPE(s.count));
        operand *a = case_input(t, SHAPE(s.count), -2, 2);
        operand *b = case_input(t, SHAPE(s.period), -2, 2);
        case_reference(t, formula, &s, LIST(y), LIST(a, b));
        CASE_RUN(t, op_mul_fwd(ctx, T(y), T(a), T(b)));
    }

    case_begin(t, "invalid shapes");
    operand *a = case_input(t, SHAPE(3, 4), -1, 1);
    operand *other = case_output(t, SHAPE(4, 3));
    operand *odd = case_input(t, SHAPE(5), -1, 1);
    CASE_REJECTED(t, op_mul_fwd(ctx, T(other), T(a), T(a)));
    CASE_REJECTED(t, op_mul_fwd(ctx, T(other), T(other), T(odd)));
}

void test_mul_bwd(harness *t)
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
            CASE_RUN(t, op_mul_bwd(ctx, T(da), T(db), T(dy), T(a), T(b)));
        }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(3, 4), -1, 1);
    operand *b = case_input(t, SHAPE(4), -1, 1);
    operand *odd = case_input(t, SHAPE(5), -1, 1);
    operand *other = case_gradient(t, SHAPE(4, 3));
    operand *db = case_gradient(t, SHAPE(3));
    CASE_REJECTED(t, op_mul_bwd(ctx, T(other), NULL, T(dy), T(dy), T(b)));
    CASE_REJECTED(t, op_mul_bwd(ctx, NULL, T(db), T(dy), T(dy), T(b)));
    CASE_REJECTED(t, op_mul_bwd(ctx, NULL, NULL, T(dy), T(dy), T(odd)));
    CASE_REJECTED(t, op_mul_bwd(ctx, NULL, NULL, T(other), T(dy), T(b)));
}
