/* moments: mean and std of patches of ph x pw locations. */
#include <math.h>

#include "harness.h"

typedef struct sizes {
    size_t n, h, w, c, ph, pw;
    double eps;
} sizes;

static size_t patches(const sizes *s)
{
    return s->h / s->ph * (s->w / s->pw);
}

/* Number i of patch p of the whole input, channel k. */
static size_t place(const sizes *s, size_t p, size_t i, size_t k)
{
    size_t across = s->w / s->pw, inside = p % patches(s);
    size_t row = inside / across * s->ph + i / s->pw;
    size_t column = inside % across * s->pw + i % s->pw;
    return ((p / patches(s) * s->h + row) * s->w + column) * s->c + k;
}

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    size_t count = s->ph * s->pw;
    for (size_t p = 0; p < s->n * patches(s); p++)
        for (size_t k = 0; k < s->c; k++) {
            double mean = 0, variance = 0;
            for (size_t i = 0; i < count; i++)
                mean += x[0][place(s, p, i, k)] / (double)count;
            for (size_t i = 0; i < count; i++)
                variance +=
                    pow(x[0][place(s, p, i, k)] - mean, 2) / (double)count;
            if (y[0])
                y[0][p * s->c + k] = mean;
            if (y[1])
                y[1][p * s->c + k] = sqrt(variance + s->eps);
        }
}

static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, 1e-6},   {2, 4, 6, 5, 2, 2, 1e-6},
    {3, 4, 6, 67, 4, 6, 1e-6},  {2, 5, 7, 1, 5, 7, 1e-6},
    {1, 6, 9, 130, 3, 1, 1e-2}, {2, 28, 28, 11, 4, 4, 0}};
#define CASES (sizeof cases / sizeof *cases)

static shape small_shape(const sizes *s)
{
    return SHAPE(s->n, patches(s), s->c);
}

void test_moments_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 4; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zux%zu by %zux%zu, wanted %d", s.n, s.h,
                       s.w, s.c, s.ph, s.pw, wanted);
            operand *mean = wanted & 1 ? case_output(t, small_shape(&s)) : NULL;
            operand *std = wanted & 2 ? case_output(t, small_shape(&s)) : NULL;
            operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
            case_reference(t, formula, &s, LIST(mean, std), LIST(x));
            CASE_RUN(t, op_moments_fwd(ctx, T(mean), T(std), T(x), (int)s.ph,
                                       (int)s.pw, (float)s.eps));
        }

    /* E[x^2] - E[x]^2 has no digit left here. */
    case_begin(t, "a spread of 1e-3 around 100");
    sizes far = {2, 6, 6, 70, 6, 6, 0};
    operand *mean = case_output(t, small_shape(&far));
    operand *std = case_output(t, small_shape(&far));
    operand *x = case_input(t, SHAPE(2, 6, 6, 70), 99.9995, 100.0005);
    case_reference(t, formula, &far, LIST(mean, std), LIST(x));
    CASE_RUN(t, op_moments_fwd(ctx, T(mean), T(std), T(x), 6, 6, 0));

    case_begin(t, "invalid shapes");
    operand *map = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    operand *out = case_output(t, SHAPE(2, 6, 3));
    operand *tokens = case_input(t, SHAPE(2, 24, 3), -1, 1);
    CASE_REJECTED(t, op_moments_fwd(ctx, T(out), NULL, T(map), 3, 2, 0));
    CASE_REJECTED(t, op_moments_fwd(ctx, T(out), NULL, T(map), 0, 2, 0));
    CASE_REJECTED(t, op_moments_fwd(ctx, NULL, T(out), T(map), 4, 2, 0));
    CASE_REJECTED(t, op_moments_fwd(ctx, T(out), T(out), T(tokens), 2, 2, 0));
}

/* What the forward saved: mean and std of x. */
static void save_moments(const sizes *s, const operand *x, operand *mean,
                         operand *std)
{
    size_t count = s->ph * s->pw;
    for (size_t o = 0; o < mean->count; o++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < count; i++)
            sum += (double)x->host[place(s, o / s->c, i, o % s->c)];
        sum /= (double)count;
        for (size_t i = 0; i < count; i++)
            square +=
                pow((double)x->host[place(s, o / s->c, i, o % s->c)] - sum, 2);
        mean->host[o] = (float)sum;
        std->host[o] = (float)sqrt(square / (double)count + s->eps);
    }
}

void test_moments_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 1; i < CASES; i++)
        for (int given = 1; given < 4; given++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zux%zu by %zux%zu, given %d", s.n, s.h, s.w,
                       s.c, s.ph, s.pw, given);
            operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
            operand *mean = case_input(t, small_shape(&s), 0, 1);
            operand *std = case_input(t, small_shape(&s), 0, 1);
            operand *dmean =
                given & 1 ? case_input(t, small_shape(&s), -1, 1) : NULL;
            operand *dstd =
                given & 2 ? case_input(t, small_shape(&s), -1, 1) : NULL;
            operand *dx = case_gradient(t, SHAPE(s.n, s.h, s.w, s.c));
            dx->terms = 8;
            save_moments(&s, x, mean, std);
            case_gradients(t, formula, &s, LIST(dmean, dstd), LIST(x),
                           LIST(dx));
            CASE_RUN(t, op_moments_bwd(ctx, T(dx), T(dmean), T(dstd), T(x),
                                       T(mean), T(std), (int)s.ph, (int)s.pw));
        }

    case_begin(t, "a constant patch has no slope");
    operand *x = case_input(t, SHAPE(1, 2, 2, 3), 1, 1);
    operand *mean = case_input(t, SHAPE(1, 1, 3), 1, 1);
    operand *std = case_input(t, SHAPE(1, 1, 3), 0, 0);
    operand *dstd = case_input(t, SHAPE(1, 1, 3), -1, 1);
    operand *dx = case_gradient(t, SHAPE(1, 2, 2, 3));
    CASE_RUN(t, op_moments_bwd(ctx, T(dx), NULL, T(dstd), T(x), T(mean), T(std),
                               2, 2));

    case_begin(t, "invalid shapes");
    operand *map = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    operand *out = case_input(t, SHAPE(2, 6, 3), -1, 1);
    operand *odd = case_input(t, SHAPE(2, 5, 3), -1, 1);
    operand *dmap = case_gradient(t, SHAPE(2, 6, 4, 3));
    operand *fits = case_gradient(t, SHAPE(2, 4, 6, 3));
    CASE_REJECTED(t, op_moments_bwd(ctx, T(dmap), T(out), NULL, T(map), T(out),
                                    T(out), 2, 2));
    CASE_REJECTED(t, op_moments_bwd(ctx, T(fits), T(odd), NULL, T(map), T(out),
                                    T(out), 2, 2));
    CASE_REJECTED(t, op_moments_bwd(ctx, T(fits), T(out), NULL, T(map), T(out),
                                    T(odd), 2, 2));
}
