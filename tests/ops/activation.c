/* activation: y = f(x), each kind, tails and special values included. */
#include "harness.h"

#include <math.h>

#define HALF_SQRT 0.70710678118654752440 /* 1 / sqrt 2 */
#define PI        3.14159265358979323846

static double value(double x, int kind)
{
    double t = sqrt(2 / PI) * (x + 0.044715 * x * x * x);
    switch (kind) {
    case ACT_SILU:
        return x / (1 + exp(-x));
    case ACT_GELU_ERF:
        return 0.5 * x * erfc(-x * HALF_SQRT);
    case ACT_GELU_TANH:
        return x / (1 + exp(-2 * t)); /* 1 + tanh(t) without cancellation */
    case ACT_RELU:
        return x > 0 ? x : 0;
    default:
        return tanh(x);
    }
}

typedef struct sizes {
    size_t count;
    int kind;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->count; i++)
        y[0][i] = value(x[0][i], s->kind);
}

static const char *const kinds[ACT_COUNT] = {"silu", "gelu_erf", "gelu_tanh",
                                             "relu", "tanh"};
static const size_t counts[] = {1, 7, 67, 397, 9001};
#define COUNTS (sizeof counts / sizeof *counts)

void test_activation_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (int kind = 0; kind < ACT_COUNT; kind++) {
        for (size_t i = 0; i < COUNTS; i++) {
            sizes s = {counts[i], kind};
            case_begin(t, "%s of %zu", kinds[kind], s.count);
            operand *y = case_output(t, SHAPE(s.count));
            operand *x = case_input(t, SHAPE(s.count), -6, 6);
            case_reference(t, formula, &s, LIST(y), LIST(x));
            y->terms = 4;
            y->magnitude = 1;
            CASE_RUN(t, op_activation_fwd(ctx, T(y), T(x), kind));
        }

        sizes s = {801, kind};
        case_begin(t, "%s in place, wide range", kinds[kind]);
        operand *y = case_update(t, SHAPE(s.count), -1, 1);
        for (size_t i = 0; i < s.count; i++)
            y->host[i] = ((float)i - 400) / 4;
        case_reference(t, formula, &s, LIST(y), LIST(y));
        y->terms = 4;
        CASE_RUN(t, op_activation_fwd(ctx, T(y), T(y), kind));

        /* Near 0 and in the lower tail: relative to each value. */
        case_begin(t, "%s, small values", kinds[kind]);
        s.count = 200;
        operand *x = case_input(t, SHAPE(s.count), -1, 1);
        for (size_t i = 0; i < 100; i++)
            x->host[i] = (float)ldexp(i % 2 ? -1.5 : 1.25, -(int)i);
        for (size_t i = 100; i < 200; i++)
            x->host[i] = kind == ACT_GELU_TANH ? -(float)(i - 99) / 50
                                               : -(float)(i - 99) / 20;
        y = case_output(t, SHAPE(s.count));
        case_reference(t, formula, &s, LIST(y), LIST(x));
        y->terms = 9;
        y->magnitude = 1e-37;
        CASE_RUN(t, op_activation_fwd(ctx, T(y), T(x), kind));

        case_begin(t, "%s of nan and infinity", kinds[kind]);
        x = case_input(t, SHAPE(2), 0, 1);
        x->host[0] = NAN;
        x->host[1] = INFINITY;
        y = case_output(t, SHAPE(2));
        y->want[0] = NAN;
        y->want[1] = kind == ACT_TANH ? 1 : INFINITY;
        CASE_RUN(t, op_activation_fwd(ctx, T(y), T(x), kind));
        float got[2];
        if (tensor_read(ctx, T(y), got) != DRIFT_OK || !isnan(got[0]))
            case_fail(t, "NaN became %g", (double)got[0]);
    }

    case_begin(t, "invalid shapes and kind");
    operand *y = case_output(t, SHAPE(3, 2));
    operand *x = case_input(t, SHAPE(2, 3), -1, 1);
    operand *fits = case_input(t, SHAPE(3, 2), -1, 1);
    CASE_REJECTED(t, op_activation_fwd(ctx, T(y), T(x), ACT_SILU));
    CASE_REJECTED(t, op_activation_fwd(ctx, T(y), T(fits), ACT_COUNT));
    CASE_REJECTED(t, op_activation_fwd(ctx, T(y), T(fits), -1));
}

void test_activation_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (int kind = 0; kind < ACT_COUNT; kind++) {
        for (size_t i = 0; i < COUNTS; i++) {
            sizes s = {counts[i], kind};
            case_begin(t, "%s of %zu", kinds[kind], s.count);
            operand *dx = case_gradient(t, SHAPE(s.count));
            operand *dy = case_input(t, SHAPE(s.count), -1, 1);
            operand *x = case_input(t, SHAPE(s.count), -6, 6);
            for (size_t j = 0; j < s.count; j++)
                if (fabsf(x->host[j]) < .01f)
                    x->host[j] = .01f; /* relu has no slope at 0 */
            case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
            dx->terms = 8;
            CASE_RUN(t, op_activation_bwd(ctx, T(dx), T(dy), T(x), kind));
        }

        sizes s = {161, kind};
        case_begin(t, "%s, wide range", kinds[kind]);
        operand *dx = case_gradient(t, SHAPE(s.count));
        operand *dy = case_input(t, SHAPE(s.count), -1, 1);
        operand *x = case_input(t, SHAPE(s.count), -6, 6);
        for (size_t j = 0; j < s.count; j++)
            x->host[j] = (float)j - 80.5f;
        case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
        dx->terms = 8;
        CASE_RUN(t, op_activation_bwd(ctx, T(dx), T(dy), T(x), kind));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(3, 2));
    operand *x = case_input(t, SHAPE(2, 3), -1, 1);
    CASE_REJECTED(t, op_activation_bwd(ctx, T(dx), T(x), T(x), ACT_SILU));
    CASE_REJECTED(t, op_activation_bwd(ctx, NULL, T(dx), T(x), ACT_SILU));
    CASE_REJECTED(t, op_activation_bwd(ctx, NULL, T(x), T(x), ACT_COUNT));
}
