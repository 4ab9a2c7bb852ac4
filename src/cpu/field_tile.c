/* Tiles of the field: centred coordinates, weights, distances.
 *
 * |x-y|^2 = |x|^2 + |y|^2 - 2 x.y after subtracting the group's mean, which
 * takes away the cancellation of points far from the origin; near pairs are
 * computed again directly (row.h, method.md section 2). */
#include <math.h>
#include <string.h>

#include "cpu/field.h"

const float *field_target(const field_run *run, size_t g, size_t t)
{
    if (t < run->k)
        return run->gen + (g * run->k + t) * run->d;
    if (t < run->side[1])
        return run->neg + (g * run->m + t - run->k) * run->d;
    return run->pos + (g * run->p + t - run->side[1]) * run->d;
}

static const float *row_of(const field_run *run, size_t g, size_t i)
{
    return run->x + (g * run->n + i) * run->d;
}

void field_weights(const field_run *run, field_worker *w, size_t g,
                   size_t first, size_t last)
{
    for (size_t t = first; t < last; t++) {
        float value = 1;
        if (t < run->k)
            value = run->w_gen ? run->w_gen[g * run->k + t] : 1;
        else if (t < run->side[1])
            value = run->w_neg ? run->w_neg[g * run->m + t - run->k] : 1;
        else if (run->w_pos)
            value = run->w_pos[g * run->p + t - run->side[1]];
        w->weight[t - first] = value;
    }
}

/* Targets of a tile of `side` that begins at `first`: where it ends. */
size_t field_step(const field_run *run, size_t side, size_t first)
{
    return least(first + run->ct, run->side[side + 1]);
}

void field_forget(field_worker *w)
{
    w->dist_first = w->dist_last = w->y_first = w->y_last = 0;
}

/* The mean of all targets, and of queries that are none, over coordinates
 * first ... last. Any point near them would do. */
void field_centre(const field_run *run, size_t g, size_t first, size_t last,
                  double *mean, float *centre)
{
    size_t own = run->args.queries_are_targets ? 0 : run->n;
    for (size_t j = first; j < last; j++)
        mean[j] = 0;
    for (size_t t = 0; t < run->t; t++)
        row_sum(mean + first, field_target(run, g, t) + first, last - first);
    for (size_t i = 0; i < own; i++)
        row_sum(mean + first, row_of(run, g, i) + first, last - first);
    for (size_t j = first; j < last; j++)
        centre[j] = (float)(mean[j] / (double)(run->t + own));
}

/* out = point - centre; returns its squared norm. */
static CPU_SIMD double subtract(float *restrict out, const float *point,
                                const float *centre, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        out[j] = point[j] - centre[j];
        sum += (double)out[j] * (double)out[j];
    }
    return sum;
}

void field_rows(const field_run *run, field_worker *w, const field_task *task,
                size_t at, size_t len)
{
    for (size_t i = task->first; i < task->last; i++)
        w->xn[i - task->first] =
            subtract(w->x + (i - task->first) * len,
                     row_of(run, task->g, i) + at, task->centre + at, len);
}

/* When all targets fit into the window they are loaded once. */
static void window(const field_run *run, size_t *first, size_t *last)
{
    if (run->t <= run->ct) {
        *first = 0;
        *last = run->t;
    }
}

const float *field_targets(const field_run *run, field_worker *w,
                           const field_task *task, size_t first, size_t last,
                           size_t at, size_t len)
{
    size_t from = first;
    window(run, &first, &last);
    if (w->y_first != first || w->y_last != last || w->y_at != at) {
        for (size_t t = first; t < last; t++)
            w->yn[t - first] = subtract(w->y + (t - first) * len,
                                        field_target(run, task->g, t) + at,
                                        task->centre + at, len);
        w->y_first = first;
        w->y_last = last;
        w->y_at = at;
    }
    return w->y + (from - first) * len;
}

/* dot[t] becomes |x|^2 + |y|^2 - 2 dot; returns how many are near. */
static CPU_SIMD int square_row(float *restrict dot, const float *restrict norm,
                               float xx, size_t n)
{
    int near = 0;
#pragma omp simd reduction(+ : near)
    for (size_t t = 0; t < n; t++) {
        float sum = xx + norm[t];
        float d2 = sum - 2 * dot[t];
        dot[t] = d2;
        near += d2 < DISTANCE_NEAR * sum;
    }
    return near;
}

static CPU_SIMD void root_row(float *d, float floor, size_t n)
{
    for (size_t t = 0; t < n; t++)
        d[t] = sqrtf(d[t] < floor ? floor : d[t]); /* keeps NaN */
}

/* y [d][ld] holds the targets' coordinates one after the other. */
static CPU_SIMD void direct_row(float *restrict out, const float *restrict y,
                                size_t ld, const float *x, size_t d, size_t n)
{
    for (size_t t = 0; t < n; t++)
        out[t] = 0;
    for (size_t j = 0; j < d; j++)
        for (size_t t = 0; t < n; t++) {
            float e = x[j] - y[j * ld + t];
            out[t] += e * e;
        }
}

const float *field_transposed(const field_run *run, field_worker *w,
                              const field_task *task, size_t first, size_t last)
{
    size_t from = first;
    window(run, &first, &last);
    if (w->y_first == first && w->y_last == last)
        return w->y + (from - first);
    for (size_t t = first; t < last; t++) {
        const float *y = field_target(run, task->g, t);
        for (size_t j = 0; j < run->d; j++)
            w->y[j * run->ct + t - first] = y[j];
    }
    w->y_first = first;
    w->y_last = last;
    return w->y + (from - first);
}

static void dots(const field_run *run, field_worker *w, const field_task *task,
                 size_t first, size_t last, float *dst, size_t ld)
{
    size_t rows = task->last - task->first, cols = last - first;
    for (size_t i = 0; i < rows; i++)
        w->xx[i] = 0;
    for (size_t t = 0; t < cols; t++)
        w->yy[t] = 0;
    for (size_t at = 0; at < run->d; at += run->dc) {
        size_t len = least(run->dc, run->d - at);
        field_rows(run, w, task, at, len);
        const float *y = field_targets(run, w, task, first, last, at, len);
        const double *yn = w->yn + (first - w->y_first);
        cpu_sgemm(0, 1, rows, cols, len, 1, w->x, len, y, len, at ? 1.0f : 0.0f,
                  dst, ld);
        for (size_t i = 0; i < rows; i++)
            w->xx[i] += w->xn[i];
        for (size_t t = 0; t < cols; t++)
            w->yy[t] += yn[t];
    }
    for (size_t t = 0; t < cols; t++)
        w->norm[t] = (float)w->yy[t];
}

void field_distances(const field_run *run, field_worker *w,
                     const field_task *task, size_t first, size_t last,
                     float *dst, size_t ld)
{
    size_t cols = last - first;
    const float *y = NULL;
    if (run->direct)
        y = field_transposed(run, w, task, first, last);
    else
        dots(run, w, task, first, last, dst, ld);
    for (size_t i = task->first; i < task->last; i++) {
        float *row = dst + (i - task->first) * ld;
        const float *x = row_of(run, task->g, i);
        if (run->direct) {
            direct_row(row, y, run->ct, x, run->d, cols);
        } else {
            float xx = (float)w->xx[i - task->first];
            int near = square_row(row, w->norm, xx, cols);
            int self = run->args.queries_are_targets && i >= first && i < last;
            if (self &&
                row[i - first] < DISTANCE_NEAR * (xx + w->norm[i - first]))
                near--;
            for (size_t t = 0; near > 0 && t < cols; t++) {
                if (!(row[t] < DISTANCE_NEAR * (xx + w->norm[t])) ||
                    (self && first + t == i))
                    continue;
                row[t] = row_distance2(x, field_target(run, task->g, first + t),
                                       run->d);
                near--;
            }
        }
        root_row(row, run->floor, cols);
        if (run->args.queries_are_targets && i >= first && i < last)
            row[i - first] = run->scaled ? run->masked : sqrtf(run->floor);
    }
}

/* Where a tile lies in the kept distances of a block: tiles are contiguous, so
 * that they can be read as streams. */
static float *tile_in(const field_run *run, float *kept, const field_task *task,
                      size_t first, size_t last, size_t *ld)
{
    if (run->t <= run->ct) {
        *ld = run->t;
        return kept + first;
    }
    *ld = last - first;
    return kept + (task->last - task->first) * first;
}

float *field_kept(const field_run *run, const field_task *task, size_t first,
                  size_t last, size_t *ld)
{
    float *kept = run->dist + (task->g * run->n + task->first) * run->t;
    return tile_in(run, kept, task, first, last, ld);
}

/* A strip fills in order: every task begins with its first tile. */
const float *field_tile(const field_run *run, field_worker *w,
                        const field_task *task, size_t first, size_t last,
                        size_t *ld)
{
    if (run->dist)
        return field_kept(run, task, first, last, ld);
    float *d = w->dist;
    *ld = run->ct;
    if (run->strip)
        d = tile_in(run, d, task, first, last, ld);
    if (first < w->dist_first || last > w->dist_last) {
        field_distances(run, w, task, first, last, d, *ld);
        w->dist_first = run->strip ? 0 : first;
        w->dist_last = last;
    }
    return d;
}
