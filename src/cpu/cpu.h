/* Inside the CPU backend: addresses of tensors, products, parallel loops.
 *
 * Results are the same to the bit for every number of threads: loops are
 * parallel over independent outputs, and a sum that crosses iterations is cut
 * into CPU_PARTS fixed parts that are added in order. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <string.h>

#include "base/simd.h"
#include "ops/backend.h"

/* Parts of a reduction, whatever the number of threads. */
#define CPU_PARTS 64

/* Below this many elements a parallel loop costs more than it gains. */
#define CPU_SMALL 4096

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline float *f32(const tensor *t)
{
    return t ? (float *)t->block->host + t->offset : NULL;
}

static inline int *i32(const tensor *t)
{
    return t ? (int *)t->block->host + t->offset : NULL;
}

/* A gradient marked fresh counts as zeros: before adding to n of its numbers,
 * from `at` on, where they are about to be in the cache. */
static inline void cpu_begin(const tensor *gradient, float *at, size_t n)
{
    if (gradient->fresh)
        memset(at, 0, n * sizeof *at);
}

/* The same for the whole of it; NULL is fine. (src/cpu/fill.c) */
void cpu_begin_all(tensor *gradient);

#define OP(name, params, args) drift_status cpu_##name params;
#include "ops/ops.def"
#undef OP

/* c[m,n] = alpha op(a) op(b) + beta c; row strides ldc, lda, ldb of the
 * matrices as stored. All threads, or, called inside a parallel region, the
 * calling thread alone. (src/cpu/gemm.c) */
void cpu_sgemm(int transpose_a, int transpose_b, size_t m, size_t n, size_t k,
               float alpha, const float *a, size_t lda, const float *b,
               size_t ldb, float beta, float *c, size_t ldc);
/* The same in double, for figures (src/eval). */
void cpu_dgemm(int transpose_a, int transpose_b, size_t m, size_t n, size_t k,
               double alpha, const double *a, size_t lda, const double *b,
               size_t ldb, double beta, double *c, size_t ldc);

/* Memory of the context for the length of one op, aligned to cache lines, with
 * undefined content; the next call gives the same memory again. It is kept, so
 * that a training step allocates nothing. NULL on failure, with the error set.
 * (src/cpu/backend.c) */
float *cpu_scratch(drift_context *ctx, size_t floats);

/* Threads a loop of `count` iterations may use, and which one this is, for
 * cutting scratch memory. (src/cpu/backend.c) */
int cpu_threads(size_t count);
int cpu_thread_number(void);

/* sum[n] += the sum of the rows of x[rows,n]. (src/cpu/linear.c) */
drift_status cpu_sum_rows(drift_context *ctx, float *sum, const float *x,
                          size_t rows, size_t n) DRIFT_MUST_CHECK;

/* Choose BLIS's kernels before its first call; returns their name, NULL when
 * BLIS would abort on the user's BLIS_ARCH_TYPE. (src/cpu/blis.c) */
const char *cpu_blis_open(void);
const char *cpu_blis_version(void);

#endif
