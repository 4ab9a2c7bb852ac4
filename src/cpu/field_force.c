/* Pass 3 of the field: affinities a = exp(logit - row shift - column shift),
 * and with S the sum of a over a row's side
 *     F = cp (sum_pos a y - Sp x) - cn (sum_neg a y - Sn x),
 *     cp = attraction Sn, cn = repulsion Sp   (cross weights), or
 *     cp = attraction, cn = repulsion         (separate, sinkhorn),
 * divided by s. Sums of a y come from products with centred y, which loses
 * digits where pairs that are much nearer than x is to the centre have all the
 * weight: their a (y - x) is added by itself, and so it is for all pairs below
 * DISTANCE_DIRECT. */
#include <math.h>
#include <string.h>

#include "cpu/field.h"
#include "shared/vexp.h"

typedef struct sums {
    double first, second; /* of a, of a^2 */
} sums;

/* Squares of small affinities would underflow in f32; those that are nothing
 * beside any other are 0, because tiny products are slow on many CPUs. */
#define LIFT    0x1p40f
#define NOTHING 1e-30f

/* A target of weight 0 may lie nearer than those the shift comes from: what it
 * is multiplied by must stay finite. */
#define MOST 88.0f

/* a = max(exp(l(d) - max(row + col, least_half)), least) w */
static CPU_SIMD sums affinity_row(float *restrict a, const float *d,
                                  const float *col, const float *w, size_t n,
                                  float row, float c1, float c2,
                                  float least_half, float least)
{
    float first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
    for (size_t t = 0; t < n; t++) {
        float half = row + col[t];
        half = half < least_half ? least_half : half;
        float l = -d[t] * (c1 + c2 * d[t]) - half;
        float e = vexp(l > MOST ? MOST : l);
        e = e < NOTHING ? 0 : e;
        e = (e < least ? least : e) * w[t];
        a[t] = e;
        first += e;
        second += (LIFT * e) * (LIFT * e);
    }
    return (sums){(double)first, (double)second / LIFT / LIFT};
}

static CPU_SIMD float shifted_product(const float *a, const float *y, float x,
                                      size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++)
        sum += a[t] * (y[t] - x);
    return sum;
}

typedef struct pull {
    float pos, pos_x, neg, neg_x; /* F = pos p - pos_x x - neg n + neg_x x */
} pull;

/* v = k F, or v += k F; returns the sum of F^2. */
static CPU_SIMD double combine_row(float *restrict v, int add, float k,
                                   const float *pos, const float *neg,
                                   const float *x, size_t n, pull c)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        float f = (c.pos * pos[j] - c.pos_x * x[j]) -
                  (c.neg * neg[j] - c.neg_x * x[j]);
        sum += (double)f * (double)f;
        v[j] = add ? v[j] + k * f : k * f;
    }
    return sum;
}

static CPU_SIMD int any_near(const float *d, float reach, size_t n)
{
    int near = 0;
#pragma omp simd reduction(+ : near)
    for (size_t t = 0; t < n; t++)
        near += d[t] < reach;
    return near;
}

static CPU_SIMD float sum_of(const float *a, size_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++)
        sum += a[t];
    return sum;
}

/* A tile of targets, and the coordinates that are wanted of them. */
typedef struct tile {
    int side;
    size_t first, last, at, len;
} tile;

/* Near pairs of row i at temperature j: out of a, into acc. */
static void take_near(const field_run *run, field_worker *w,
                      const field_task *task, const tile *c, size_t i, size_t j,
                      const float *d)
{
    size_t rows = task->last - task->first, n = c->last - c->first;
    const float *x =
        run->x + (task->g * run->n + task->first + i) * run->d + c->at;
    float *a = w->a + (j * rows + i) * n;
    float *acc = w->acc[c->side] + (j * rows + i) * c->len;
    for (size_t t = 0; t < n; t++)
        if (d[t] < w->reach[i]) {
            const float *y = field_target(run, task->g, c->first + t) + c->at;
            row_difference(acc, y, x, a[t], c->len);
            a[t] = 0;
        }
}

/* Affinities of a tile into w->a, [nR][rows][cols]. */
static void affinities(const field_run *run, field_worker *w,
                       const field_task *task, const field_shift *shift,
                       const tile *c)
{
    size_t ld, n = c->last - c->first, rows = task->last - task->first;
    size_t nr = (size_t)run->temperatures, side = (size_t)c->side;
    size_t from = run->blocks == 1 ? 0 : task->first;
    const float *d = field_tile(run, w, task, c->first, c->last, &ld);
    field_weights(run, w, task->g, c->first, c->last);
    if (run->args.normalization == FIELD_SINKHORN)
        for (size_t t = 0; t < n; t++)
            w->weight[t] = 1; /* they are in the column sums */
    for (size_t i = 0; i < rows; i++, d += ld) {
        int near = !run->direct && any_near(d, w->reach[i], n);
        for (size_t j = 0; j < nr; j++) {
            float row = field_row_shift(run, shift, c->side, (int)j)[from + i];
            float *a = w->a + (j * rows + i) * n;
            sums s = affinity_row(a, d, shift->col + j * run->t + c->first,
                                  w->weight, n, row, run->c1[j], run->c2[j],
                                  run->least_half, run->least);
            double far = s.first;
            if (near) {
                take_near(run, w, task, c, i, j, d);
                far = (double)sum_of(a, n);
            }
            if (c->at > 0)
                continue; /* counted with the first coordinates */
            w->sum[(side * nr + j) * run->rb + i] += s.first;
            w->far[(side * nr + j) * run->rb + i] += far;
            if (side == 1)
                w->square[j * run->rb + i] += s.second;
        }
    }
}

/* How near a target must be, from the distances of x to the centre. */
static void find_reach(const field_run *run, field_worker *w,
                       const field_task *task)
{
    size_t rows = task->last - task->first;
    for (size_t i = 0; i < rows; i++)
        w->xx[i] = 0;
    for (size_t at = 0; at < run->d; at += run->dc) {
        field_rows(run, w, task, at, least(run->dc, run->d - at));
        for (size_t i = 0; i < rows; i++)
            w->xx[i] += w->xn[i];
    }
    for (size_t i = 0; i < rows; i++)
        w->reach[i] = (float)sqrt(2 * DISTANCE_NEAR * w->xx[i]);
}

/* acc += a y over a tile. */
static void gather(const field_run *run, field_worker *w,
                   const field_task *task, const tile *c)
{
    size_t n = c->last - c->first, rows = task->last - task->first;
    size_t all = (size_t)run->temperatures * rows, len = c->len;
    float *acc = w->acc[c->side];
    if (!run->direct) {
        const float *y =
            field_targets(run, w, task, c->first, c->last, c->at, len);
        cpu_sgemm(0, 0, all, len, n, 1, w->a, n, y, len, 1, acc, len);
        return;
    }
    const float *y = field_transposed(run, w, task, c->first, c->last);
    for (size_t i = 0; i < all; i++) {
        const float *x =
            run->x + (task->g * run->n + task->first + i % rows) * run->d;
        for (size_t j = 0; j < len; j++)
            acc[i * len + j] +=
                shifted_product(w->a + i * n, y + j * run->ct, x[j], n);
    }
}

static pull pull_of(const field_run *run, const field_worker *w, size_t j,
                    size_t i)
{
    size_t nr = (size_t)run->temperatures;
    size_t n = j * run->rb + i, p = (nr + j) * run->rb + i;
    double sn = w->sum[n], sp = w->sum[p];
    int cross = run->args.normalization != FIELD_SEPARATE &&
                run->args.normalization != FIELD_SINKHORN;
    double cp = (double)run->args.attraction * (cross ? sn : 1) / run->s;
    double cn = (double)run->args.repulsion * (cross ? sp : 1) / run->s;
    if (run->direct) /* x is in the sums already */
        return (pull){(float)cp, 0, (float)cn, 0};
    return (pull){(float)cp, (float)(cp * w->far[p]), (float)cn,
                  (float)(cn * w->far[n])};
}

/* Where F of temperature j goes: the last one lies in v. */
static float *place(const field_run *run, size_t j, size_t row)
{
    size_t nr = (size_t)run->temperatures;
    if (j + 1 == nr)
        return run->v + row * run->d;
    return run->force + (j * run->g * run->n + row) * run->d;
}

static void combine(const field_run *run, field_worker *w,
                    const field_task *task, const double *k, size_t at,
                    size_t len, double *total)
{
    size_t rows = task->last - task->first, nr = (size_t)run->temperatures;
    for (size_t i = 0; i < rows; i++) {
        size_t row = task->g * run->n + task->first + i;
        for (size_t j = 0; j < nr; j++) {
            float *out = w->line;
            if (k)
                out = run->v + row * run->d + at;
            else if (run->force || nr == 1)
                out = place(run, j, row) + at;
            size_t from = (j * rows + i) * len;
            total[j] += combine_row(out, k && j, k ? (float)k[j] : 1,
                                    w->acc[1] + from, w->acc[0] + from,
                                    w->x + i * len, len, pull_of(run, w, j, i));
        }
    }
}

static void keep_ess(const field_run *run, const field_worker *w,
                     const field_task *task)
{
    size_t nr = (size_t)run->temperatures;
    for (size_t j = 0; j < nr; j++)
        for (size_t i = task->first; i < task->last; i++) {
            size_t at = j * run->rb + i - task->first;
            double first = w->sum[nr * run->rb + at], second = w->square[at];
            run->ess[(j * run->g + task->g) * run->n + i] =
                second > 0 ? (float)(first * first / second) : 0;
        }
}

void field_force(const field_run *run, field_worker *w, const field_task *task,
                 const field_shift *shift, const double *k)
{
    size_t rows = task->last - task->first, nr = (size_t)run->temperatures;
    double total[FIELD_MAX_R] = {0};
    memset(w->sum, 0, 2 * nr * run->rb * sizeof *w->sum);
    memset(w->far, 0, 2 * nr * run->rb * sizeof *w->far);
    memset(w->square, 0, nr * run->rb * sizeof *w->square);
    if (!run->direct)
        find_reach(run, w, task);
    for (size_t at = 0; at < run->d; at += run->dc) {
        size_t len = least(run->dc, run->d - at);
        for (int side = 0; side < 2; side++) {
            memset(w->acc[side], 0, nr * rows * len * sizeof(float));
            for (size_t c = run->side[side], next; c < run->side[side + 1];
                 c = next) {
                next = field_step(run, (size_t)side, c);
                tile part = {side, c, next, at, len};
                affinities(run, w, task, shift, &part);
                gather(run, w, task, &part);
            }
        }
        if (!run->direct)
            field_rows(run, w, task, at, len);
        else
            memset(w->x, 0, rows * len * sizeof *w->x);
        combine(run, w, task, k, at, len, total);
    }
    keep_ess(run, w, task);
    for (size_t j = 0; j < nr; j++)
        run->partial[(j * run->g + task->g) * run->blocks + task->block] =
            total[j];
}
