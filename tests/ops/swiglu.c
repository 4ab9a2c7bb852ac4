/* swiglu: y = silu(a) b. */
#include "harness.h"

#include <math.h>

static void formula(double *const y[], const double *const x[], const void *arg)
{
    size_t count = *(const size_t *)arg;
    for (size_t i = 0; i < count; i++)
        y[0][i] = x[0][i] / (1 + exp(-x[0][i])) * x[1][i];
}

static const size_t counts[] = {1, 7, 67, 397, 9001};
#define COUNTS (sizeof counts / sizeof *counts)

void test_swiglu_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < COUNTS; i++) {
        size_t n = counts[i];
        case_begin(t, "%zu", n);
        operand *y = case_output(t, SHAPE(n));
        operand *a = case_input(t, SHAPE(n), -9, 9);
        operand *b = case_input(t, SHAPE(n), -2, 2);
        case_reference(t, formula, &n, LIST(y), LIST(a, b));
        y->terms = 6;
        CASE_RUN(t, op_swiglu_fwd(ctx, T(y), T(a), T(b)));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(3, 2));
    operand *a = case_input(t, SHAPE(3, 2), -1, 1);
    operand *b = case_input(t, SHAPE(2, 3), -1, 1);
    CASE_REJECTED(t, op_swiglu_fwd(ctx, T(y), T(a), T(b)));
    CASE_REJECTED(t, op_swiglu_fwd(ctx, T(y), T(b), T(a)));
}

void test_swiglu_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < COUNTS; i++)
        for (int wanted = 1; wanted < 4; wanted++) {
            size_t n = counts[i];
            case_begin(t, "%zu, gradients %d", n, wanted);
            operand *dy = case_input(t, SHAPE(n), -1, 1);
            operand *a = case_input(t, SHAPE(n), -9, 9);
            operand *b = case_input(t, SHAPE(n), -2, 2);
            operand *da = wanted & 1 ? case_gradient(t, SHAPE(n)) : NULL;
            operand *db = wanted & 2 ? case_gradient(t, SHAPE(n)) : NULL;
            case_gradients(t, formula, &n, LIST(dy), LIST(a, b), LIST(da, db));
            if (da)
                da->terms = 10;
            if (db)
                db->terms = 6;
            CASE_RUN(t, op_swiglu_bwd(ctx, T(da), T(db), T(dy), T(a), T(b)));
        }

    case_begin(t, "invalid shapes");
    operand *da = case_gradient(t, SHAPE(3, 2));
    operand *a = case_input(t, SHAPE(3, 2), -1, 1);
    operand *b = case_input(t, SHAPE(2, 3), -1, 1);
    CASE_REJECTED(t, op_swiglu_bwd(ctx, T(da), NULL, T(a), T(a), T(b)));
    CASE_REJECTED(t, op_swiglu_bwd(ctx, T(da), NULL, T(b), T(b), T(b)));
    CASE_REJECTED(t, op_swiglu_bwd(ctx, NULL, T(da), T(b), T(b), T(b)));
}
