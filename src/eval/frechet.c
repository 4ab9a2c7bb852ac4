/* Frechet distance by LAPACK's symmetric eigensolver. */
#include "eval/frechet.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#ifdef HAVE_LAPACK
#include <lapacke.h>
#endif

drift_status feature_moments(drift_context *ctx, const float *features,
                             size_t n, size_t d, double *mean,
                             double *covariance)
{
    drift_status status = DRIFT_OK;
    double *row = mem_alloc(ctx, d, sizeof *row);
    if (!row)
        return DRIFT_ERROR_MEMORY;
    if (n < 2)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "a covariance needs at least 2 samples, not %zu", n);
    memset(mean, 0, d * sizeof *mean);
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += features[i * d + j];
    for (size_t j = 0; j < d; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            row[j] = features[i * d + j] - mean[j];
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k <= j; k++)
                covariance[j * d + k] += row[j] * row[k];
    }
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k <= j; k++)
            covariance[j * d + k] = covariance[k * d + j] =
                covariance[j * d + k] / (double)(n - 1);
out:
    mem_free(row);
    return status;
}

#ifdef HAVE_LAPACK

/* c = a b, all [d,d] row-major; d is a few hundred to 2048. */
static void multiply(size_t d, const double *a, const double *b, double *c)
{
    memset(c, 0, d * d * sizeof *c);
#pragma omp parallel for
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < d; k++)
            for (size_t j = 0; j < d; j++)
                c[i * d + j] += a[i * d + k] * b[k * d + j];
}

/* Eigenvalues of symmetric a into values; with job 'V' a becomes its
 * eigenvectors: row i belongs to values[i] (LAPACK's columns). */
static drift_status eigen(drift_context *ctx, char job, size_t d, double *a,
                          double *values)
{
    lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, 'U', (lapack_int)d,
                                     a, (lapack_int)d, values);
    if (info != 0)
        return ERROR(ctx, DRIFT_ERROR_NUMBER,
                     "the eigenvalues of a covariance did not converge "
                     "(LAPACK dsyevd: %d)",
                     (int)info);
    return DRIFT_OK;
}

drift_status frechet_distance(drift_context *ctx, size_t d,
                              const double *mean1, const double *covariance1,
                              const double *mean2, const double *covariance2,
                              double *out)
{
    drift_status status = DRIFT_OK;
    size_t n = d * d;
    double *vectors = mem_alloc(ctx, n, sizeof *vectors);
    double *root = mem_alloc(ctx, n, sizeof *root);
    double *product = mem_alloc(ctx, n, sizeof *product);
    double *inner = mem_alloc(ctx, n, sizeof *inner);
    double *values = mem_alloc(ctx, d, sizeof *values);
    if (!vectors || !root || !product || !inner || !values) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    memcpy(vectors, covariance1, n * sizeof *vectors);
    TRY(eigen(ctx, 'V', d, vectors, values));
    /* root = U diag(sqrt(values)) U^T; rounding may leave values below 0. */
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            product[j * d + i] =
                vectors[i * d + j] * sqrt(values[i] > 0 ? values[i] : 0);
    multiply(d, product, vectors, root);
    multiply(d, root, covariance2, product);
    multiply(d, product, root, inner);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            inner[i * d + j] = inner[j * d + i] =
                0.5 * (inner[i * d + j] + inner[j * d + i]);
    TRY(eigen(ctx, 'N', d, inner, values));
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        double gap = mean1[i] - mean2[i];
        sum += gap * gap + covariance1[i * d + i] + covariance2[i * d + i] -
               2 * sqrt(values[i] > 0 ? values[i] : 0);
    }
    *out = sum;
out:
    mem_free(vectors);
    mem_free(root);
    mem_free(product);
    mem_free(inner);
    mem_free(values);
    return status;
}

#else

drift_status frechet_distance(drift_context *ctx, size_t d,
                              const double *mean1, const double *covariance1,
                              const double *mean2, const double *covariance2,
                              double *out)
{
    (void)d, (void)mean1, (void)covariance1;
    (void)mean2, (void)covariance2, (void)out;
    return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE,
                 "this build has no LAPACK: no Frechet distance");
}

#endif
