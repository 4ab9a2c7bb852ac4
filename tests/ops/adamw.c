/* adamw: one step as method.md section 5 writes it, and several in a row. */
#include "harness.h"

#include <math.h>

typedef struct rule {
    double lr, beta1, beta2, eps, decay;
    float scale; /* 0: none is given */
} rule;

/* want of p, m, v after the step n of the rule, from their hosts. */
static void step(operand *p, operand *m, operand *v, const operand *g, rule r,
                 int n)
{
    for (size_t i = 0; i < p->count; i++) {
        double gi = (double)g->host[i] * (r.scale > 0 ? (double)r.scale : 1);
        double mi = r.beta1 * (double)m->host[i] + (1 - r.beta1) * gi;
        double vi = r.beta2 * (double)v->host[i] + (1 - r.beta2) * gi * gi;
        double direction = mi / (1 - pow(r.beta1, n + 1)) /
                           (sqrt(vi / (1 - pow(r.beta2, n + 1))) + r.eps);
        m->want[i] = mi;
        v->want[i] = vi;
        p->want[i] = (double)p->host[i] -
                     r.lr * (direction + r.decay * (double)p->host[i]);
    }
}

void test_adamw(harness *t)
{
    static const size_t counts[] = {1, 7, 67, 4099, 20011};
    static const rule rules[] = {{1e-3, .9, .95, 1e-8, .01, 0},
                                 {3e-3, .9, .999, 1e-8, 0, .37f},
                                 {.5, .5, .9, 1e-4, .1, 1}};
    drift_context *ctx = case_context(t);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
            rule r = rules[k];
            int n = (int)(7 * c);
            case_begin(t, "%zu, rule %zu, step %d", counts[c], k, n);
            shape s = SHAPE(counts[c]);
            operand *p = case_update(t, s, -1, 1);
            operand *m = case_update(t, s, -.1, .1);
            operand *v = case_update(t, s, 0, .1);
            operand *g = case_input(t, s, -1, 1);
            operand *scale = case_input(t, SHAPE(1), 0, 1);
            scale->host[0] = r.scale;
            for (size_t i = 0; n == 0 && i < p->count; i++)
                m->host[i] = v->host[i] = 0;
            step(p, m, v, g, r, n);
            p->terms = 8;
            m->terms = v->terms = 4;
            CASE_RUN(t, op_adamw(ctx, T(p), T(m), T(v), T(g),
                                 r.scale > 0 ? T(scale) : NULL,
                                 adamw_args_of(r.lr, r.beta1, r.beta2, r.eps,
                                               r.decay, (uint64_t)n)));
        }

    /* Without decay and from zero, the first step is lr * sign(g) whatever
     * g's size; and v is exact although 1 - .999f is not. */
    rule r = {.01, .9, .999, 1e-8, 0, 0};
    case_begin(t, "the first step");
    operand *p = case_update(t, SHAPE(100), 0, 0);
    operand *m = case_update(t, SHAPE(100), 0, 0);
    operand *v = case_update(t, SHAPE(100), 0, 0);
    operand *g = case_input(t, SHAPE(100), -1, 1);
    step(p, m, v, g, r, 0);
    p->terms = 8;
    v->terms = 4;
    CASE_RUN(t, op_adamw(ctx, T(p), T(m), T(v), T(g), NULL,
                         adamw_args_of(.01, .9, .999, 1e-8, 0, 0)));

    case_begin(t, "a scale that is not finite");
    p = case_update(t, SHAPE(100), -1, 1);
    m = case_update(t, SHAPE(100), -1, 1);
    v = case_update(t, SHAPE(100), 0, 1);
    g = case_input(t, SHAPE(100), -1, 1);
    operand *bad = case_input(t, SHAPE(1), 0, 1);
    bad->host[0] = NAN;
    operand *kept[] = {p, m, v};
    for (size_t k = 0; k < 3; k++) {
        kept[k]->terms = 0;
        for (size_t i = 0; i < 100; i++)
            kept[k]->want[i] = (double)kept[k]->host[i];
    }
    CASE_RUN(t, op_adamw(ctx, T(p), T(m), T(v), T(g), T(bad),
                         adamw_args_of(.01, .9, .999, 1e-8, 0, 0)));

    case_begin(t, "invalid shapes and rates");
    adamw_args args = adamw_args_of(.01, .9, .999, 1e-8, 0, 0);
    p = case_update(t, SHAPE(10), 0, 1);
    operand *short_one = case_update(t, SHAPE(9), 0, 1);
    CASE_REJECTED(t, op_adamw(ctx, T(p), T(short_one), T(p), T(p), NULL, args));
    CASE_REJECTED(t, op_adamw(ctx, T(p), T(p), T(short_one), T(p), NULL, args));
    CASE_REJECTED(t, op_adamw(ctx, T(p), T(p), T(p), T(short_one), NULL, args));
    CASE_REJECTED(t, op_adamw(ctx, T(p), T(p), T(p), T(p), T(p), args));
    args.rate1 = 0;
    case_rejected(t, DRIFT_ERROR_USAGE,
                  op_adamw(ctx, T(p), T(p), T(p), T(p), NULL, args));
}
