/* Frechet distance: see frechet.h. */
#include "eval/frechet.h"

#include <string.h>

#include "base/mem.h"
#include "cpu/cpu.h"

#ifdef HAVE_LAPACK

#include <lapacke.h>

/* S = L L^T: row k of `root` is column k of L, k < rank. */
typedef struct factor {
    size_t rank;
    double *root; /* [d,d], of which the first `rank` rows count */
} factor;

static drift_status refused(drift_context *ctx, const char *what, int info)
{
    return ERROR(
        ctx, DRIFT_ERROR_NUMBER,
        "a covariance has no %s (LAPACK: %d); are features not finite?", what,
        info);
}

/* Cholesky's factor with pivots, which ends where only rounding is left. Its
 * rows come in the order of the pivots; they are put back into their own. */
static drift_status factor_of(drift_context *ctx, const moments *m, factor *out)
{
    drift_status status = DRIFT_OK;
    size_t d = m->d;
    lapack_int rank = 0, info;
    double *lower = mem_alloc(ctx, d, d * sizeof *lower);
    lapack_int *pivot = mem_alloc(ctx, d, sizeof *pivot);
    out->root = mem_alloc(ctx, d, d * sizeof *out->root);
    if (!lower || !pivot || !out->root) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    memcpy(lower, m->covariance, d * d * sizeof *lower);
    info = LAPACKE_dpstrf(LAPACK_COL_MAJOR, 'L', (lapack_int)d, lower,
                          (lapack_int)d, pivot, &rank, -1);
    if (info < 0) {
        status = refused(ctx, "Cholesky factor", (int)info);
        goto out;
    }
    out->rank = (size_t)rank;
    for (size_t k = 0; k < out->rank; k++)
        for (size_t i = 0; i < d; i++)
            out->root[k * d + (size_t)pivot[i] - 1] =
                i < k ? 0 : lower[k * d + i];
out:
    mem_free(lower);
    mem_free(pivot);
    return status;
}

/* Sum of the singular values of a's L^T times b's L. */
static drift_status trace_of_root(drift_context *ctx, const factor *a,
                                  const factor *b, size_t d, double *out)
{
    size_t least = a->rank < b->rank ? a->rank : b->rank;
    double unused;
    *out = 0;
    if (!least)
        return DRIFT_OK;
    double *product = mem_alloc(ctx, a->rank, b->rank * sizeof *product);
    double *values = mem_alloc(ctx, least, sizeof *values);
    drift_status status = product && values ? DRIFT_OK : DRIFT_ERROR_MEMORY;
    if (status == DRIFT_OK) {
        cpu_dgemm(0, 1, a->rank, b->rank, d, 1, a->root, d, b->root, d, 0,
                  product, b->rank);
        lapack_int info = LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, 'N', (lapack_int)b->rank, (lapack_int)a->rank,
            product, (lapack_int)b->rank, values, &unused, 1, &unused, 1);
        if (info != 0)
            status = refused(ctx, "singular values", (int)info);
    }
    for (size_t i = 0; status == DRIFT_OK && i < least; i++)
        *out += values[i];
    mem_free(product);
    mem_free(values);
    return status;
}

drift_status frechet_distance(drift_context *ctx, const moments *a,
                              const moments *b, double *out)
{
    drift_status status = DRIFT_OK;
    factor fa = {0}, fb = {0};
    double root, gap = 0;
    TRY(factor_of(ctx, a, &fa));
    TRY(factor_of(ctx, b, &fb));
    TRY(trace_of_root(ctx, &fa, &fb, a->d, &root));
    for (size_t i = 0; i < a->d; i++)
        gap += (a->mean[i] - b->mean[i]) * (a->mean[i] - b->mean[i]);
    *out = gap + moments_trace(a) + moments_trace(b) - 2 * root;
out:
    mem_free(fa.root);
    mem_free(fb.root);
    return status;
}

#else

drift_status frechet_distance(drift_context *ctx, const moments *a,
                              const moments *b, double *out)
{
    (void)a, (void)b, (void)out;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "this build has no LAPACK: no Frechet distance");
}

#endif
