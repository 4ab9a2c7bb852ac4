/* Pass 2 of the field: log-sum-exps of the logits over rows and columns.
 *
 * logit(d) = -d (c1 + c2 d) falls with d, so the largest of a row or column is
 * at its smallest distance, whatever the temperature; sums are kept relative
 * to it. A block gives its rows at once; its columns' sums are merged with
 * those of the blocks before. */
#include <math.h>
#include <string.h>

#include "cpu/field.h"
#include "shared/vexp.h"

/* What a side without a single target is shifted by: no affinity is left. */
#define NONE 1e30

static double logit(const field_run *run, int j, double d)
{
    return -d * ((double)run->c1[j] + (double)run->c2[j] * d);
}

/* logit(d) - logit(ref) without cancellation. */
#define RELATIVE(d, ref, c1, c2)                                               \
    (-((d) - (ref)) * ((c1) + (c2) * ((d) + (ref))))

static CPU_SIMD float least_of(const float *d, size_t n)
{
    float least = INFINITY;
#pragma omp simd reduction(min : least)
    for (size_t t = 0; t < n; t++)
        least = d[t] < least ? d[t] : least;
    return least;
}

static CPU_SIMD float least_weighted(const float *d, const float *w, size_t n)
{
    float least = INFINITY;
#pragma omp simd reduction(min : least)
    for (size_t t = 0; t < n; t++) {
        float e = w[t] > 0 ? d[t] : INFINITY;
        least = e < least ? e : least;
    }
    return least;
}

static CPU_SIMD void least_columns(float *restrict ref, const float *d,
                                   size_t n)
{
    for (size_t t = 0; t < n; t++)
        ref[t] = d[t] < ref[t] ? d[t] : ref[t];
}

static CPU_SIMD float exp_sum(const float *d, size_t n, float ref, float c1,
                              float c2)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++)
        sum += vexp(RELATIVE(d[t], ref, c1, c2));
    return sum;
}

/* A target of weight 0 may lie nearer than ref: it must not overflow. */
static CPU_SIMD float exp_sum_weighted(const float *d, const float *w, size_t n,
                                       float ref, float c1, float c2)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++) {
        float e = RELATIVE(d[t], ref, c1, c2);
        sum += w[t] * vexp(e > 0 ? 0 : e);
    }
    return sum;
}

/* The row's sum, and the row's share of the columns' sums. */
static CPU_SIMD float both_sums(float *restrict part, const float *d,
                                const float *ref, size_t n, float row_ref,
                                float c1, float c2)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++) {
        sum += vexp(RELATIVE(d[t], row_ref, c1, c2));
        part[t] += vexp(RELATIVE(d[t], ref[t], c1, c2));
    }
    return sum;
}

/* Move a sum from one reference to a smaller one. */
static double rescaled(const field_run *run, int j, double sum, float from,
                       float to)
{
    return sum > 0 ? sum * exp(logit(run, j, from) - logit(run, j, to)) : 0;
}

static void shift_tile(const field_run *run, field_worker *w,
                       const field_task *task, int side, size_t first,
                       size_t last)
{
    size_t ld, n = last - first, rows = task->last - task->first;
    const float *d = field_tile(run, w, task, first, last, &ld);
    int columns = run->args.normalization == FIELD_XY;
    int weighted = run->args.normalization == FIELD_SEPARATE;
    if (weighted)
        field_weights(run, w, task->g, first, last);
    if (columns) {
        memcpy(w->ref + first, d, n * sizeof *d);
        for (size_t i = 1; i < rows; i++)
            least_columns(w->ref + first, d + i * ld, n);
        for (int j = 0; j < run->temperatures; j++)
            memset(w->part + (size_t)j * run->t + first, 0, n * sizeof *d);
    }
    for (size_t i = 0; i < rows; i++) {
        const float *row = d + i * ld;
        float least =
            weighted ? least_weighted(row, w->weight, n) : least_of(row, n);
        float *kept = w->least + (size_t)side * run->rb + i;
        float old = *kept;
        float ref = least < old ? least : old;
        float at = ref < INFINITY ? ref : 0;
        *kept = ref;
        for (int j = 0; j < run->temperatures; j++) {
            float c1 = run->c1[j], c2 = run->c2[j], sum;
            double *total =
                w->sum +
                ((size_t)side * (size_t)run->temperatures + (size_t)j) *
                    run->rb +
                i;
            if (columns)
                sum = both_sums(w->part + (size_t)j * run->t + first, row,
                                w->ref + first, n, at, c1, c2);
            else if (weighted)
                sum = exp_sum_weighted(row, w->weight, n, at, c1, c2);
            else
                sum = exp_sum(row, n, at, c1, c2);
            if (ref < old)
                *total = rescaled(run, j, *total, old, ref);
            *total += (double)sum;
        }
    }
}

static double log_add(double a, double b)
{
    double most = a > b ? a : b, least = a > b ? b : a;
    return most + log1p(exp(least - most));
}

/* Rows: what the normalisation subtracts, from the sums of both sides. */
static void finish_rows(const field_run *run, field_worker *w,
                        const field_task *task, field_shift *shift)
{
    size_t rows = task->last - task->first, nr = (size_t)run->temperatures;
    size_t at = run->blocks == 1 ? 0 : task->first;
    int separate = run->args.normalization == FIELD_SEPARATE;
    for (int j = 0; j < run->temperatures; j++) {
        float *out[2] = {field_row_shift(run, shift, 0, j) + at,
                         field_row_shift(run, shift, 1, j) + at};
        for (size_t i = 0; i < rows; i++) {
            double lse[2];
            for (size_t s = 0; s < 2; s++) {
                double sum = w->sum[(s * nr + (size_t)j) * run->rb + i];
                /* A masked self pair alone is no target. */
                float least = w->least[s * run->rb + i];
                lse[s] = logit(run, j, (double)least) + log(sum);
                if (least >= .1f * run->masked)
                    lse[s] = separate ? NONE : lse[s];
            }
            if (separate) {
                out[0][i] = (float)lse[0];
                out[1][i] = (float)lse[1];
                continue;
            }
            double all = run->side[1] ? log_add(lse[0], lse[1]) : lse[1];
            out[0][i] = out[1][i] =
                (float)(run->args.normalization == FIELD_XY ? all / 2 : all);
        }
    }
}

/* The block's rows into shift; its columns into w->ref and w->part. */
static void shift_block(const field_run *run, field_worker *w,
                        const field_task *task, field_shift *shift)
{
    size_t rows = task->last - task->first;
    size_t count = 2 * (size_t)run->temperatures * run->rb;
    memset(w->sum, 0, count * sizeof *w->sum);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < rows; i++)
            w->least[(size_t)side * run->rb + i] = INFINITY;
        for (size_t c = run->side[side], next; c < run->side[side + 1];
             c = next) {
            next = field_step(run, (size_t)side, c);
            shift_tile(run, w, task, side, c, next);
        }
    }
    finish_rows(run, w, task, shift);
}

static CPU_SIMD void merge_sums(double *restrict sum, const float *ref,
                                const float *part, const float *part_ref,
                                size_t n, float c1, float c2)
{
    for (size_t t = 0; t < n; t++) {
        float a = ref[t], b = part_ref[t], least = a < b ? a : b;
        sum[t] = sum[t] * (double)vexp(RELATIVE(a, least, c1, c2)) +
                 (double)(part[t] * vexp(RELATIVE(b, least, c1, c2)));
    }
}

static void merge_columns(const field_run *run, const field_worker *w,
                          field_shift *s)
{
    if (!s->merged) {
        memcpy(s->ref, w->ref, run->t * sizeof *s->ref);
        memset(s->sum, 0, (size_t)run->temperatures * run->t * sizeof *s->sum);
    }
    for (int j = 0; j < run->temperatures; j++)
        merge_sums(s->sum + (size_t)j * run->t, s->ref,
                   w->part + (size_t)j * run->t, w->ref, run->t, run->c1[j],
                   run->c2[j]);
    least_columns(s->ref, w->ref, run->t);
    s->merged = 1;
}

static void finish_column(const field_run *run, field_shift *s, size_t t)
{
    for (int j = 0; j < run->temperatures; j++) {
        size_t at = (size_t)j * run->t + t;
        s->col[at] =
            (float)((logit(run, j, (double)s->ref[t]) + log(s->sum[at])) / 2);
    }
}

static int no_pass(const field_run *run, field_shift *s)
{
    size_t nr = (size_t)run->temperatures;
    size_t rows = run->blocks == 1 ? run->rb : run->n;
    if (run->args.normalization != FIELD_XY)
        memset(s->col, 0, nr * run->t * sizeof *s->col);
    if (run->args.normalization != FIELD_NONE)
        return 0;
    for (int side = 0; side < 2; side++)
        memset(s->row[side], 0, nr * rows * sizeof(float));
    return 1;
}

void field_shift_alone(const field_run *run, field_worker *w,
                       const field_task *task)
{
    field_shift *s = &w->own;
    s->merged = 0;
    if (no_pass(run, s))
        return;
    shift_block(run, w, task, s);
    if (run->args.normalization != FIELD_XY)
        return;
    merge_columns(run, w, s);
    for (size_t t = 0; t < run->t; t++)
        finish_column(run, s, t);
}

void field_shift_group(field_run *run, size_t g)
{
    field_shift *s = &run->shared;
    s->merged = 0;
    if (no_pass(run, s))
        return;
#pragma omp parallel num_threads(run->workers)
    {
        field_worker *w = field_here(run);
#pragma omp for ordered schedule(dynamic, 1)
        for (size_t b = 0; b < run->blocks; b++) {
            field_task task = field_task_of(run, g, b);
            field_forget(w);
            shift_block(run, w, &task, s);
#pragma omp ordered
            {
                if (run->args.normalization == FIELD_XY)
                    merge_columns(run, w, s);
            }
        }
        if (run->args.normalization == FIELD_XY) {
#pragma omp for
            for (size_t t = 0; t < run->t; t++)
                finish_column(run, s, t);
        }
    }
}
