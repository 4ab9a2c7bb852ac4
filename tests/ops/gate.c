/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */
#include "harness.h"

typedef struct sizes {
    size_t b, t, c;
} sizes;

/* y from x, r, gate. */
static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->b * s->t * s->c; i++) {
        size_t k = i / (s->t * s->c) * s->c + i % s->c;
        y[0][i] = (x[0] ? x[0][i] : 0) + x[2][k] * x[1][i];
    }
}

static const sizes cases[] = {{1, 1, 1},    {2, 5, 7},    {3, 131, 1},
                              {2, 17, 65},  {33, 9, 16},  {1, 3, 1100},
                              {33, 2, 520}, {2, 300, 13}, {3, 784, 16}};
#define CASES (sizeof cases / sizeof *cases)

void test_gate_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int with_x = 0; with_x < 2; with_x++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zu%s", s.b, s.t, s.c,
                       with_x ? "" : ", no x");
            shape map = SHAPE(s.b, s.t, s.c);
            operand *y = case_output(t, map);
            operand *x = with_x ? case_input(t, map, -2, 2) : NULL;
            operand *r = case_input(t, map, -2, 2);
            operand *gate = case_input(t, SHAPE(s.b, s.c), -1, 1);
            case_reference(t, formula, &s, LIST(y), LIST(x, r, gate));
            y->terms = 2;
            CASE_RUN(t, op_gate_fwd(ctx, T(y), T(x), T(r), T(gate)));
        }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 3, 4));
    operand *r = case_input(t, SHAPE(2, 3, 4), -1, 1);
    operand *gate = case_input(t, SHAPE(2, 4), -1, 1);
    operand *wrong = case_input(t, SHAPE(4, 2), -1, 1);
    CASE_REJECTED(t, op_gate_fwd(ctx, T(y), NULL, T(r), T(wrong)));
    CASE_REJECTED(t, op_gate_fwd(ctx, T(y), T(gate), T(r), T(gate)));
    CASE_REJECTED(t, op_gate_fwd(ctx, T(y), NULL, T(gate), T(gate)));
}

void test_gate_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 8; wanted++) {
            sizes s = cases[i];
            case_begin(t, "%zux%zux%zu, gradients %d", s.b, s.t, s.c, wanted);
            shape map = SHAPE(s.b, s.t, s.c), row = SHAPE(s.b, s.c);
            operand *dy = case_input(t, map, -1, 1);
            operand *x = case_input(t, map, -2, 2);
            operand *r = case_input(t, map, -2, 2);
            operand *gate = case_input(t, row, -1, 1);
            operand *dx = wanted & 1 ? case_gradient(t, map) : NULL;
            operand *dr = wanted & 2 ? case_gradient(t, map) : NULL;
            operand *dgate = wanted & 4 ? case_gradient(t, row) : NULL;
            case_gradients(t, formula, &s, LIST(dy), LIST(x, r, gate),
                           LIST(dx, dr, dgate));
            if (dr)
                dr->terms = 2;
            if (dgate)
                dgate->terms = 2 + (double)s.t;
            CASE_RUN(t, op_gate_bwd(ctx, T(dx), T(dr), T(dgate), T(dy), T(r),
                                    T(gate)));
        }

    case_begin(t, "invalid shapes");
    operand *r = case_input(t, SHAPE(2, 3, 4), -1, 1);
    operand *gate = case_input(t, SHAPE(2, 4), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 4, 3));
    operand *dgate = case_gradient(t, SHAPE(4, 2));
    CASE_REJECTED(t, op_gate_bwd(ctx, T(dx), NULL, NULL, T(r), T(r), T(gate)));
    CASE_REJECTED(t, op_gate_bwd(ctx, NULL, T(dx), NULL, T(r), T(r), T(gate)));
    CASE_REJECTED(t,
                  op_gate_bwd(ctx, NULL, NULL, T(dgate), T(r), T(r), T(gate)));
}
