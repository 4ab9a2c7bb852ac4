/* Figures: see scores.h. */
#include "eval/scores.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/frechet.h"
#include "eval/kid.h"
#include "eval/manifold.h"

/* As they are published: networks-and-formats.md 4.2. */
#define SUBSETS       100
#define SUBSET        1000
#define SUBSET_SEED   2020
#define RECALL_NEAR   3
#define COVERAGE_NEAR 5

#define FIELD(key, title, percent, better)                                     \
    {                                                                          \
#key, title, offsetof(drift_scores, key), percent, better              \
    }

const drift_score_field *drift_score_fields(void)
{
    static const drift_score_field fields[] = {
        FIELD(accuracy, "of the asked class", 1, 1),
        FIELD(distance, "Frechet distance", 0, -1),
        FIELD(kernel, "kernel distance", 0, -1),
        FIELD(kernel_deviation, "  over subsets +-", 0, 0),
        FIELD(precision, "precision", 1, 1),
        FIELD(recall, "recall", 1, 1),
        FIELD(density, "density", 0, 1),
        FIELD(coverage, "coverage", 1, 1),
        FIELD(score, "Inception Score", 0, 1),
        FIELD(score_deviation, "  over parts +-", 0, 0),
        FIELD(diversity, "diversity in a class", 0, 0),
        FIELD(chi_square, "chi-square of classes", 0, -1),
        FIELD(vote, "3 nearest of the class", 1, 1),
        FIELD(nearest, "to the nearest, levels", 0, 0),
        FIELD(energy, "energy distance", 0, -1),
        FIELD(sliced, "sliced Wasserstein-2", 0, -1),
        {NULL, NULL, 0, 0, 0}};
    return fields;
}

double drift_score_value(const drift_scores *s, const drift_score_field *f)
{
    return *(const double *)(const void *)((const char *)s + f->offset);
}

double drift_score_rank(const drift_scores *s)
{
    return !isnan(s->distance) ? s->distance
           : !isnan(s->kernel) ? s->kernel
                               : s->energy;
}

drift_scores scores_none(void)
{
    drift_scores s = {0};
    for (const drift_score_field *f = drift_score_fields(); f->key; f++)
        *(double *)(void *)((char *)&s + f->offset) = NAN;
    return s;
}

/* An error that only means that there is no such figure. */
static drift_status without(drift_context *ctx, drift_status status,
                            const char *figure)
{
    if (status != DRIFT_ERROR_UNAVAILABLE && status != DRIFT_ERROR_SHAPE)
        return status;
    log_warning(ctx, "no %s: %s", figure, drift_error_text(ctx));
    drift_error_clear(ctx);
    return DRIFT_OK;
}

/* Mean variance of the features within a class, summed over the features. */
static double variance_within(drift_context *ctx, const look *l,
                              drift_status *status)
{
    size_t d = l->moments.d, classes = 1, more = 0;
    double sum = 0;
    for (size_t i = 0; i < l->kept; i++)
        if ((size_t)l->labels[i] >= classes)
            classes = (size_t)l->labels[i] + 1;
    double *mean = mem_alloc(ctx, classes, d * sizeof *mean);
    size_t *count = mem_alloc(ctx, classes, sizeof *count);
    if (!mean || !count) {
        *status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    memset(mean, 0, classes * d * sizeof *mean);
    memset(count, 0, classes * sizeof *count);
    for (size_t i = 0; i < l->kept; i++) {
        count[l->labels[i]]++;
        for (size_t k = 0; k < d; k++)
            mean[(size_t)l->labels[i] * d + k] +=
                (double)l->features[i * d + k];
    }
    for (size_t c = 0; c < classes; c++)
        for (size_t k = 0; k < d && count[c]; k++)
            mean[c * d + k] /= (double)count[c];
    for (size_t i = 0; i < l->kept; i++) {
        const double *m = mean + (size_t)l->labels[i] * d;
        for (size_t k = 0; k < d; k++) {
            double gap = (double)l->features[i * d + k] - m[k];
            sum += gap * gap;
        }
    }
    for (size_t c = 0; c < classes; c++)
        more += count[c] > 1 ? count[c] - 1 : 0;
out:
    mem_free(mean);
    mem_free(count);
    return more ? sum / (double)more : NAN;
}

/* Of the classes images are taken for: beside those asked for where they are
 * the network's, else beside the shares of real images. */
static double chi_square(const look *x, const look *real, int alike)
{
    double sum = 0;
    if (!real->count)
        return NAN;
    for (size_t k = 0; k < x->classes; k++) {
        double expected =
            alike && !isnan(x->accuracy)
                ? x->asked[k]
                : real->taken[k] * (double)x->count / (double)real->count;
        double gap = x->taken[k] - expected;
        if (expected > 0)
            sum += gap * gap / expected;
        else
            return NAN; /* not all classes were asked for */
    }
    return x->classes ? sum : NAN;
}

drift_status scores_of(drift_context *ctx, const look *x, const look *real,
                       int alike, int quick, drift_scores *out)
{
    drift_status status = DRIFT_OK;
    size_t d = x->moments.d;
    kid_result kid = {.mean = NAN, .deviation = NAN};
    manifold_result near = {NAN, NAN, NAN, NAN};
    *out = scores_none();
    out->count = x->count;
    if (alike)
        out->accuracy = x->accuracy;
    out->score = x->score;
    out->score_deviation = x->score_deviation;
    out->chi_square = chi_square(x, real, alike);
    if (alike)
        out->diversity = sqrt(variance_within(ctx, x, &status) /
                              variance_within(ctx, real, &status));
    TRY(status);
    TRY(without(
        ctx, frechet_distance(ctx, &x->moments, &real->moments, &out->distance),
        "Frechet distance"));
    if (!real->kept)
        goto out; /* their moments are all that is known of them */
    TRY(without(ctx,
                kid_subsets(ctx, real->features, real->kept, x->features,
                            x->kept, d, SUBSETS, SUBSET, SUBSET_SEED, &kid),
                "kernel distance"));
    out->kernel = kid.mean;
    out->kernel_deviation = kid.deviation;
    if (quick)
        goto out;
    TRY(without(ctx,
                manifold(ctx, real->features, real->kept, x->features, x->kept,
                         d, RECALL_NEAR, COVERAGE_NEAR, &near),
                "precision"));
    out->precision = near.precision;
    out->recall = near.recall;
    out->density = near.density;
    out->coverage = near.coverage;
out:
    return status;
}
