/* grn: y = w (x N) + b + x, N = G / (mean_c G + 1e-6), G the norm of a channel
 * over the positions of a sample. */
#include "harness.h"

#include <math.h>
#include <stdlib.h>

typedef struct sizes {
    size_t n, rows, c;
    double eps;
} sizes;

/* y, norm from x, w, b. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    double *norm = malloc(s->c * sizeof *norm);
    for (size_t n = 0; norm && n < s->n; n++) {
        const double *v = x[0] + n * s->rows * s->c;
        double mean = 1e-6;
        for (size_t c = 0; c < s->c; c++) {
            double square = s->eps;
            for (size_t r = 0; r < s->rows; r++)
                square += v[r * s->c + c] * v[r * s->c + c];
            norm[c] = sqrt(square);
            mean += norm[c] / (double)s->c;
            if (y[1])
                y[1][n * s->c + c] = norm[c];
        }
        for (size_t i = 0; i < s->rows * s->c; i++) {
            size_t c = i % s->c;
            y[0][n * s->rows * s->c + i] =
                x[1][c] * (v[i] * (norm[c] / mean)) + x[2][c] + v[i];
        }
    }
    free(norm);
}

/* Few and many channels, samples and positions; more than a slice. */
static const sizes cases[] = {
    {1, 1, 1, 1e-6}, {2, 12, 10, 0},     {3, 7, 5, 1e-6}, {40, 9, 67, 0},
    {2, 49, 515, 0}, {1, 1037, 3, 1e-6}, {1, 6, 1030, 0}, {33, 16, 12, 1e-6}};
#define CASES (sizeof cases / sizeof *cases)

static shape map_of(const sizes *s)
{
    return SHAPE(s->n, s->rows, s->c);
}

void test_grn_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zu, eps %g", s.n, s.rows, s.c, s.eps);
        operand *y = case_output(t, map_of(&s));
        operand *norm = case_output(t, SHAPE(s.n, s.c));
        operand *x = case_input(t, map_of(&s), -2, 3);
        operand *w = case_input(t, SHAPE(s.c), -2, 2);
        operand *b = case_input(t, SHAPE(s.c), -1, 1);
        case_reference(t, formula, &s, LIST(y, norm), LIST(x, w, b));
        y->terms = 12;
        norm->terms = 4;
        CASE_RUN(
            t, op_grn_fwd(ctx, T(y), T(norm), T(x), T(w), T(b), (float)s.eps));
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 3, 4, 5));
    operand *x = case_input(t, SHAPE(2, 3, 4, 5), -1, 1);
    operand *other = case_output(t, SHAPE(2, 4, 3, 5));
    operand *norm = case_output(t, SHAPE(2, 5));
    operand *turned = case_output(t, SHAPE(5, 2));
    operand *w = case_input(t, SHAPE(5), -1, 1);
    operand *wrong = case_input(t, SHAPE(4), -1, 1);
    CASE_REJECTED(t, op_grn_fwd(ctx, T(other), T(norm), T(x), T(w), T(w), 0));
    CASE_REJECTED(t, op_grn_fwd(ctx, T(y), T(turned), T(x), T(w), T(w), 0));
    CASE_REJECTED(t, op_grn_fwd(ctx, T(y), T(norm), T(x), T(wrong), T(w), 0));
    CASE_REJECTED(t, op_grn_fwd(ctx, T(y), T(norm), T(x), T(w), T(wrong), 0));
}

/* dead: this channel is 0 everywhere. */
static void run_back(harness *t, sizes s, int wanted, int dead)
{
    drift_context *ctx = case_context(t);
    shape map = map_of(&s), row = SHAPE(s.c);
    case_begin(t, "%zux%zux%zu, eps %g, gradients %d%s", s.n, s.rows, s.c,
               s.eps, wanted, dead >= 0 ? ", a dead channel" : "");
    operand *dy = case_input(t, map, -1, 1);
    operand *x = case_input(t, map, -2, 3);
    operand *w = case_input(t, row, -2, 2);
    operand *b = case_input(t, row, -1, 1);
    operand *y = case_output(t, map);
    operand *norm = case_input(t, SHAPE(s.n, s.c), 0, 1);
    operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
    operand *dw = wanted & 2 ? case_gradient(t, row) : NULL;
    operand *db = wanted & 4 ? case_gradient(t, row) : NULL;
    for (size_t i = 0; dead >= 0 && i < s.n * s.rows; i++)
        x->host[i * s.c + (size_t)dead] = 0;
    case_reference(t, formula, &s, LIST(y, norm), LIST(x, w, b));
    case_saved(norm);
    case_drop(y);
    if (dead >= 0) /* where a norm has a corner */
        case_step(t, 1e-7);
    case_gradients(t, formula, &s, LIST(dy, NULL), LIST(x, w, b),
                   LIST(dx, dw, db));
    if (dx)
        dx->terms = 16;
    if (dw)
        dw->terms = 16 + (double)(s.n * s.rows);
    if (db)
        db->terms = 1 + (double)(s.n * s.rows);
    CASE_RUN(t,
             op_grn_bwd(ctx, T(dx), T(dw), T(db), T(dy), T(x), T(w), T(norm)));
}

void test_grn_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 8; wanted++)
            run_back(t, cases[i], wanted, -1);
    run_back(t, cases[1], 7, 4);

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 5), -1, 1);
    operand *w = case_input(t, SHAPE(5), -1, 1);
    operand *norm = case_input(t, SHAPE(2, 5), 0, 1);
    operand *other = case_gradient(t, SHAPE(3, 2, 5));
    operand *dw = case_gradient(t, SHAPE(4));
    CASE_REJECTED(
        t, op_grn_bwd(ctx, T(other), NULL, NULL, T(x), T(x), T(w), T(norm)));
    CASE_REJECTED(
        t, op_grn_bwd(ctx, NULL, T(dw), NULL, T(x), T(x), T(w), T(norm)));
    CASE_REJECTED(
        t, op_grn_bwd(ctx, NULL, NULL, T(dw), T(x), T(x), T(w), T(norm)));
    CASE_REJECTED(t, op_grn_bwd(ctx, NULL, NULL, NULL, T(x), T(x), T(w), T(w)));
}
