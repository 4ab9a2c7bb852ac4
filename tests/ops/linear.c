/* linear: y[rows,out] = x[rows,in] w[in,out] + b[out]. */
#include "harness.h"

typedef struct sizes {
    size_t batch, tokens, in, out;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->batch * s->tokens; i++)
        for (size_t j = 0; j < s->out; j++) {
            double sum = x[2] ? x[2][j] : 0;
            for (size_t k = 0; k < s->in; k++)
                sum += x[0][i * s->in + k] * x[1][k * s->out + j];
            y[0][i * s->out + j] = sum;
        }
}

static const sizes cases[] = {
    {1, 1, 1, 1},     {1, 7, 5, 3},   {2, 3, 17, 13},   {3, 80, 65, 33},
    {1, 500, 3, 100}, {70, 11, 9, 1}, {1, 1700, 15, 34}};
#define CASES (sizeof cases / sizeof *cases)

void test_linear_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int with_b = 0; with_b < 2; with_b++) {
            sizes s = cases[i];
            case_begin(t, "[%zu,%zu,%zu] to %zu%s", s.batch, s.tokens, s.in,
                       s.out, with_b ? "" : ", no b");
            operand *y = case_output(t, SHAPE(s.batch, s.tokens, s.out));
            operand *x = case_input(t, SHAPE(s.batch, s.tokens, s.in), -1, 1);
            operand *w = case_input(t, SHAPE(s.in, s.out), -1, 1);
            operand *b = with_b ? case_input(t, SHAPE(s.out), -1, 1) : NULL;
            y->terms = (double)s.in + 1;
            case_reference(t, formula, &s, LIST(y), LIST(x, w, b));
            CASE_RUN(t, op_linear_fwd(ctx, T(y), T(x), T(w), T(b)));
        }

    case_begin(t, "one row, without leading dimensions");
    sizes s = {1, 1, 6, 4};
    operand *y = case_output(t, SHAPE(4)), *x = case_input(t, SHAPE(6), -1, 1);
    operand *w = case_input(t, SHAPE(6, 4), -1, 1);
    y->terms = 7;
    case_reference(t, formula, &s, LIST(y), LIST(x, w, NULL));
    CASE_RUN(t, op_linear_fwd(ctx, T(y), T(x), T(w), NULL));

    case_begin(t, "invalid shapes");
    y = case_output(t, SHAPE(4));
    w = case_input(t, SHAPE(6, 4), -1, 1);
    operand *y2 = case_output(t, SHAPE(3, 4));
    operand *x2 = case_input(t, SHAPE(3, 5), -1, 1);
    operand *b2 = case_input(t, SHAPE(5), -1, 1);
    operand *w2 = case_input(t, SHAPE(5, 4), -1, 1);
    CASE_REJECTED(t, op_linear_fwd(ctx, T(y2), T(x2), T(w), NULL));
    CASE_REJECTED(t, op_linear_fwd(ctx, T(y2), T(x2), T(w2), T(b2)));
    CASE_REJECTED(t, op_linear_fwd(ctx, T(y), T(x2), T(w2), NULL));
    CASE_REJECTED(t, op_linear_fwd(ctx, T(y2), T(x2), T(b2), NULL));
}

/* One output of many inputs: the sums over rows are as large as they get. */
static void many_inputs(harness *t)
{
    drift_context *ctx = case_context(t);
    const size_t rows = 64, in = 140000;
    case_begin(t, "[%zu,%zu] to 1, gradient of w", rows, in);
    operand *x = case_input(t, SHAPE(rows, in), -1, 1);
    operand *w = case_input(t, SHAPE(in, 1), -1, 1);
    operand *dy = case_input(t, SHAPE(rows, 1), -1, 1);
    operand *dw = case_gradient(t, SHAPE(in, 1));
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < in; k++)
            dw->want[k] += (double)x->host[i * in + k] * (double)dy->host[i];
    dw->terms = 2 * (double)rows + 1; /* products and sums */
    CASE_RUN(t, op_linear_bwd(ctx, NULL, T(dw), NULL, T(dy), T(x), T(w)));
}

/* Nothing to add, and no memory asked for yet. */
static void no_rows(harness *t)
{
    drift_context *ctx;
    tensor x = {0}, w = {0}, dy = {0}, db = {0};
    case_begin(t, "no rows, in a new context");
    if (drift_context_open(&ctx, NULL) ||
        tensor_new(ctx, &x, DTYPE_F32, SHAPE(0, 3)) ||
        tensor_new(ctx, &w, DTYPE_F32, SHAPE(3, 2)) ||
        tensor_new(ctx, &dy, DTYPE_F32, SHAPE(0, 2)) ||
        tensor_new(ctx, &db, DTYPE_F32, SHAPE(2)) ||
        op_linear_bwd(ctx, NULL, NULL, &db, &dy, &x, &w))
        case_fail(t, "'%s'", drift_error_text(ctx));
    tensor_free(ctx, &x);
    tensor_free(ctx, &w);
    tensor_free(ctx, &dy);
    tensor_free(ctx, &db);
    drift_context_close(ctx);
}

void test_linear_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    many_inputs(t);
    no_rows(t);
    for (size_t i = 0; i < CASES; i++)
        for (int wanted = 1; wanted < 8; wanted++) {
            sizes s = cases[i];
            case_begin(t, "[%zu,%zu,%zu] to %zu, gradients %d", s.batch,
                       s.tokens, s.in, s.out, wanted);
            shape sx = SHAPE(s.batch, s.tokens, s.in);
            operand *x = case_input(t, sx, -1, 1);
            operand *w = case_input(t, SHAPE(s.in, s.out), -1, 1);
            operand *b = case_input(t, SHAPE(s.out), -1, 1);
            operand *dy = case_input(t, SHAPE(s.batch, s.tokens, s.out), -1, 1);
            operand *dx = wanted & 1 ? case_gradient(t, sx) : NULL;
            operand *dw =
                wanted & 2 ? case_gradient(t, SHAPE(s.in, s.out)) : NULL;
            operand *db = wanted & 4 ? case_gradient(t, SHAPE(s.out)) : NULL;
            if (dx)
                dx->terms = (double)s.out + 1;
            if (dw)
                dw->terms = (double)(s.batch * s.tokens) + 1;
            if (db)
                db->terms = (double)(s.batch * s.tokens) + 1;
            case_gradients(t, formula, &s, LIST(dy), LIST(x, w, b),
                           LIST(dx, dw, db));
            CASE_RUN(
                t, op_linear_bwd(ctx, T(dx), T(dw), T(db), T(dy), T(x), T(w)));
        }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(3, 4), -1, 1);
    operand *x = case_input(t, SHAPE(3, 5), -1, 1);
    operand *w = case_input(t, SHAPE(5, 4), -1, 1);
    operand *dx = case_gradient(t, SHAPE(5, 3));
    operand *dw = case_gradient(t, SHAPE(4, 5));
    operand *db = case_gradient(t, SHAPE(5));
    CASE_REJECTED(t, op_linear_bwd(ctx, T(dx), NULL, NULL, T(dy), T(x), T(w)));
    CASE_REJECTED(t, op_linear_bwd(ctx, NULL, T(dw), NULL, T(dy), T(x), T(w)));
    CASE_REJECTED(t, op_linear_bwd(ctx, NULL, NULL, T(db), T(dy), T(x), T(w)));
}
