/* layernorm: y = (x - mean) rstd w + b over the last dimension, rstd = 1 /
 * (sqrt(variance + eps) + eps_std). */
#include "harness.h"

#include <math.h>

/* The roundings of the mean and of x - mean are magnified by 1/std in y and dw,
 * by its square in dx. */
static double largest(const operand *rstd)
{
    double most = 1;
    for (size_t i = 0; i < rstd->count; i++)
        most = fmax(most, rstd->want[i]);
    return most;
}

typedef struct sizes {
    size_t rows, c;
    double eps, eps_std;
} sizes;

/* y, mean, rstd from x, w, b. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    double count = (double)s->c;
    for (size_t r = 0; r < s->rows; r++) {
        const double *v = x[0] + r * s->c;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < s->c; i++)
            mean += v[i] / count;
        for (size_t i = 0; i < s->c; i++)
            variance += (v[i] - mean) * (v[i] - mean) / count;
        double rstd = 1 / (sqrt(variance + s->eps) + s->eps_std);
        for (size_t i = 0; i < s->c; i++)
            y[0][r * s->c + i] = (v[i] - mean) * rstd * (x[1] ? x[1][i] : 1) +
                                 (x[2] ? x[2][i] : 0);
        if (y[1])
            y[1][r] = mean;
        if (y[2])
            y[2][r] = rstd;
    }
}

static const sizes cases[] = {
    {1, 2, 1e-6, 0},    {3, 7, 1e-6, 0},   {67, 24, 1e-6, 0},
    {5, 131, 1e-5, 0},  {200, 3, 1e-5, 0}, {301, 65, 1e-6, 0},
    {2, 5003, 1e-6, 0}, {67, 24, 0, 1e-3}, {5, 131, 1e-5, .5}};
#define CASES (sizeof cases / sizeof *cases)

void test_layernorm_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int with = 0; with < 4; with++) {
            sizes s = cases[i];
            case_begin(t, "%zu of %zu, eps %g, %g, affine %d", s.rows, s.c,
                       s.eps, s.eps_std, with);
            operand *y = case_output(t, SHAPE(s.rows, s.c));
            operand *mean = case_output(t, SHAPE(s.rows));
            operand *rstd = case_output(t, SHAPE(s.rows));
            operand *x = case_input(t, SHAPE(s.rows, s.c), -2, 3);
            operand *w = with & 1 ? case_input(t, SHAPE(s.c), .5, 2) : NULL;
            operand *b = with & 2 ? case_input(t, SHAPE(s.c), -1, 1) : NULL;
            case_reference(t, formula, &s, LIST(y, mean, rstd), LIST(x, w, b));
            y->terms = rstd->terms = 8 + sqrt((double)s.c);
            mean->terms = 2 + sqrt((double)s.c);
            mean->magnitude = 1;
            y->magnitude = largest(rstd);
            CASE_RUN(t,
                     op_layernorm_fwd(ctx, T(y), T(mean), T(rstd), T(x), T(w),
                                      T(b), (float)s.eps, (float)s.eps_std));
        }

    sizes s = {6, 64, 1e-6, 0};
    case_begin(t, "mean 1000 times the spread");
    operand *y = case_output(t, SHAPE(2, 3, 64));
    operand *mean = case_output(t, SHAPE(2, 3));
    operand *rstd = case_output(t, SHAPE(2, 3));
    operand *x = case_input(t, SHAPE(2, 3, 64), 1000, 1001);
    case_reference(t, formula, &s, LIST(y, mean, rstd), LIST(x, NULL, NULL));
    y->magnitude = 1000 * rstd->want[0]; /* the rounding of the mean */
    rstd->terms = 8;
    CASE_RUN(t, op_layernorm_fwd(ctx, T(y), T(mean), T(rstd), T(x), NULL, NULL,
                                 1e-6f, 0));

    case_begin(t, "no spread");
    sizes even = {3, 5, 0, 1e-3};
    y = case_output(t, SHAPE(3, 5));
    mean = case_output(t, SHAPE(3));
    rstd = case_output(t, SHAPE(3));
    x = case_input(t, SHAPE(3, 5), 1, 2);
    for (size_t i = 0; i < x->count; i++)
        x->host[i] = x->host[i / 5 * 5];
    case_reference(t, formula, &even, LIST(y, mean, rstd), LIST(x, NULL, NULL));
    CASE_RUN(t, op_layernorm_fwd(ctx, T(y), T(mean), T(rstd), T(x), NULL, NULL,
                                 0, 1e-3f));

    case_begin(t, "invalid shapes");
    y = case_output(t, SHAPE(3, 8));
    x = case_input(t, SHAPE(3, 8), 0, 1);
    mean = case_output(t, SHAPE(3));
    operand *wrong = case_input(t, SHAPE(7), 0, 1);
    CASE_REJECTED(t, op_layernorm_fwd(ctx, T(y), T(mean), T(mean), T(wrong),
                                      NULL, NULL, 1e-5f, 0));
    CASE_REJECTED(t, op_layernorm_fwd(ctx, T(y), T(mean), T(mean), T(x),
                                      T(wrong), NULL, 1e-5f, 0));
    CASE_REJECTED(t, op_layernorm_fwd(ctx, T(y), T(mean), T(y), T(x), NULL,
                                      NULL, 1e-5f, 0));
}

void test_layernorm_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 8; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zu of %zu, eps %g, %g, gradients %d", s.rows, s.c,
                       s.eps, s.eps_std, wanted);
            shape map = SHAPE(s.rows, s.c);
            int with_w = wanted != 1; /* once without */
            operand *dy = case_input(t, map, -1, 1);
            operand *x = case_input(t, map, -2, 3);
            operand *w = with_w ? case_input(t, SHAPE(s.c), .5, 2) : NULL;
            operand *b = case_input(t, SHAPE(s.c), -1, 1);
            operand *y = case_output(t, map);
            operand *mean = case_input(t, SHAPE(s.rows), 0, 1);
            operand *rstd = case_input(t, SHAPE(s.rows), 0, 1);
            operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
            operand *dw = wanted & 2 ? case_gradient(t, SHAPE(s.c)) : NULL;
            operand *db = wanted & 4 ? case_gradient(t, SHAPE(s.c)) : NULL;
            case_reference(t, formula, &s, LIST(y, mean, rstd), LIST(x, w, b));
            case_saved(mean);
            case_saved(rstd);
            case_drop(y);
            double size = largest(rstd);
            case_gradients(t, formula, &s, LIST(dy, NULL, NULL), LIST(x, w, b),
                           LIST(dx, dw, db));
            if (dx)
                dx->magnitude = size * size;
            if (dw)
                dw->magnitude = size;
            if (dx)
                dx->terms = 16 + sqrt((double)s.c);
            if (dw)
                dw->terms = 8 + (double)s.rows;
            if (db)
                db->terms = 1 + (double)s.rows;
            CASE_RUN(t, op_layernorm_bwd(ctx, T(dx), T(dw), T(db), T(dy), T(x),
                                         T(w), T(mean), T(rstd),
                                         (float)s.eps_std));
        }

    case_begin(t, "no spread in one row");
    sizes even = {3, 5, 0, .5};
    operand *x = case_input(t, SHAPE(3, 5), 1, 2);
    operand *dy = case_input(t, SHAPE(3, 5), -1, 1);
    operand *y = case_output(t, SHAPE(3, 5));
    operand *mean = case_input(t, SHAPE(3), 0, 1);
    operand *rstd = case_input(t, SHAPE(3), 0, 1);
    operand *dx = case_gradient(t, SHAPE(3, 5));
    for (size_t i = 5; i < 10; i++)
        x->host[i] = x->host[5];
    case_reference(t, formula, &even, LIST(y, mean, rstd), LIST(x, NULL, NULL));
    case_saved(mean);
    case_saved(rstd);
    case_drop(y);
    case_step(t, 1e-7); /* the std has a corner */
    case_gradients(t, formula, &even, LIST(dy, NULL, NULL), LIST(x, NULL, NULL),
                   LIST(dx, NULL, NULL));
    dx->terms = 16;
    dx->magnitude = 4;
    CASE_RUN(t, op_layernorm_bwd(ctx, T(dx), NULL, NULL, T(dy), T(x), NULL,
                                 T(mean), T(rstd), .5f));

    case_begin(t, "invalid shapes");
    x = case_input(t, SHAPE(2, 8), 0, 1);
    operand *other = case_input(t, SHAPE(3, 8), 0, 1);
    mean = case_input(t, SHAPE(2), 0, 1);
    dx = case_gradient(t, SHAPE(2, 8));
    operand *dw = case_gradient(t, SHAPE(7));
    CASE_REJECTED(t, op_layernorm_bwd(ctx, T(dx), NULL, NULL, T(other), T(x),
                                      NULL, T(mean), T(mean), 0));
    CASE_REJECTED(t, op_layernorm_bwd(ctx, T(dx), T(dw), NULL, T(x), T(x), NULL,
                                      T(mean), T(mean), 0));
    CASE_REJECTED(t, op_layernorm_bwd(ctx, T(dx), NULL, NULL, T(x), T(x), NULL,
                                      T(mean), T(x), 0));
}
