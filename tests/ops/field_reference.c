/* See field_reference.h. Follows the numbered steps of method.md section 2. */
#include "field_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/field.h"

typedef struct work {
    const field_problem *p;
    size_t t, neg;        /* targets, and how many are negatives */
    double *dist;         /* [g][n][t] */
    double *w;            /* [g][t] */
    double *l, *a;        /* [n][t] of one group */
    double *f;            /* [g][n][d] */
    double *ess;          /* [g][n] */
    double *lr, *lc, *ls; /* [n], [t], [n][2]: see sums() */
    double unit, s;
} work;

static const double *target(const work *w, size_t g, size_t t)
{
    const field_problem *p = w->p;
    if (t < p->k)
        return p->gen + (g * p->k + t) * p->d;
    if (t < w->neg)
        return p->neg + (g * p->m + t - p->k) * p->d;
    return p->pos + (g * p->p + t - w->neg) * p->d;
}

static double weight(const work *w, size_t g, size_t t)
{
    const field_problem *p = w->p;
    if (t < p->k)
        return p->w_gen ? p->w_gen[g * p->k + t] : 1;
    if (t < w->neg)
        return p->w_neg ? p->w_neg[g * p->m + t - p->k] : 1;
    return p->w_pos ? p->w_pos[g * p->p + t - w->neg] : 1;
}

/* Step 1. The toy has no floor. */
static void distances(work *w)
{
    const field_problem *p = w->p;
    double floor = p->args.variant == FIELD_TOY ? 0 : 1e-8;
    for (size_t g = 0; g < p->g; g++)
        for (size_t t = 0; t < w->t; t++) {
            const double *y = target(w, g, t);
            w->w[g * w->t + t] = weight(w, g, t);
            for (size_t i = 0; i < p->n; i++) {
                const double *x = p->x + (g * p->n + i) * p->d;
                double sum = 0;
                for (size_t j = 0; j < p->d; j++)
                    sum += (x[j] - y[j]) * (x[j] - y[j]);
                w->dist[(g * p->n + i) * w->t + t] = sqrt(fmax(sum, floor));
            }
        }
}

/* Step 2. */
static double scale_of(const work *w)
{
    const field_problem *p = w->p;
    double sum = 0, all = 0;
    for (size_t g = 0; g < p->g; g++)
        for (size_t t = 0; t < w->t; t++) {
            all += w->w[g * w->t + t];
            for (size_t i = 0; i < p->n; i++)
                sum += w->dist[(g * p->n + i) * w->t + t] * w->w[g * w->t + t];
        }
    return sum / (double)(p->g * p->n * w->t) / (all / (double)(p->g * w->t));
}

/* Step 4 and the logits of step 5. */
static void logits(work *w, size_t g, double r)
{
    const field_problem *p = w->p;
    int strict = p->args.variant != FIELD_RELEASE ||
                 p->args.normalization == FIELD_SEPARATE ||
                 p->args.normalization == FIELD_SINKHORN;
    for (size_t i = 0; i < p->n; i++)
        for (size_t t = 0; t < w->t; t++) {
            double d = w->dist[(g * p->n + i) * w->t + t] / w->unit;
            int self = p->args.queries_are_targets && t == i;
            if (self)
                d += strict ? 1e9 : 100;
            w->l[i * w->t + t] =
                p->args.shape == FIELD_LAPLACE ? -d / r : -d * d / (2 * r * r);
        }
}

/* log-sum-exp of n numbers `step` apart, plus log w when given. */
static double lse(const double *l, const double *w, size_t n, size_t step)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        if ((!w || w[i] > 0) && l[i * step] > most)
            most = l[i * step];
    for (size_t i = 0; i < n; i++)
        if (!w || w[i] > 0)
            sum += (w ? w[i] : 1) * exp(l[i * step] - most);
    return most + log(sum);
}

static int masked(const work *w, size_t i, size_t t)
{
    return w->p->args.queries_are_targets && t == i;
}

/* The coupling of one side: 20 iterations that end on the rows. */
static void sinkhorn(work *w, size_t g, size_t first, size_t last)
{
    size_t n = w->p->n, t = w->t, count = last - first;
    double *f = calloc(n, sizeof *f), *h = calloc(t, sizeof *h);
    double *one = calloc(n + count, sizeof *one), all = 0;
    if (!f || !h || !one)
        abort();
    for (size_t j = first; j < last; j++)
        all += w->w[g * t + j];
    for (int round = 0; round < 20; round++) {
        for (size_t j = first; j < last; j++) {
            int any = 0;
            for (size_t i = 0; i < n; i++) {
                any |= !masked(w, i, j) && isfinite(f[i]);
                one[i] = masked(w, i, j) ? -INFINITY : w->l[i * t + j] + f[i];
            }
            double share = (double)n * w->w[g * t + j] / all;
            h[j] = any && share > 0 ? log(share) - lse(one, NULL, n, 1)
                                    : -INFINITY;
        }
        for (size_t i = 0; i < n; i++) {
            int any = 0;
            for (size_t j = first; j < last; j++) {
                any |= !masked(w, i, j) && isfinite(h[j]);
                one[j - first] =
                    masked(w, i, j) ? -INFINITY : w->l[i * t + j] + h[j];
            }
            f[i] = any ? -lse(one, NULL, count, 1) : -INFINITY;
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = first; j < last; j++)
            w->a[i * t + j] =
                masked(w, i, j) ? 0 : exp(w->l[i * t + j] + f[i] + h[j]);
    free(f);
    free(h);
    free(one);
}

/* What a softmax over rows, columns and sides divides by, in logarithms. */
static void sums(work *w, size_t g)
{
    const field_problem *p = w->p;
    size_t n = p->n, t = w->t;
    const double *weights = w->w + g * t;
    for (size_t j = 0; j < t; j++)
        w->lc[j] = lse(w->l + j, NULL, n, t);
    for (size_t i = 0; i < n; i++) {
        double *row = w->l + i * t;
        w->lr[i] = lse(row, NULL, t, 1);
        double keep = p->args.queries_are_targets ? row[i] : 0;
        if (p->args.queries_are_targets)
            row[i] = -INFINITY;
        w->ls[2 * i] = lse(row, weights, w->neg, 1);
        w->ls[2 * i + 1] = lse(row + w->neg, weights + w->neg, t - w->neg, 1);
        if (p->args.queries_are_targets)
            row[i] = keep;
    }
}

static double affinity(const work *w, size_t g, size_t i, size_t j)
{
    const field_args *args = &w->p->args;
    double l = w->l[i * w->t + j], weight = w->w[g * w->t + j];
    double a, side = w->ls[2 * i + (j >= w->neg)];
    switch (args->normalization) {
    case FIELD_XY:
        a = w->lr[i] + w->lc[j];
        if (args->variant == FIELD_TOY)
            a = fmax(a, log(1e-12));
        a = exp(l - a / 2);
        return weight * (args->variant == FIELD_RELEASE ? fmax(a, 1e-3) : a);
    case FIELD_Y:
        return weight * exp(l - w->lr[i]);
    case FIELD_NONE:
        return weight * exp(l);
    default:
        if (masked(w, i, j) || !(weight > 0) || !isfinite(side))
            return 0;
        return exp(l + log(weight) - side);
    }
}

/* Step 5: a of one group. */
static void affinities(work *w, size_t g)
{
    if (w->p->args.normalization == FIELD_SINKHORN) {
        if (w->neg)
            sinkhorn(w, g, 0, w->neg);
        sinkhorn(w, g, w->neg, w->t);
        return;
    }
    sums(w, g);
    for (size_t i = 0; i < w->p->n; i++)
        for (size_t j = 0; j < w->t; j++)
            w->a[i * w->t + j] = affinity(w, g, i, j);
}

/* F of one group into w->f, and the ESS of its rows. */
static void force(work *w, size_t g)
{
    const field_problem *p = w->p;
    int cross = p->args.normalization < FIELD_SEPARATE;
    for (size_t i = 0; i < p->n; i++) {
        const double *a = w->a + i * w->t, *x = p->x + (g * p->n + i) * p->d;
        double *f = w->f + (g * p->n + i) * p->d;
        double sn = 0, sp = 0, squares = 0;
        for (size_t t = 0; t < w->neg; t++)
            sn += a[t];
        for (size_t t = w->neg; t < w->t; t++) {
            sp += a[t];
            squares += a[t] * a[t];
        }
        w->ess[g * p->n + i] = squares > 0 ? sp * sp / squares : 0;
        memset(f, 0, p->d * sizeof *f);
        for (size_t t = 0; t < w->t; t++) {
            const double *y = target(w, g, t);
            double c =
                t < w->neg
                    ? -a[t] * (double)p->args.repulsion * (cross ? sp : 1)
                    : a[t] * (double)p->args.attraction * (cross ? sn : 1);
            for (size_t j = 0; j < p->d; j++)
                f[j] += c * (y[j] - x[j]) / w->s;
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ess_stats(const work *w, double *mean, double *low)
{
    size_t n = w->p->g * w->p->n;
    double sum = 0, at = .1 * (double)(n - 1);
    qsort(w->ess, n, sizeof *w->ess, by_value);
    for (size_t i = 0; i < n; i++)
        sum += w->ess[i];
    *mean = sum / (double)n;
    size_t i = (size_t)at;
    double next = i + 1 < n ? w->ess[i + 1] : w->ess[i];
    *low = w->ess[i] + (at - (double)i) * (next - w->ess[i]);
}

int field_reference(const field_problem *p, double *v, double *loss,
                    double *stats)
{
    work w = {.p = p, .t = p->k + p->m + p->p, .neg = p->k + p->m};
    size_t count = p->g * p->n * p->d;
    int nr = p->args.temperatures, ok = 0;
    w.dist = calloc(p->g * p->n * w.t, sizeof *w.dist);
    w.w = calloc(p->g * w.t, sizeof *w.w);
    w.l = calloc(p->n * w.t, sizeof *w.l);
    w.a = calloc(p->n * w.t, sizeof *w.a);
    w.f = calloc(count, sizeof *w.f);
    w.ess = calloc(p->g * p->n, sizeof *w.ess);
    w.lr = calloc(p->n, sizeof *w.lr);
    w.lc = calloc(w.t, sizeof *w.lc);
    w.ls = calloc(2 * p->n, sizeof *w.ls);
    if (!w.dist || !w.w || !w.l || !w.a || !w.f || !w.ess || !w.lr || !w.lc ||
        !w.ls)
        goto out;
    int toy = p->args.variant == FIELD_TOY;
    int scaled = p->args.scale_features && !toy;
    distances(&w);
    double scale = stats[FIELD_STAT_SCALE] = scale_of(&w);
    w.unit = scaled ? fmax(scale, 1e-3) : 1;
    w.s = scaled ? fmax(scale / sqrt((double)p->d), 1e-3) : 1;
    for (size_t i = 0; i < count; i++)
        v[i] = 0;
    for (int r = 0; r < nr; r++) {
        double squares = 0;
        for (size_t g = 0; g < p->g; g++) {
            logits(&w, g, (double)p->args.r[r]);
            affinities(&w, g);
            force(&w, g);
        }
        for (size_t i = 0; i < count; i++)
            squares += w.f[i] * w.f[i];
        double m = squares / (double)count;
        double k = p->args.scale_drift && !toy ? 1 / sqrt(fmax(m, 1e-8)) : 1;
        for (size_t i = 0; i < count; i++)
            v[i] += w.f[i] * k;
        stats[FIELD_STAT_RAW(nr, r)] = m;
        stats[FIELD_STAT_NORMED(nr, r)] = m * k * k;
        ess_stats(&w, &stats[FIELD_STAT_ESS(nr, r)],
                  &stats[FIELD_STAT_ESS10(nr, r)]);
    }
    for (size_t g = 0; g < p->g; g++) {
        double sum = 0;
        for (size_t i = 0; i < p->n * p->d; i++)
            sum += v[g * p->n * p->d + i] * v[g * p->n * p->d + i];
        loss[g] = sum / (double)(p->n * p->d);
    }
    ok = 1;
out:
    free(w.dist);
    free(w.w);
    free(w.l);
    free(w.a);
    free(w.f);
    free(w.ess);
    free(w.lr);
    free(w.lc);
    free(w.ls);
    return ok;
}
