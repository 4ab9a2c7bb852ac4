/* distance: d[g,n,t] = |x[g,n,:] - y[g,t,:]|. */
#include <math.h>

#include "harness.h"

typedef struct sizes {
    size_t g, n, t, d;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->g * s->n * s->t; i++) {
        size_t row = i / s->t, column = row / s->n * s->t + i % s->t;
        double sum = 0;
        for (size_t k = 0; k < s->d; k++)
            sum += pow(x[0][row * s->d + k] - x[1][column * s->d + k], 2);
        y[0][i] = sqrt(sum);
    }
}

static const sizes cases[] = {{1, 1, 1, 1},    {2, 3, 5, 2},   {3, 7, 4, 7},
                              {2, 5, 6, 8},    {5, 13, 9, 24}, {1, 67, 33, 65},
                              {2, 40, 30, 300}};
#define CASES (sizeof cases / sizeof *cases)

void test_distance_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu", s.g, s.n, s.t, s.d);
        operand *d = case_output(t, SHAPE(s.g, s.n, s.t));
        operand *x = case_input(t, SHAPE(s.g, s.n, s.d), -2, 2);
        operand *y = case_input(t, SHAPE(s.g, s.t, s.d), -2, 2);
        d->terms = (double)s.d;
        case_reference(t, formula, &s, LIST(d), LIST(x, y));
        CASE_RUN(t, op_distance_fwd(ctx, T(d), T(x), T(y)));
    }

    case_begin(t, "large: all threads on one group");
    sizes large = {1, 300, 311, 200};
    operand *d = case_output(t, SHAPE(1, 300, 311));
    operand *x = case_input(t, SHAPE(1, 300, 200), -2, 2);
    operand *y = case_input(t, SHAPE(1, 311, 200), -2, 2);
    d->terms = 200;
    case_reference(t, formula, &large, LIST(d), LIST(x, y));
    CASE_RUN(t, op_distance_fwd(ctx, T(d), T(x), T(y)));

    /* |x|^2 + |y|^2 - 2 xy without the centre is off by 0.1 here. */
    case_begin(t, "far from the origin");
    sizes s = {2, 11, 7, 24};
    d = case_output(t, SHAPE(2, 11, 7));
    x = case_input(t, SHAPE(2, 11, 24), 49.99, 50.01);
    y = case_input(t, SHAPE(2, 7, 24), 49.99, 50.01);
    d->terms = 24;
    case_reference(t, formula, &s, LIST(d), LIST(x, y));
    CASE_RUN(t, op_distance_fwd(ctx, T(d), T(x), T(y)));

    /* Near pairs in clusters far apart, which no common centre helps; each
     * is held to its own size. */
    case_begin(t, "two distant clusters");
    d = case_output(t, SHAPE(2, 11, 7));
    x = case_input(t, SHAPE(2, 11, 24), -1e-4, 1e-4);
    y = case_input(t, SHAPE(2, 7, 24), -1e-4, 1e-4);
    for (size_t i = 0; i < x->count; i++)
        x->host[i] += i / 24 % 2 ? 10 : -10;
    for (size_t i = 0; i < y->count; i++)
        y->host[i] += i / 24 % 2 ? 10 : -10;
    for (size_t i = 0; i < 24; i++)
        y->host[i] = x->host[i];
    d->terms = 24;
    case_reference(t, formula, &s, LIST(d), LIST(x, y));
    for (size_t i = 0; i < d->count; i++)
        if (d->want[i] > 1) /* leave the near ones: rms of them */
            d->want[i] = NAN;
    CASE_RUN(t, op_distance_fwd(ctx, T(d), T(x), T(y)));

    case_begin(t, "invalid shapes");
    operand *out = case_output(t, SHAPE(2, 3, 4));
    operand *a = case_input(t, SHAPE(2, 3, 5), -1, 1);
    operand *b = case_input(t, SHAPE(2, 4, 6), -1, 1);
    operand *c = case_input(t, SHAPE(2, 3, 5), -1, 1);
    operand *groups = case_input(t, SHAPE(3, 4, 5), -1, 1);
    CASE_REJECTED(t, op_distance_fwd(ctx, T(out), T(a), T(b)));
    CASE_REJECTED(t, op_distance_fwd(ctx, T(out), T(a), T(c)));
    CASE_REJECTED(t, op_distance_fwd(ctx, T(out), T(a), T(groups)));
}

/* What the forward saved. */
static void save_distances(const sizes *s, const operand *x, const operand *y,
                           operand *d)
{
    for (size_t i = 0; i < d->count; i++) {
        size_t row = i / s->t, column = row / s->n * s->t + i % s->t;
        double sum = 0;
        for (size_t k = 0; k < s->d; k++)
            sum += pow((double)x->host[row * s->d + k] -
                           (double)y->host[column * s->d + k],
                       2);
        d->host[i] = (float)sqrt(sum);
    }
}

/* The gradients by hand: differences have no digits left for near pairs. */
static void gradients(const sizes *s, const operand *x, const operand *y,
                      const operand *dd, operand *dx, operand *dy)
{
    for (size_t i = 0; i < dd->count; i++) {
        size_t row = i / s->t, column = row / s->n * s->t + i % s->t;
        const float *a = x->host + row * s->d, *b = y->host + column * s->d;
        double sum = 0;
        for (size_t k = 0; k < s->d; k++)
            sum += pow((double)a[k] - (double)b[k], 2);
        for (size_t k = 0; sum > 0 && k < s->d; k++) {
            double one =
                (double)dd->host[i] * ((double)a[k] - (double)b[k]) / sqrt(sum);
            if (dx)
                dx->want[row * s->d + k] += one;
            if (dy)
                dy->want[column * s->d + k] -= one;
        }
    }
}

void test_distance_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 4; wanted++)
            for (int near = 0; near < 2; near++) {
                sizes s = cases[i];
                case_begin(t, "%zux%zux%zux%zu, gradients %d%s", s.g, s.n, s.t,
                           s.d, wanted, near ? ", near pairs" : "");
                shape sx = SHAPE(s.g, s.n, s.d), sy = SHAPE(s.g, s.t, s.d);
                shape sd = SHAPE(s.g, s.n, s.t);
                operand *x = case_input(t, sx, -2, 2);
                operand *y = case_input(t, sy, -2, 2);
                operand *d = case_input(t, sd, 0, 1);
                operand *dd = case_input(t, sd, -1, 1);
                operand *dx = wanted & 1 ? case_gradient(t, sx) : NULL;
                operand *dy = wanted & 2 ? case_gradient(t, sy) : NULL;
                for (size_t j = 0; near && j < s.d; j++) {
                    y->host[j] = x->host[j] * (1 + 0x1p-10f);
                    if (s.t > 1) /* and one at distance 0 */
                        y->host[s.d + j] = x->host[j];
                }
                if (dx)
                    dx->terms = (double)s.t + 8;
                if (dy)
                    dy->terms = (double)s.n + 8;
                save_distances(&s, x, y, d);
                if (near)
                    gradients(&s, x, y, dd, dx, dy);
                else
                    case_gradients(t, formula, &s, LIST(dd), LIST(x, y),
                                   LIST(dx, dy));
                CASE_RUN(t, op_distance_bwd(ctx, T(dx), T(dy), T(dd), T(x),
                                            T(y), T(d)));
            }

    case_begin(t, "invalid shapes");
    operand *d = case_input(t, SHAPE(2, 3, 4), 0, 1);
    operand *dd = case_input(t, SHAPE(2, 4, 3), 0, 1);
    operand *x = case_input(t, SHAPE(2, 3, 5), -1, 1);
    operand *y = case_input(t, SHAPE(2, 4, 5), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 3, 6));
    CASE_REJECTED(t, op_distance_bwd(ctx, NULL, NULL, T(dd), T(x), T(y), T(d)));
    CASE_REJECTED(t, op_distance_bwd(ctx, T(dx), NULL, T(d), T(x), T(y), T(d)));
    CASE_REJECTED(t, op_distance_bwd(ctx, NULL, T(dx), T(d), T(x), T(y), T(d)));
}
