/* groupnorm: y = f(u (1 + scale) + shift), u = (x - mean) rstd w + b, per
 * sample and group of channels. */
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
    size_t n, h, w, c;
    int groups;
    double eps;
    int kind;
} sizes;

static double activation(double u, int kind)
{
    switch (kind) {
    case ACT_SILU:
        return u / (1 + exp(-u));
    case ACT_GELU_ERF:
        return 0.5 * u * erfc(-u * 0.70710678118654752440);
    case ACT_GELU_TANH:
        return u / (1 + exp(-1.59576912160573071 * (u + 0.044715 * u * u * u)));
    case ACT_RELU:
        return u > 0 ? u : 0;
    case ACT_TANH:
        return tanh(u);
    default:
        return u;
    }
}

/* y, mean, rstd from x, w, b, mod. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    size_t positions = s->h * s->w, groups = (size_t)s->groups;
    size_t per = s->c / groups;
    double count = (double)(positions * per);
    for (size_t n = 0; n < s->n; n++)
        for (size_t g = 0; g < groups; g++) {
            double mean = 0, variance = 0;
            size_t at = n * positions * s->c + g * per;
            for (size_t p = 0; p < positions; p++)
                for (size_t i = 0; i < per; i++)
                    mean += x[0][at + p * s->c + i] / count;
            for (size_t p = 0; p < positions; p++)
                for (size_t i = 0; i < per; i++) {
                    double d = x[0][at + p * s->c + i] - mean;
                    variance += d * d / count;
                }
            double rstd = 1 / sqrt(variance + s->eps);
            for (size_t p = 0; p < positions; p++)
                for (size_t i = 0; i < per; i++) {
                    size_t k = at + p * s->c + i;
                    size_t c = g * per + i;
                    double u = (x[0][k] - mean) * rstd * (x[1] ? x[1][c] : 1) +
                               (x[2] ? x[2][c] : 0);
                    const double *mod = x[3] ? x[3] + 2 * n * s->c : NULL;
                    u = mod ? u * (1 + mod[s->c + c]) + mod[c] : u;
                    y[0][k] = activation(u, s->kind);
                }
            if (y[1])
                y[1][n * groups + g] = mean;
            if (y[2])
                y[2][n * groups + g] = rstd;
        }
}

/* One number a group, narrow and wide maps, slices, groups wider than a
 * slice, many samples. */
static const sizes cases[] = {{1, 1, 1, 1, 1, 1e-5, ACT_NONE},
                              {2, 1, 1, 8, 4, 1e-6, ACT_SILU},
                              {2, 5, 6, 12, 4, 1e-6, ACT_NONE},
                              {3, 7, 7, 17, 1, 1e-5, ACT_GELU_ERF},
                              {2, 3, 4, 64, 32, 1e-6, ACT_GELU_TANH},
                              {1, 5, 3, 200, 4, 1e-5, ACT_SILU},
                              {2, 3, 1, 1100, 2, 1e-5, ACT_SILU},
                              {33, 3, 5, 6, 3, 1e-5, ACT_TANH},
                              {2, 29, 31, 16, 4, 1e-5, ACT_SILU},
                              {2, 29, 31, 16, 4, 1e-5, ACT_NONE},
                              {3, 4, 5, 10, 5, 1e-5, ACT_RELU},
                              {35, 2, 2, 130, 13, 1e-5, ACT_NONE}};
#define CASES (sizeof cases / sizeof *cases)

void test_groupnorm_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int with = 0; with < 8; with++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zux%zu, %d groups, kind %d, inputs %d", s.n,
                       s.h, s.w, s.c, s.groups, s.kind, with);
            shape map = SHAPE(s.n, s.h, s.w, s.c);
            operand *y = case_output(t, map);
            operand *mean = case_output(t, SHAPE(s.n, (size_t)s.groups));
            operand *rstd = case_output(t, SHAPE(s.n, (size_t)s.groups));
            operand *x = case_input(t, map, -2, 3);
            operand *w = with & 1 ? case_input(t, SHAPE(s.c), .5, 2) : NULL;
            operand *b = with & 2 ? case_input(t, SHAPE(s.c), -1, 1) : NULL;
            operand *mod =
                with & 4 ? case_input(t, SHAPE(s.n, 2 * s.c), -1, 1) : NULL;
            case_reference(t, formula, &s, LIST(y, mean, rstd),
                           LIST(x, w, b, mod));
            y->terms = 12;
            mean->terms = rstd->terms = 2;
            mean->magnitude = 1;
            y->magnitude = largest(rstd);
            CASE_RUN(t, op_groupnorm_fwd(ctx, T(y), T(mean), T(rstd), T(x),
                                         T(w), T(b), T(mod), s.groups,
                                         (float)s.eps, s.kind));
        }

    sizes s = {2, 4, 4, 8, 2, 1e-5, ACT_NONE};
    case_begin(t, "mean 1000 times the spread");
    operand *y = case_output(t, SHAPE(2, 16, 8));
    operand *mean = case_output(t, SHAPE(2, 2));
    operand *rstd = case_output(t, SHAPE(2, 2));
    operand *x = case_input(t, SHAPE(2, 16, 8), 1000, 1001);
    case_reference(t, formula, &s, LIST(y, mean, rstd),
                   LIST(x, NULL, NULL, NULL));
    y->magnitude = 1000 * rstd->want[0]; /* the rounding of the mean */
    CASE_RUN(t, op_groupnorm_fwd(ctx, T(y), T(mean), T(rstd), T(x), NULL, NULL,
                                 NULL, 2, 1e-5f, ACT_NONE));

    /* As in digits: where a sum begins, the numbers are unlike the others. */
    s = (sizes){8, 28, 28, 4, 4, 1e-5, ACT_NONE};
    case_begin(t, "the first rows apart");
    y = case_output(t, SHAPE(8, 28, 28, 4));
    mean = case_output(t, SHAPE(8, 4));
    rstd = case_output(t, SHAPE(8, 4));
    x = case_input(t, SHAPE(8, 28, 28, 4), -.25, .35);
    for (size_t i = 0; i < x->count; i++)
        if (i / 4 % (28 * 28) < 28 * 7)
            x->host[i] = -.75f;
    case_reference(t, formula, &s, LIST(y, mean, rstd),
                   LIST(x, NULL, NULL, NULL));
    y->terms = 12;
    mean->terms = rstd->terms = 2;
    mean->magnitude = 1;
    y->magnitude = largest(rstd);
    CASE_RUN(t, op_groupnorm_fwd(ctx, T(y), T(mean), T(rstd), T(x), NULL, NULL,
                                 NULL, 4, 1e-5f, ACT_NONE));

    case_begin(t, "invalid shapes");
    operand *wrong = case_input(t, SHAPE(7), 0, 1);
    operand *empty = case_input(t, SHAPE(2, 16, 0), 0, 1);
    y = case_output(t, SHAPE(2, 16, 8));
    x = case_input(t, SHAPE(2, 16, 8), 0, 1);
    mean = case_output(t, SHAPE(2, 2));
    rstd = case_output(t, SHAPE(2, 4));
    tensor *const ty = T(y), *tx = T(x), *tm = T(mean), *no = NULL;
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, T(wrong), no, no, no, 2,
                                      1e-5f, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, T(rstd), tx, no, no, no, 2,
                                      1e-5f, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, T(empty), tm, tm, T(empty), no, no,
                                      no, 2, 1e-5f, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, tx, no, no, no, 3, 1e-5f,
                                      ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, tx, no, no, no, 0, 1e-5f,
                                      ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, tx, T(wrong), no, no, 2,
                                      1e-5f, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, tx, no, no, T(wrong), 2,
                                      1e-5f, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_fwd(ctx, ty, tm, tm, tx, no, no, no, 2, 1e-5f,
                                      ACT_COUNT));
}

void test_groupnorm_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 1; i < CASES; i++)
        for (int wanted = 1; wanted < 16; wanted++) {
            sizes s = cases[i];
            if (s.kind == ACT_RELU)
                continue; /* differences cross its corner */
            if (i > 4 && wanted != 1 && wanted != 6 && wanted != 15)
                continue; /* every choice of gradients on the small ones */
            case_begin(t, "%zux%zux%zux%zu, %d groups, kind %d, gradients %d",
                       s.n, s.h, s.w, s.c, s.groups, s.kind, wanted);
            shape map = SHAPE(s.n, s.h, s.w, s.c);
            int with_w = wanted % 8 != 1; /* once without */
            operand *dy = case_input(t, map, -1, 1);
            operand *x = case_input(t, map, -2, 3);
            operand *w = with_w ? case_input(t, SHAPE(s.c), .5, 2) : NULL;
            int with_mod = wanted & 8 || wanted == 7;
            shape mods = SHAPE(s.n, 2 * s.c);
            operand *b = with_w ? case_input(t, SHAPE(s.c), -1, 1) : NULL;
            operand *mod = with_mod ? case_input(t, mods, -.5, 1) : NULL;
            operand *y = case_output(t, map);
            operand *mean = case_input(t, SHAPE(s.n, (size_t)s.groups), 0, 1);
            operand *rstd = case_input(t, SHAPE(s.n, (size_t)s.groups), 0, 1);
            operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
            operand *dw = wanted & 2 ? case_gradient(t, SHAPE(s.c)) : NULL;
            operand *db = wanted & 4 ? case_gradient(t, SHAPE(s.c)) : NULL;
            operand *dmod = wanted & 8 ? case_gradient(t, mods) : NULL;
            case_reference(t, formula, &s, LIST(y, mean, rstd),
                           LIST(x, w, b, mod));
            case_saved(mean);
            case_saved(rstd);
            case_drop(y);
            double size = largest(rstd);
            case_gradients(t, formula, &s, LIST(dy, NULL, NULL),
                           LIST(x, w, b, mod), LIST(dx, dw, db, dmod));
            if (dx)
                dx->magnitude = size * size;
            if (dw)
                dw->magnitude = size;
            if (dx)
                dx->terms = 16;
            if (dw)
                dw->terms = 16 + (double)(s.n * s.h * s.w);
            if (db)
                db->magnitude = size;
            if (db)
                db->terms = 16 + (double)(s.n * s.h * s.w);
            if (dmod)
                dmod->terms = 16 + (double)(s.h * s.w);
            if (dmod)
                dmod->magnitude = size;
            CASE_RUN(t, op_groupnorm_bwd(ctx, T(dx), T(dw), T(db), T(dmod),
                                         T(dy), T(x), T(w), T(b), T(mod),
                                         T(mean), T(rstd), s.groups, s.kind));
        }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 8), 0, 1);
    operand *other = case_input(t, SHAPE(2, 4, 8), 0, 1);
    operand *mean = case_input(t, SHAPE(2, 4), 0, 1);
    operand *dx = case_gradient(t, SHAPE(2, 3, 8));
    operand *dw = case_gradient(t, SHAPE(7));
    operand *dmod = case_gradient(t, SHAPE(2, 16));
    tensor *tx = T(x), *tm = T(mean), *no = NULL;
    CASE_REJECTED(t, op_groupnorm_bwd(ctx, T(dx), no, no, no, T(other), tx, no,
                                      no, no, tm, tm, 4, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_bwd(ctx, T(dx), T(dw), no, no, tx, tx, no, no,
                                      no, tm, tm, 4, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_bwd(ctx, T(dx), no, no, no, tx, tx, no, no,
                                      no, tm, tm, 2, ACT_NONE));
    CASE_REJECTED(t, op_groupnorm_bwd(ctx, T(dx), no, no, T(dmod), tx, tx, no,
                                      no, no, tm, tm, 4, ACT_NONE));
}
