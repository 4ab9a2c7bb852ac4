/* See slope.h.
 *
 * Each evaluation of the loss L = sum c y is off by about
 * eps sqrt(terms) |c y|, eps = 2^-24; five-point differences of step h divide
 * that by h. The limit is 3 times it, and must itself be small against the
 * gradient, or the comparison would show nothing. */
#include "slope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"

#define EPS    0x1p-24
#define BLUNT  0.25 /* largest share of the gradient's norm a limit may be */
#define POINTS 4

static rng_stream stream(uint64_t step)
{
    return (rng_stream){.seed = 7, .purpose = RNG_TEST, .step = step};
}

drift_context *slope_context(int threads)
{
    drift_context *ctx;
    drift_options options = {.device = "cpu", .threads = threads};
    assert_int_equal(drift_context_open(&ctx, &options), DRIFT_OK);
    return ctx;
}

static void must(slope *s, drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s: %s", s->name, drift_error_text(s->ctx));
}

var *slope_leaf(slope *s, tape *t, size_t i)
{
    return tape_leaf(t, &s->value[i], s->frozen[i] ? NULL : &s->grad[i]);
}

size_t slope_add(slope *s, shape sizes, double low, double high)
{
    size_t i = s->count++;
    assert_true(i < SLOPE_INPUTS);
    s->owned[i] = 1;
    must(s, tensor_new(s->ctx, &s->value[i], DTYPE_F32, sizes));
    must(s, tensor_new(s->ctx, &s->grad[i], DTYPE_F32, sizes));
    must(s, op_uniform(s->ctx, &s->value[i], stream(100 + i), 0, (float)low,
                       (float)high));
    must(s, op_fill(s->ctx, &s->grad[i], 0));
    return i;
}

void slope_free(slope *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->owned[i]) {
            tensor_free(s->ctx, &s->value[i]);
            tensor_free(s->ctx, &s->grad[i]);
        }
}

static float *host_of(slope *s, const tensor *t)
{
    float *x = malloc((tensor_count(t) + 1) * sizeof *x);
    assert_non_null(x);
    must(s, tensor_read(s->ctx, t, x));
    return x;
}

/* The fixed random weights of y. */
static float weight(size_t i)
{
    return 2 * rng_uniform(stream(1), i) - 1;
}

static double loss(slope *s, double *size)
{
    tape *t;
    must(s, tape_new(s->ctx, 0, &t));
    var *y = s->f(s, t, s->arg);
    must(s, tape_status(t));
    float *v = host_of(s, &y->value);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < tensor_count(&y->value); i++) {
        double one = (double)weight(i) * v[i];
        sum += one;
        squares += one * one;
    }
    free(v);
    tape_free(t);
    if (size)
        *size = sqrt(squares);
    return sum;
}

void slope_run(slope *s, int record)
{
    tape *t;
    must(s, tape_new(s->ctx, record, &t));
    var *y = s->f(s, t, s->arg);
    must(s, tape_status(t));
    if (record) {
        size_t n = tensor_count(&y->value);
        float *c = malloc((n + 1) * sizeof *c);
        tensor dy;
        assert_non_null(c);
        for (size_t i = 0; i < n; i++)
            c[i] = weight(i);
        must(s, tensor_new(s->ctx, &dy, DTYPE_F32, y->value.shape));
        must(s, tensor_write(s->ctx, &dy, c));
        tape_seed(t, y, &dy);
        tensor_free(s->ctx, &dy);
        must(s, tape_backward(t));
        free(c);
    }
    tape_free(t);
}

/* The slope of the loss along a direction of signs in tensor i; *expected is
 * what the gradient says, *norm the gradient's length. */
static double measured(slope *s, size_t i, double h, double *expected,
                       double *norm)
{
    static const double at[POINTS] = {1, -1, 2, -2};
    static const double share[POINTS] = {8, -8, -1, 1};
    size_t n = tensor_count(&s->value[i]);
    float *x = host_of(s, &s->value[i]), *g = host_of(s, &s->grad[i]);
    float *moved = malloc((n + 1) * sizeof *moved);
    double rise = 0;
    assert_non_null(moved);
    *expected = *norm = 0;
    for (size_t j = 0; j < n; j++) {
        *expected += g[j] * (rng_u32(stream(2 + i), j) & 1 ? 1.0 : -1.0);
        *norm += (double)g[j] * g[j];
    }
    *norm = sqrt(*norm);
    for (int k = 0; k < POINTS; k++) {
        for (size_t j = 0; j < n; j++)
            moved[j] = (float)(x[j] + (rng_u32(stream(2 + i), j) & 1 ? 1 : -1) *
                                          at[k] * h);
        must(s, tensor_write(s->ctx, &s->value[i], moved));
        rise += share[k] * loss(s, NULL) / (12 * h);
    }
    must(s, tensor_write(s->ctx, &s->value[i], x));
    free(x);
    free(g);
    free(moved);
    return rise;
}

void slope_check(slope *s)
{
    double size, h = s->step > 0 ? s->step : 1.0 / 128;
    double terms = s->terms > 0 ? s->terms : 16, worst = 0;
    for (size_t i = 0; i < s->count; i++)
        must(s, op_fill(s->ctx, &s->grad[i], 0));
    loss(s, &size);
    slope_run(s, 1);
    double limit = 3 * EPS * sqrt(terms) * size / h;
    for (size_t i = 0; i < s->count; i++) {
        double expected, norm, rise;
        char text[32];
        if (s->frozen[i])
            continue;
        rise = measured(s, i, h, &expected, &norm);
        double off = fabs(rise - expected);
        const char *name = s->names[i] ? s->names[i] : text;
        snprintf(text, sizeof text, "input %zu", i);
        if (!(off <= limit))
            fail_msg("%s: %s: slope %.9g, gradient says %.9g, off by %.3g, "
                     "limit %.3g",
                     s->name, name, rise, expected, off, limit);
        if (norm > 0 && limit > BLUNT * norm)
            fail_msg("%s: %s: limit %.3g is blunt against |gradient| %.3g",
                     s->name, name, limit, norm);
        if (off / limit > worst)
            worst = off / limit;
    }
    print_message("%-28s %3.0f %% of the limit\n", s->name, 100 * worst);
}
