/* Mean and covariance: see moments.h. */
#include "eval/moments.h"

#include <string.h>

#include "base/mem.h"
#include "cpu/cpu.h"

/* Samples that are multiplied together; the sums are the same however many
 * come in a call but for rounding. */
#define PIECE ((size_t)512)

drift_status moments_new(drift_context *ctx, size_t d, moments *out)
{
    *out = (moments){.d = d};
    out->about = mem_alloc(ctx, d, sizeof *out->about);
    out->mean = mem_alloc(ctx, d, sizeof *out->mean);
    out->covariance = mem_alloc(ctx, d, d * sizeof *out->covariance);
    if (!out->about || !out->mean || !out->covariance) {
        moments_free(out);
        return DRIFT_ERROR_MEMORY;
    }
    memset(out->mean, 0, d * sizeof *out->mean);
    return DRIFT_OK;
}

void moments_free(moments *m)
{
    mem_free(m->about);
    mem_free(m->mean);
    mem_free(m->covariance);
    *m = (moments){0};
}

/* The mean of x [n,d]. */
static void choose_about(moments *m, const float *x, size_t n)
{
    memset(m->about, 0, m->d * sizeof *m->about);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m->d; j++)
            m->about[j] += (double)x[i * m->d + j];
    for (size_t j = 0; j < m->d; j++)
        m->about[j] /= (double)n;
}

drift_status moments_add(drift_context *ctx, moments *m, const float *x,
                         size_t n)
{
    size_t d = m->d, b;
    double *row = mem_alloc(ctx, PIECE < n ? PIECE : n, d * sizeof *row);
    if (!row)
        return DRIFT_ERROR_MEMORY;
    if (!m->n && n)
        choose_about(m, x, n);
    for (size_t first = 0; first < n; first += b) {
        b = n - first < PIECE ? n - first : PIECE;
        for (size_t i = 0; i < b; i++)
            for (size_t j = 0; j < d; j++) {
                row[i * d + j] = (double)x[(first + i) * d + j] - m->about[j];
                m->mean[j] += row[i * d + j];
            }
        cpu_dgemm(1, 0, d, d, b, 1, row, d, row, d, m->n ? 1 : 0, m->covariance,
                  d);
        m->n += b;
    }
    mem_free(row);
    return DRIFT_OK;
}

drift_status moments_finish(drift_context *ctx, moments *m)
{
    size_t d = m->d;
    double n = (double)m->n;
    if (m->n < 2)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "a covariance needs at least 2 samples, not %zu", m->n);
    for (size_t j = 0; j < d; j++)
        m->mean[j] /= n;
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k <= j; k++)
            m->covariance[j * d + k] = m->covariance[k * d + j] =
                (m->covariance[j * d + k] - n * m->mean[j] * m->mean[k]) /
                (n - 1);
    for (size_t j = 0; j < d; j++)
        m->mean[j] += m->about[j];
    return DRIFT_OK;
}

double moments_trace(const moments *m)
{
    double sum = 0;
    for (size_t j = 0; j < m->d; j++)
        sum += m->covariance[j * m->d + j];
    return sum;
}
