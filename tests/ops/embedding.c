/* embedding: y[b,c] = sum_j table[index[b,j],c]. */
#include "harness.h"

typedef struct sizes {
    size_t b, j, rows, c, stride;
    const int *index;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->b * s->c; i++)
        y[0][i] = 0;
    for (size_t i = 0; i < s->b * s->j; i++)
        for (size_t k = 0; k < s->c; k++)
            y[0][i / s->j * s->c + k] +=
                x[0][(i % s->j * s->stride + (size_t)s->index[i]) * s->c + k];
}

/* Few rows: indices repeat, within a sum too. */
static const sizes cases[] = {
    {1, 1, 1, 1, 0, NULL},    {3, 5, 4, 7, 0, NULL},  {17, 1, 11, 67, 0, NULL},
    {37, 4, 3, 130, 0, NULL}, {5, 3, 13, 9, 4, NULL}, {60, 32, 64, 48, 2, NULL},
    {60, 32, 64, 48, 0, NULL}};
#define CASES (sizeof cases / sizeof *cases)

void test_embedding_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zu of %zux%zu by %zu", s.b, s.j, s.rows, s.c,
                   s.stride);
        operand *y = case_output(t, SHAPE(s.b, s.c));
        operand *table = case_input(t, SHAPE(s.rows, s.c), -2, 2);
        operand *index =
            case_index(t, SHAPE(s.b, s.j), (int)(s.stride ? s.stride : s.rows));
        s.index = index->index;
        y->terms = s.j == 1 ? 0 : (double)s.j;
        case_reference(t, formula, &s, LIST(y), LIST(table));
        CASE_RUN(t, op_embedding_fwd(ctx, T(y), T(table), T(index), s.stride));
    }

    for (int wrong = -1; wrong < 5; wrong += 5) {
        case_begin(t, "index %d of 4", wrong);
        operand *y = case_output(t, SHAPE(2, 3));
        operand *table = case_input(t, SHAPE(4, 3), -1, 1);
        operand *index = case_index(t, SHAPE(2, 2), 4);
        index->index[2] = wrong;
        if (tensor_write(ctx, T(index), index->index) != DRIFT_OK ||
            tensor_write(ctx, T(table), table->host) != DRIFT_OK)
            case_fail(t, "no memory");
        drift_status got = op_embedding_fwd(ctx, T(y), T(table), T(index), 0);
        if (got == DRIFT_OK)
            got = tensor_read(ctx, T(y), y->host);
        case_rejected(t, DRIFT_ERROR_SHAPE, got);
        if (tensor_read(ctx, T(y), y->host) != DRIFT_OK)
            case_fail(t, "an error told twice");
    }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 3));
    operand *table = case_input(t, SHAPE(4, 5), -1, 1);
    operand *index = case_index(t, SHAPE(2, 2), 4);
    operand *more = case_index(t, SHAPE(3, 2), 4);
    operand *real = case_input(t, SHAPE(2, 2), 0, 1);
    operand *fits = case_input(t, SHAPE(4, 3), -1, 1);
    CASE_REJECTED(t, op_embedding_fwd(ctx, T(y), T(table), T(index), 0));
    CASE_REJECTED(t, op_embedding_fwd(ctx, T(y), T(fits), T(more), 0));
    CASE_REJECTED(t, op_embedding_fwd(ctx, T(y), T(fits), T(real), 0));
    CASE_REJECTED(t, op_embedding_fwd(ctx, T(y), T(fits), T(index), 3));
}

void test_embedding_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zu of %zux%zu by %zu", s.b, s.j, s.rows, s.c,
                   s.stride);
        operand *table = case_input(t, SHAPE(s.rows, s.c), -2, 2);
        operand *index =
            case_index(t, SHAPE(s.b, s.j), (int)(s.stride ? s.stride : s.rows));
        operand *dy = case_input(t, SHAPE(s.b, s.c), -1, 1);
        operand *dtable = case_gradient(t, SHAPE(s.rows, s.c));
        s.index = index->index;
        dtable->terms = 1 + (double)(s.b * s.j) / (double)s.rows;
        case_gradients(t, formula, &s, LIST(dy), LIST(table), LIST(dtable));
        CASE_RUN(t,
                 op_embedding_bwd(ctx, T(dtable), T(dy), T(index), s.stride));
    }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 3), -1, 1);
    operand *dtable = case_gradient(t, SHAPE(4, 5));
    operand *index = case_index(t, SHAPE(2, 2), 4);
    CASE_REJECTED(t, op_embedding_bwd(ctx, T(dtable), T(dy), T(index), 0));
}
