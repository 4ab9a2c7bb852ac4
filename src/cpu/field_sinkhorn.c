/* Pass 2 of the field, normalisation sinkhorn: for each side a coupling
 * exp(l + f + h) of the queries with its targets, brought to row sums 1 and
 * column sums n w/sum(w) by 20 iterations that end on the rows. The shifts of
 * field_shift hold -f and -h. */
#include <math.h>
#include <string.h>

#include "cpu/field.h"
#include "shared/vexp.h"

#define ITERATIONS 20
#define NONE       1e30f /* shift of a row or column that cannot be reached */

static CPU_SIMD void logits(float *restrict z, const float *d, const float *col,
                            float row, size_t n, float c1, float c2)
{
    for (size_t t = 0; t < n; t++)
        z[t] = -d[t] * (c1 + c2 * d[t]) - row - (col ? col[t] : 0);
}

static CPU_SIMD void most_columns(float *restrict ref, const float *z, size_t n)
{
    for (size_t t = 0; t < n; t++)
        ref[t] = z[t] > ref[t] ? z[t] : ref[t];
}

static CPU_SIMD void add_columns(float *restrict part, const float *z,
                                 const float *ref, size_t n)
{
    for (size_t t = 0; t < n; t++)
        part[t] += vexp(z[t] - ref[t]);
}

static CPU_SIMD float most_of(const float *z, size_t n)
{
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t t = 0; t < n; t++)
        most = z[t] > most ? z[t] : most;
    return most;
}

static CPU_SIMD float exp_sum(const float *z, size_t n, float ref)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++)
        sum += vexp(z[t] - ref);
    return sum;
}

/* Logits below this are those of the masked self pair. */
static float unreachable(const field_run *run, int j)
{
    float d = run->masked;
    return -.1f * d * (run->c1[j] + run->c2[j] * d);
}

/* The block's share of the columns' log-sum-exps of l + f: w->ref, w->part. */
static void columns_block(const field_run *run, field_worker *w,
                          const field_task *task, const field_shift *s)
{
    size_t rows = task->last - task->first;
    size_t at = run->blocks == 1 ? 0 : task->first;
    for (int side = 0; side < 2; side++)
        for (size_t c = run->side[side], next, ld; c < run->side[side + 1];
             c = next) {
            next = field_step(run, (size_t)side, c);
            size_t n = next - c;
            const float *d = field_tile(run, w, task, c, next, &ld);
            for (int j = 0; j < run->temperatures; j++) {
                float *ref = w->ref + (size_t)j * run->t + c;
                float *part = w->part + (size_t)j * run->t + c;
                const float *row = field_row_shift(run, s, side, j) + at;
                for (size_t t = 0; t < n; t++) {
                    ref[t] = -INFINITY;
                    part[t] = 0;
                }
                for (size_t i = 0; i < rows; i++) {
                    logits(w->a + i * n, d + i * ld, NULL, row[i], n,
                           run->c1[j], run->c2[j]);
                    most_columns(ref, w->a + i * n, n);
                }
                for (size_t i = 0; i < rows; i++)
                    add_columns(part, w->a + i * n, ref, n);
            }
        }
}

static CPU_SIMD void merge_sums(double *restrict sum, float *restrict ref,
                                const float *part, const float *part_ref,
                                size_t n)
{
    for (size_t t = 0; t < n; t++) {
        float most = ref[t] > part_ref[t] ? ref[t] : part_ref[t];
        sum[t] = sum[t] * (double)vexp(ref[t] - most) +
                 (double)(part[t] * vexp(part_ref[t] - most));
        ref[t] = most;
    }
}

static void merge_columns(const field_run *run, const field_worker *w,
                          field_shift *s)
{
    size_t count = (size_t)run->temperatures * run->t;
    if (!s->merged) {
        memcpy(s->ref, w->ref, count * sizeof *s->ref);
        memset(s->sum, 0, count * sizeof *s->sum);
    }
    merge_sums(s->sum, s->ref, w->part, w->ref, count);
    s->merged = 1;
}

/* h = log(n w/sum(w)) - lse of the column. */
static void finish_columns(const field_run *run, field_worker *w,
                           field_shift *s, size_t g, int side)
{
    double all = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t c = run->side[side], next; c < run->side[side + 1];
             c = next) {
            next = field_step(run, (size_t)side, c);
            field_weights(run, w, g, c, next);
            for (size_t t = c; t < next; t++) {
                double weight = (double)w->weight[t - c];
                if (!pass) {
                    all += weight;
                    continue;
                }
                double share = log((double)run->n * weight / all);
                for (int j = 0; j < run->temperatures; j++) {
                    size_t at = (size_t)j * run->t + t;
                    int none =
                        !(weight > 0) || s->ref[at] < unreachable(run, j);
                    s->col[at] = none ? NONE
                                      : (float)((double)s->ref[at] +
                                                log(s->sum[at]) - share);
                }
            }
        }
}

/* f = -lse of the row of l + h. */
static void rows_block(const field_run *run, field_worker *w,
                       const field_task *task, field_shift *s)
{
    size_t rows = task->last - task->first;
    size_t at = run->blocks == 1 ? 0 : task->first;
    for (int side = 0; side < 2; side++)
        for (int j = 0; j < run->temperatures; j++) {
            float *row = field_row_shift(run, s, side, j) + at;
            for (size_t i = 0; i < rows; i++) {
                w->least[i] = -INFINITY;
                w->sum[i] = 0;
            }
            for (size_t c = run->side[side], next, ld; c < run->side[side + 1];
                 c = next) {
                next = field_step(run, (size_t)side, c);
                const float *d = field_tile(run, w, task, c, next, &ld);
                for (size_t i = 0; i < rows; i++) {
                    logits(w->a, d + i * ld, s->col + (size_t)j * run->t + c, 0,
                           next - c, run->c1[j], run->c2[j]);
                    float most = most_of(w->a, next - c), old = w->least[i];
                    if (most > old) {
                        w->sum[i] *= exp((double)old - (double)most);
                        w->least[i] = most;
                    }
                    w->sum[i] += (double)exp_sum(w->a, next - c, w->least[i]);
                }
            }
            for (size_t i = 0; i < rows; i++)
                row[i] = w->least[i] < unreachable(run, j)
                             ? NONE
                             : (float)((double)w->least[i] + log(w->sum[i]));
        }
}

static void start(const field_run *run, field_shift *s)
{
    size_t rows = run->blocks == 1 ? run->rb : run->n;
    for (int side = 0; side < 2; side++)
        memset(s->row[side], 0,
               (size_t)run->temperatures * rows * sizeof(float));
}

void field_sinkhorn_alone(const field_run *run, field_worker *w,
                          const field_task *task)
{
    field_shift *s = &w->own;
    start(run, s);
    for (int i = 0; i < ITERATIONS; i++) {
        s->merged = 0;
        columns_block(run, w, task, s);
        merge_columns(run, w, s);
        finish_columns(run, w, s, task->g, 0);
        finish_columns(run, w, s, task->g, 1);
        rows_block(run, w, task, s);
    }
}

void field_sinkhorn_group(field_run *run, size_t g)
{
    field_shift *s = &run->shared;
    start(run, s);
    for (int i = 0; i < ITERATIONS; i++) {
        s->merged = 0;
#pragma omp parallel num_threads(run->workers)
        {
            field_worker *w = field_here(run);
#pragma omp for ordered schedule(dynamic, 1)
            for (size_t b = 0; b < run->blocks; b++) {
                field_task task = field_task_of(run, g, b);
                field_forget(w);
                columns_block(run, w, &task, s);
#pragma omp ordered
                merge_columns(run, w, s);
            }
#pragma omp for
            for (int side = 0; side < 2; side++)
                finish_columns(run, w, s, g, side);
#pragma omp for schedule(dynamic, 1)
            for (size_t b = 0; b < run->blocks; b++) {
                field_task task = field_task_of(run, g, b);
                field_forget(w);
                rows_block(run, w, &task, s);
            }
        }
    }
}
