/* Inside the CPU's field: one call's run, its workers, its passes.
 *
 * Pairs (query, target) are never all at once in memory unless they fit. A
 * task is a block of `rb` rows (queries) of one group; it walks its row of
 * tiles of `ct` targets. Targets are counted gen, neg, pos; the first two are
 * side 0 (the negatives), pos is side 1; no tile crosses from one to the other.
 * Passes:
 *
 *   1  distances -> scale (kept when they fit; else those of a block are
 *      computed again in each of its tasks, once if the strip of them fits)
 *
 *   2  what the normalisation subtracts from the logits of rows and columns
 *
 *   3  affinities -> F and m_R of each temperature
 *
 *   4  V = sum F/sqrt(m_R) from the F kept, or by going through 2 and 3 again
 *
 * A group with one block of rows does 2 and 3 in one task; otherwise groups
 * come one after the other and their blocks are the tasks. Sums that leave a
 * task are added in the order of the tasks, so nothing depends on the number
 * of threads. */
#ifndef CPU_FIELD_H
#define CPU_FIELD_H

#include "cpu/cpu.h"
#include "cpu/row.h"
#include "ops/field.h"

/* What is subtracted from logit l of row i and column t before exp; arrays of
 * one group. */
typedef struct field_shift {
    float *row[2]; /* [nR][rows] for side 0 and 1 */
    float *col;    /* [nR][t] */
    float *ref;    /* columns so far: [t] smallest distance (xy) or [nR][t]
                      largest logit (sinkhorn) */
    double *sum;   /* [nR][t] sum of exp relative to ref */
    int merged;    /* whether ref and sum hold anything yet */
} field_shift;

/* One thread's memory. */
typedef struct field_worker {
    float *dist;     /* [rb][ct] a tile of distances, [rb][t] a strip */
    float *a;        /* [nR][rb][ct] its affinities */
    float *x, *y;    /* centred rows [rb][dc] and targets [ct][dc]; below
                        DISTANCE_DIRECT y is [d][ct], not centred */
    double *xn, *yn; /* their squared norms */
    double *xx, *yy; /* the same over all of D */
    float *norm;     /* [ct] yy in f32 */
    float *acc[2];   /* [nR][rb][dc] of a side */
    float *weight;   /* [ct] */
    float *line;     /* [dc] */
    float *least;    /* [2][rb] smallest distance of a row, by side */
    double *sum;     /* [2][nR][rb] sums over a row, by side */
    double *far;     /* [2][nR][rb] the part of sum in the products */
    float *reach;    /* [rb] what is near */
    double *square;  /* [nR][rb] */
    float *ref;      /* [nR][t] columns of this block, as field_shift */
    float *part;     /* [nR][t] */
    float *centre;   /* [d] */
    double *mean;    /* [d] */
    field_shift own; /* of a group with one block */
    /* What lies in dist and y; forgotten when a task begins. */
    size_t dist_first, dist_last, y_first, y_last, y_at;
} field_worker;

typedef struct field_run {
    drift_context *ctx;
    field_args args;
    size_t g, n, k, m, p, t, d;
    size_t side[3]; /* side s is targets side[s] ... side[s+1] */
    const float *x, *gen, *neg, *pos, *w_gen, *w_neg, *w_pos;
    float *v;
    int temperatures, direct;
    /* the plan */
    size_t rb, blocks, ct, dc; /* dc: coordinates at a time */
    int strip; /* a worker keeps the distances of its block to all targets */
    int workers;
    field_worker *worker;
    tensor arena;    /* all that follows, and the workers' memory */
    float *dist;     /* [g][n][t] or NULL */
    float *force;    /* [nR-1][g][n][d] or NULL; the last F is in v */
    float *ess;      /* [nR][g][n] */
    double *partial; /* [nR+1][g][blocks] sums of the tasks */
    float *centre;   /* [d] of the group in hand, when there are blocks */
    double *mean;    /* [d] */
    field_shift shared;
    /* known after pass 1 */
    int scaled;
    double unit; /* distances are divided by it, features by s */
    double s;
    float floor;      /* of squared distances */
    float masked;     /* distance of the self pair */
    float least;      /* of affinities */
    float least_half; /* of half the sum of row and column shift */
    float c1[FIELD_MAX_R], c2[FIELD_MAX_R]; /* logit = -d (c1 + c2 d) */
} field_run;

/* One block of rows. */
typedef struct field_task {
    size_t g, block, first, last;
    const float *centre;
} field_task;

/* field_tile.c */
const float *field_target(const field_run *run, size_t g, size_t t);
void field_centre(const field_run *run, size_t g, size_t first, size_t last,
                  double *mean, float *centre);
void field_forget(field_worker *w);
/* Distances of all rows of the task to targets first ... last; *ld floats
 * from row to row. */
const float *field_tile(const field_run *run, field_worker *w,
                        const field_task *task, size_t first, size_t last,
                        size_t *ld);
float *field_kept(const field_run *run, const field_task *task, size_t first,
                  size_t last, size_t *ld); /* in run->dist */
/* Compute them into dst. The self pair's is the floor's before the scale is
 * known, run->masked after. */
void field_distances(const field_run *run, field_worker *w,
                     const field_task *task, size_t first, size_t last,
                     float *dst, size_t ld);
/* Centred coordinates at ... at+len of targets; len floats from one to the
 * next. */
const float *field_targets(const field_run *run, field_worker *w,
                           const field_task *task, size_t first, size_t last,
                           size_t at, size_t len);
/* Coordinates as they are, [d][ct]. */
const float *field_transposed(const field_run *run, field_worker *w,
                              const field_task *task, size_t first,
                              size_t last);
void field_rows(const field_run *run, field_worker *w, const field_task *task,
                size_t at, size_t len);
/* Weights of targets into w->weight. */
void field_weights(const field_run *run, field_worker *w, size_t g,
                   size_t first, size_t last);
size_t field_step(const field_run *run, size_t side, size_t first);

/* field_shift.c: pass 2 */
void field_shift_group(field_run *run, size_t g);
void field_shift_alone(const field_run *run, field_worker *w,
                       const field_task *task);
/* field_sinkhorn.c */
void field_sinkhorn_group(field_run *run, size_t g);
void field_sinkhorn_alone(const field_run *run, field_worker *w,
                          const field_task *task);

/* field_force.c: pass 3. With k, v = sum of k[j] F_j; without, each F is kept
 * if there is room. */
void field_force(const field_run *run, field_worker *w, const field_task *task,
                 const field_shift *shift, const double *k);

field_task field_task_of(const field_run *run, size_t g, size_t b);
field_worker *field_here(const field_run *run);

static inline float *field_row_shift(const field_run *run, const field_shift *s,
                                     int side, int j)
{
    return s->row[side] + (size_t)j * (run->blocks == 1 ? run->rb : run->n);
}

#endif
