/* attention: o = softmax(scale q k^T) v per batch and head, and lse. */
#include <math.h>
#include <stdlib.h>

#include "harness.h"

typedef struct sizes {
    size_t b, t, s, h, d;
    double scale;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *z = arg;
    size_t row = z->h * z->d;
    for (size_t pair = 0; pair < z->b * z->h * z->t; pair++) {
        size_t b = pair / (z->h * z->t), h = pair / z->t % z->h,
               i = pair % z->t;
        const double *q = x[0] + (b * z->t + i) * row + h * z->d;
        const double *k = x[1] + b * z->s * row + h * z->d;
        const double *v = x[2] + b * z->s * row + h * z->d;
        double p[300], top = -INFINITY, sum = 0;
        for (size_t j = 0; j < z->s; j++) {
            p[j] = 0;
            for (size_t e = 0; e < z->d; e++)
                p[j] += z->scale * q[e] * k[j * row + e];
            top = fmax(top, p[j]);
        }
        for (size_t j = 0; j < z->s; j++)
            sum += p[j] = exp(p[j] - top);
        for (size_t e = 0; y[0] && e < z->d; e++) {
            double o = 0;
            for (size_t j = 0; j < z->s; j++)
                o += p[j] * v[j * row + e];
            y[0][(b * z->t + i) * row + h * z->d + e] = o / sum;
        }
        if (y[1])
            y[1][pair] = top + log(sum);
    }
}

static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1},     {2, 3, 3, 2, 4, .5},     {1, 17, 5, 3, 7, .4},
    {2, 5, 33, 1, 16, .25}, {1, 65, 65, 2, 32, .18}, {1, 270, 271, 1, 8, -.3},
    {3, 1, 80, 2, 20, 2},
};
#define CASES (sizeof cases / sizeof *cases)

static void begin(harness *t, sizes z)
{
    case_begin(t, "b %zu t %zu s %zu h %zu d %zu scale %g", z.b, z.t, z.s, z.h,
               z.d, z.scale);
}

void test_attention_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes z = cases[i];
        begin(t, z);
        shape st = SHAPE(z.b, z.t, z.h, z.d), ss = SHAPE(z.b, z.s, z.h, z.d);
        operand *o = case_output(t, st);
        operand *lse = case_output(t, SHAPE(z.b, z.h, z.t));
        operand *q = case_input(t, st, -1, 1), *k = case_input(t, ss, -1, 1);
        operand *v = case_input(t, ss, -1, 1);
        o->terms = lse->terms = (double)(z.s + z.d) + 8;
        case_reference(t, formula, &z, LIST(o, lse), LIST(q, k, v));
        CASE_RUN(t, op_attention_fwd(ctx, T(o), T(lse), T(q), T(k), T(v),
                                     (float)z.scale));
    }

    /* Logits in the thousands: the largest is subtracted before exp. */
    sizes z = {1, 6, 9, 2, 3, 500};
    begin(t, z);
    operand *o = case_output(t, SHAPE(1, 6, 2, 3));
    operand *lse = case_output(t, SHAPE(1, 2, 6));
    operand *q = case_input(t, SHAPE(1, 6, 2, 3), -2, 2);
    operand *k = case_input(t, SHAPE(1, 9, 2, 3), -2, 2);
    operand *v = case_input(t, SHAPE(1, 9, 2, 3), -1, 1);
    lse->terms = 20;
    /* An error of 1e-7 in a logit of thousands is one of 1e-3 in p. */
    o->terms = 20;
    o->magnitude = 6000;
    case_reference(t, formula, &z, LIST(o, lse), LIST(q, k, v));
    CASE_RUN(t, op_attention_fwd(ctx, T(o), T(lse), T(q), T(k), T(v), 500));

    case_begin(t, "invalid shapes");
    o = case_output(t, SHAPE(1, 6, 2, 3));
    lse = case_output(t, SHAPE(1, 2, 6));
    q = case_input(t, SHAPE(1, 6, 2, 3), -1, 1);
    k = case_input(t, SHAPE(1, 9, 2, 3), -1, 1);
    v = case_input(t, SHAPE(1, 9, 2, 3), -1, 1);
    CASE_REJECTED(t, op_attention_fwd(ctx, T(o), T(o), T(q), T(k), T(v), 1));
    CASE_REJECTED(t,
                  op_attention_fwd(ctx, T(lse), T(lse), T(q), T(k), T(v), 1));
    CASE_REJECTED(t, op_attention_fwd(ctx, T(o), T(lse), T(q), T(k), T(q), 1));
    CASE_REJECTED(t,
                  op_attention_fwd(ctx, T(o), T(lse), T(q), T(lse), T(lse), 1));
}

/* What the forward saved: the formula's own o and lse. */
static void fill_saved(const sizes *z, operand *o, operand *lse,
                       operand *const in[3])
{
    double *x[3], *y[] = {calloc(o->count, sizeof(double)),
                          calloc(lse->count, sizeof(double))};
    for (int i = 0; i < 3; i++) {
        x[i] = calloc(in[i]->count, sizeof(double));
        for (size_t j = 0; j < in[i]->count; j++)
            x[i][j] = in[i]->host[j];
    }
    formula(y, (const double *const *)x, z);
    for (size_t i = 0; i < o->count; i++)
        o->host[i] = (float)y[0][i];
    for (size_t i = 0; i < lse->count; i++)
        lse->host[i] = (float)y[1][i];
    for (int i = 0; i < 3; i++)
        free(x[i]);
    free(y[0]);
    free(y[1]);
}

void test_attention_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 7; wanted >= 1; wanted--) {
            sizes z = cases[i];
            if (wanted < 7 &&
                (case_small(t) || z.b * z.t * z.s * z.h * z.d > 20000))
                continue;
            begin(t, z);
            shape st = SHAPE(z.b, z.t, z.h, z.d);
            shape ss = SHAPE(z.b, z.s, z.h, z.d);
            operand *q = case_input(t, st, -1, 1);
            operand *k = case_input(t, ss, -1, 1);
            operand *v = case_input(t, ss, -1, 1);
            operand *o = case_input(t, st, 0, 0);
            operand *lse = case_input(t, SHAPE(z.b, z.h, z.t), 0, 0);
            operand *dy = case_input(t, st, -1, 1);
            operand *dq = wanted & 1 ? case_gradient(t, st) : NULL;
            operand *dk = wanted & 2 ? case_gradient(t, ss) : NULL;
            operand *dv = wanted & 4 ? case_gradient(t, ss) : NULL;
            fill_saved(&z, o, lse, (operand *[]){q, k, v});
            operand *all[] = {dq, dk, dv};
            for (int j = 0; j < 3; j++)
                if (all[j]) {
                    all[j]->terms = (double)(z.s + z.t + z.d) + 16;
                    all[j]->magnitude = 1;
                }
            case_gradients(t, formula, &z, LIST(dy, NULL), LIST(q, k, v),
                           LIST(dq, dk, dv));
            CASE_RUN(t, op_attention_bwd(ctx, T(dq), T(dk), T(dv), T(dy), T(q),
                                         T(k), T(v), T(o), T(lse),
                                         (float)z.scale));
        }

    case_begin(t, "invalid shapes");
    operand *q = case_input(t, SHAPE(1, 6, 2, 3), -1, 1);
    operand *k = case_input(t, SHAPE(1, 9, 2, 3), -1, 1);
    operand *lse = case_input(t, SHAPE(1, 2, 6), -1, 1);
    operand *dq = case_gradient(t, SHAPE(1, 9, 2, 3));
    operand *dk = case_gradient(t, SHAPE(1, 6, 2, 3));
    CASE_REJECTED(t, op_attention_bwd(ctx, T(dq), NULL, NULL, T(q), T(q), T(k),
                                      T(k), T(q), T(lse), 1));
    CASE_REJECTED(t, op_attention_bwd(ctx, NULL, T(dk), NULL, T(q), T(q), T(k),
                                      T(k), T(q), T(lse), 1));
    CASE_REJECTED(t, op_attention_bwd(ctx, NULL, NULL, NULL, T(k), T(q), T(k),
                                      T(k), T(q), T(lse), 1));
}
