/* gemm: c = alpha op(a) op(b) + beta c, by BLIS.
 *
 * BLIS gives one product the same bits for any number of threads (it never
 * cuts the sum; tests/ops/gemm.c holds it to that), so where the threads go,
 * into one product or across many, is a matter of speed alone. */
#include "base/threads.h"
#include "cpu/blis.h"
#include "cpu/cpu.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Fewer multiplications than this are not worth waking threads. */
#define WORTH_THREADS 200000

static int threads_here(void)
{
#ifdef _OPENMP
    if (omp_in_parallel())
        return 1;
#endif
    return threads_get();
}

static trans_t how(int transpose)
{
    return transpose ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
}

static void set_threads(rntm_t *threads, size_t m, size_t n, size_t k)
{
    double work = (double)m * (double)n * (double)k;
    bli_rntm_set_num_threads(work < WORTH_THREADS ? 1 : threads_here(),
                             threads);
}

void cpu_sgemm(int transpose_a, int transpose_b, size_t m, size_t n, size_t k,
               float alpha, const float *a, size_t lda, const float *b,
               size_t ldb, float beta, float *c, size_t ldc)
{
    if (!m || !n)
        return;
    rntm_t threads = BLIS_RNTM_INITIALIZER;
    set_threads(&threads, m, n, k);
    /* BLIS reads a and b only; its prototypes do not say so. */
    bli_sgemm_ex(how(transpose_a), how(transpose_b), (dim_t)m, (dim_t)n,
                 (dim_t)k, &alpha, (float *)a, (inc_t)lda, 1, (float *)b,
                 (inc_t)ldb, 1, &beta, c, (inc_t)ldc, 1, NULL, &threads);
}

void cpu_dgemm(int transpose_a, int transpose_b, size_t m, size_t n, size_t k,
               double alpha, const double *a, size_t lda, const double *b,
               size_t ldb, double beta, double *c, size_t ldc)
{
    if (!m || !n)
        return;
    rntm_t threads = BLIS_RNTM_INITIALIZER;
    set_threads(&threads, m, n, k);
    bli_dgemm_ex(how(transpose_a), how(transpose_b), (dim_t)m, (dim_t)n,
                 (dim_t)k, &alpha, (double *)a, (inc_t)lda, 1, (double *)b,
                 (inc_t)ldb, 1, &beta, c, (inc_t)ldc, 1, NULL, &threads);
}

drift_status cpu_gemm(drift_context *ctx, tensor *c, const tensor *a,
                      const tensor *b, int transpose_a, int transpose_b,
                      float alpha, float beta)
{
    (void)ctx;
    const size_t *ad = a->shape.dim + (a->shape.ndim - 2);
    const size_t *bd = b->shape.dim + (b->shape.ndim - 2);
    const size_t *cd = c->shape.dim + (c->shape.ndim - 2);
    size_t g = c->shape.ndim == 3 ? c->shape.dim[0] : 1;
    size_t m = cd[0], n = cd[1], k = ad[transpose_a ? 0 : 1];
    size_t step_a = a->shape.ndim == 3 ? ad[0] * ad[1] : 0;
    size_t step_b = b->shape.ndim == 3 ? bd[0] * bd[1] : 0;
    const float *ap = f32(a), *bp = f32(b);
    float *cp = f32(c);
    if (g > 1 && step_a && !step_b && !transpose_a) {
        /* One b under all of a: a single tall product. */
        m *= g;
        g = 1;
    }
    /* Threads across the products when these are many or small. */
    int across = g > 1 && (g >= 4 * (size_t)threads_get() ||
                           (double)m * (double)n * (double)k < 1e6);
    (void)across; /* where there is no OpenMP */
#pragma omp parallel for schedule(dynamic) if (across)
    for (size_t i = 0; i < g; i++)
        cpu_sgemm(transpose_a, transpose_b, m, n, k, alpha, ap + i * step_a,
                  ad[1], bp + i * step_b, bd[1], beta, cp + i * m * n, n);
    return DRIFT_OK;
}
