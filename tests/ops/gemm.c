/* gemm: c[g] = alpha op(a[g]) op(b[g]) + beta c[g]. */
#include "harness.h"

typedef struct sizes {
    size_t g, m, n, k; /* g = 0: 2-D matrices */
    int share_a, share_b, ta, tb;
    double alpha, beta;
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t g = 0; g < (s->g ? s->g : 1); g++) {
        const double *a = x[0] + (s->share_a ? 0 : g * s->m * s->k);
        const double *b = x[1] + (s->share_b ? 0 : g * s->k * s->n);
        size_t c = g * s->m * s->n;
        for (size_t i = 0; i < s->m; i++)
            for (size_t j = 0; j < s->n; j++, c++) {
                double sum = 0;
                for (size_t k = 0; k < s->k; k++)
                    sum += (s->ta ? a[k * s->m + i] : a[i * s->k + k]) *
                           (s->tb ? b[j * s->k + k] : b[k * s->n + j]);
                y[0][c] = s->alpha * sum + (x[2] ? s->beta * x[2][c] : 0);
            }
    }
}

static shape matrix(size_t g, size_t rows, size_t cols, int transpose)
{
    if (transpose) {
        size_t swap = rows;
        rows = cols;
        cols = swap;
    }
    return g ? SHAPE(g, rows, cols) : SHAPE(rows, cols);
}

static void run(harness *t, sizes s)
{
    drift_context *ctx = case_context(t);
    case_begin(t, "g %zu m %zu n %zu k %zu%s%s%s%s alpha %g beta %g", s.g, s.m,
               s.n, s.k, s.ta ? " a^T" : "", s.tb ? " b^T" : "",
               s.share_a ? " one a" : "", s.share_b ? " one b" : "", s.alpha,
               s.beta);
    operand *a =
        case_input(t, matrix(s.share_a ? 0 : s.g, s.m, s.k, s.ta), -1, 1);
    operand *b =
        case_input(t, matrix(s.share_b ? 0 : s.g, s.k, s.n, s.tb), -1, 1);
    shape sc = matrix(s.g, s.m, s.n, 0);
    operand *c = s.beta != 0 ? case_update(t, sc, -1, 1) : case_output(t, sc);
    c->terms = (double)s.k + 2;
    case_reference(t, formula, &s, LIST(c), LIST(a, b, s.beta != 0 ? c : NULL));
    CASE_RUN(t, op_gemm(ctx, T(c), T(a), T(b), s.ta, s.tb, (float)s.alpha,
                        (float)s.beta));
}

/* Sizes around the blocks of BLIS's kernels, where one and four threads would
 * part if they ever did: a wrong part shows in the bits. */
static void run_edges(harness *t)
{
    static const size_t size[] = {1, 5, 31, 64, 97, 193, 385};
    for (int i = 0; i < 24; i++) {
        sizes s = {0};
        size_t *of[] = {&s.m, &s.n, &s.k};
        for (int j = 0; j < 3; j++)
            *of[j] = size[(size_t)case_random(t, 0, 7)];
        s.ta = i & 1;
        s.tb = i >> 1 & 1;
        s.alpha = i & 4 ? 0.3 : 1;
        s.beta = i & 8 ? 0.7 : i & 16 ? 1 : 0;
        run(t, s);
    }
}

/* Sizes that a library's tiles divide, of matrices that lie anywhere. */
static void run_tiles(harness *t)
{
    for (int i = 0; i < 16; i++)
        run(t, (sizes){.g = 3,
                       .m = 64,
                       .n = 32,
                       .k = 128,
                       .alpha = 1,
                       .ta = i & 1,
                       .tb = i >> 1 & 1,
                       .share_a = i >> 2 & 1,
                       .share_b = i >> 3 & 1});
}

/* The same where they fill their tensors: whole numbers, exact in f32. */
static void run_whole(harness *t)
{
    drift_context *ctx = case_context(t);
    enum { G = 3, M = 64, N = 32, K = 128 };
    static float a[G * M * K], b[G * K * N], c[G * M * N];
    tensor ta = {0}, tb = {0}, tc = {0};
    for (int i = 0; i < G * M * K; i++)
        a[i] = (float)(i * 7 % 11 - 5);
    for (int i = 0; i < G * K * N; i++)
        b[i] = (float)(i * 5 % 13 - 6);
    case_begin(t, "whole tensors");
    if (tensor_new(ctx, &ta, DTYPE_F32, SHAPE(G, M, K)) ||
        tensor_new(ctx, &tb, DTYPE_F32, SHAPE(G, K, N)) ||
        tensor_new(ctx, &tc, DTYPE_F32, SHAPE(G, M, N)) ||
        tensor_write(ctx, &ta, a) || tensor_write(ctx, &tb, b) ||
        op_gemm(ctx, &tc, &ta, &tb, 0, 0, 1, 0) || tensor_read(ctx, &tc, c))
        case_fail(t, "'%s'", drift_error_text(ctx));
    for (int i = 0; i < G * M * N; i++) {
        const float *row = a + i / N * K, *column = b + i / N / M * K * N;
        float sum = 0;
        for (int k = 0; k < K; k++)
            sum += row[k] * column[k * N + i % N];
        if (c[i] != sum)
            case_fail(t, "element %d is %g, wanted %g", i, (double)c[i],
                      (double)sum);
    }
    tensor_free(ctx, &ta);
    tensor_free(ctx, &tb);
    tensor_free(ctx, &tc);
}

void test_gemm(harness *t)
{
    drift_context *ctx = case_context(t);
    static const sizes cases[] = {
        {.m = 1, .n = 1, .k = 1, .alpha = 1},
        {.m = 7, .n = 5, .k = 3, .alpha = 2, .beta = -1},
        {.m = 300, .n = 257, .k = 129, .alpha = 1, .ta = 1},
        {.m = 33, .n = 1, .k = 1000, .alpha = 1, .tb = 1},
        {.m = 700, .n = 70, .k = 800, .alpha = .5, .beta = 1},
        {.g = 1, .m = 13, .n = 17, .k = 19, .alpha = 1},
        {.g = 3, .m = 13, .n = 17, .k = 19, .alpha = 1, .tb = 1},
        {.g = 3, .m = 213, .n = 117, .k = 119, .alpha = 1, .ta = 1},
        {.g = 37, .m = 20, .n = 40, .k = 30, .alpha = -1, .beta = 2},
        {.g = 5, .m = 20, .n = 7, .k = 30, .alpha = 1, .share_b = 1},
        {.g = 5, .m = 20, .n = 7, .k = 30, .alpha = 1, .share_b = 1, .ta = 1},
        {.g = 5, .m = 20, .n = 7, .k = 30, .alpha = 1, .share_a = 1},
        {.g = 2,
         .m = 9,
         .n = 7,
         .k = 3,
         .alpha = 1,
         .share_a = 1,
         .share_b = 1,
         .tb = 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run(t, cases[i]);
    run_edges(t);
    run_tiles(t);
    run_whole(t);

    case_begin(t, "invalid shapes");
    operand *a = case_input(t, SHAPE(3, 4), -1, 1);
    operand *b = case_input(t, SHAPE(4, 5), -1, 1);
    operand *c = case_output(t, SHAPE(3, 5));
    operand *batch = case_input(t, SHAPE(2, 3, 4), -1, 1);
    operand *many = case_output(t, SHAPE(3, 3, 5));
    CASE_REJECTED(t, op_gemm(ctx, T(c), T(b), T(a), 0, 0, 1, 0));
    CASE_REJECTED(t, op_gemm(ctx, T(c), T(a), T(b), 1, 0, 1, 0));
    CASE_REJECTED(t, op_gemm(ctx, T(c), T(batch), T(b), 0, 0, 1, 0));
    CASE_REJECTED(t, op_gemm(ctx, T(many), T(batch), T(b), 0, 0, 1, 0));
}
