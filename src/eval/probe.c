/* See probe.h. */
#include "eval/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/distances.h"

/* Locations of a family that distances are looked at. */
#define LOCATIONS 4

/* The nearest other sample of sample i. */
static size_t neighbour(const float *gap, size_t n, size_t i)
{
    size_t best = i ? 0 : 1;
    for (size_t k = 0; k < n; k++)
        if (k != i && gap[i * n + k] < gap[i * n + best])
            best = k;
    return best;
}

/* Means of the classes [classes,d], and how many samples each has. */
static void class_means(const float *x, size_t n, size_t d, const int *labels,
                        int classes, float *mean, size_t *count)
{
    memset(mean, 0, (size_t)classes * d * sizeof *mean);
    memset(count, 0, (size_t)classes * sizeof *count);
    for (size_t i = 0; i < n; i++)
        count[labels[i]]++;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)labels[i];
        for (size_t k = 0; k < d; k++)
            mean[at * d + k] += x[i * d + k] / (float)count[at];
    }
}

/* A sample is n/(n-1) times as far from its class's mean when it does not
 * count to it. */
static int at_own_mean(const float *gap, int classes, int label,
                       const size_t *count)
{
    double own = count[label] > 1 ? (double)gap[label] * (double)count[label] /
                                        (double)(count[label] - 1)
                                  : INFINITY;
    for (int k = 0; k < classes; k++)
        if (k != label && count[k] && (double)gap[k] <= own)
            return 0;
    return isfinite(own);
}

static drift_status by_class_mean(drift_context *ctx, const float *x, size_t n,
                                  size_t d, const int *labels, int classes,
                                  double *share)
{
    drift_status status = DRIFT_OK;
    size_t k = (size_t)classes, right = 0;
    float *mean = mem_alloc(ctx, k * d, sizeof *mean);
    float *gap = mem_alloc(ctx, n * k, sizeof *gap);
    size_t *count = mem_alloc(ctx, k, sizeof *count);
    if (!mean || !gap || !count) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    class_means(x, n, d, labels, classes, mean, count);
    TRY(distances(ctx, x, n, mean, k, d, gap));
    for (size_t i = 0; i < n; i++)
        right += (size_t)at_own_mean(gap + i * k, classes, labels[i], count);
    *share = (double)right / (double)n;
out:
    mem_free(count);
    mem_free(gap);
    mem_free(mean);
    return status;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Add what the distances of one location say. `pairs` has room for all. */
static void add_spread(const float *gap, size_t n, const int *labels,
                       float *pairs, double weight, probe_result *r)
{
    double sum[2] = {0}, count[2] = {0}, nearest = 0;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        nearest += (double)gap[i * n + neighbour(gap, n, i)] / (double)n;
        for (size_t k = 0; k < i; k++) {
            int same = labels[i] == labels[k];
            pairs[used++] = gap[i * n + k];
            sum[same] += (double)gap[i * n + k];
            count[same]++;
        }
    }
    double mean = (sum[0] + sum[1]) / (double)used;
    double by = mean > 0 ? weight / mean : 0;
    qsort(pairs, used, sizeof *pairs, by_size);
    r->within += count[1] > 0 ? weight * sum[1] / count[1] : 0;
    r->between += count[0] > 0 ? weight * sum[0] / count[0] : 0;
    r->low += by * (double)pairs[used / 100];
    r->median += by * (double)pairs[used / 2];
    r->share += by * nearest;
}

drift_status probe_family(drift_context *ctx, const float *values, size_t n,
                          size_t f, size_t c, const int *labels, int classes,
                          probe_result *out)
{
    drift_status status = DRIFT_OK;
    size_t right = 0, places = f < LOCATIONS ? f : LOCATIONS;
    float *gap = mem_alloc(ctx, n * n, sizeof *gap);
    float *pairs = mem_alloc(ctx, n * (n - 1) / 2, sizeof *pairs);
    float *place = mem_alloc(ctx, n * c, sizeof *place);
    *out = (probe_result){0};
    if (!gap || !pairs || !place) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(distances(ctx, values, n, values, n, f * c, gap));
    for (size_t i = 0; i < n; i++)
        right += labels[neighbour(gap, n, i)] == labels[i];
    out->nearest = (double)right / (double)n;
    TRY(by_class_mean(ctx, values, n, f * c, labels, classes,
                      &out->class_mean));
    for (size_t p = 0; p < places; p++) {
        size_t at = (2 * p + 1) * f / (2 * places); /* evenly over all */
        for (size_t i = 0; i < n; i++)
            memcpy(place + i * c, values + (i * f + at) * c, c * sizeof *place);
        TRY(distances(ctx, place, n, place, n, c, gap));
        add_spread(gap, n, labels, pairs, 1 / (double)places, out);
    }
out:
    mem_free(place);
    mem_free(pairs);
    mem_free(gap);
    return status;
}
