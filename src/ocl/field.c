/* field: the drifting field, method.md section 2; the kernels and what they
 * hand to each other are in cl/field.cl and cl/field_ess.cl.
 *
 * Pairs (query, target) are never all at once in memory unless they fit: a
 * chunk is as many groups as fit, or else a block of rows of one group, with
 * all of its targets. Passes:
 *
 *   1  distances -> scale (all of them kept when they fit)
 *
 *   2  what the normalisation subtracts from the logits of rows and columns;
 *      columns need all blocks of a group
 *
 *   3  affinities -> F and m_R of each temperature
 *
 *   4  V = sum F/sqrt(m_R) from the F kept, or by going through 2 and 3 again
 *
 * Scale and m_R stay on the device, and nothing is read back. */
#include "ocl/ocl.h"

#include <math.h>
#include <stdint.h>

#include "ops/field.h"

#define STATE      32  /* floats between kernels, see cl/field.cl */
#define ITERATIONS 20  /* of sinkhorn */
#define THIN       8   /* up to so many coordinates go without tiles */
#define SLICES     256 /* of a sum, at most */

/* Of a chunk, at most: enough to keep a device busy. */
#define PAIRS  ((size_t)4 << 20)
#define ROWS   ((size_t)1 << 18)
#define GROUPS ((size_t)1 << 15)

/* Where a force goes, see cl/field.cl. */
enum { NOWHERE, KEPT, SUMMED };

typedef struct field_run {
    drift_context *ctx;
    field_args args;
    const tensor *x, *gen, *neg, *pos, *w_gen, *w_neg, *w_pos;
    tensor *v, *loss, *stats;
    size_t g, n, k, side, t, d; /* side: targets of side 0 */
    size_t nr, all;             /* all: rows of all groups */
    int columns;                /* they are normalised */
    /* the plan */
    size_t groups, rows; /* of a chunk: groups, and rows of each of them */
    size_t chunks;
    size_t bytes; /* that are taken */
    int keep_dist, keep_force;
    size_t loaded; /* first row of the chunk in dist */
    /* memory */
    tensor state, sums, slices, counts, found;
    tensor squares;       /* [g][n] of a row: sum of dist w, later of v^2 */
    tensor ess;           /* [nR][g][n] */
    tensor drift;         /* [nR][chunks] sums of F^2 */
    tensor weights;       /* [chunks] sums of w */
    tensor force;         /* [nR-1][g][n][d] or {0}; the last F is in v */
    tensor dist;          /* [rows][t], of all rows when kept */
    tensor c;             /* [rows][nR][t] */
    tensor tiles;         /* [nR][rows][tiles] sums of F^2 */
    tensor w;             /* [groups][t] */
    tensor total;         /* [groups][2] */
    tensor near;          /* [groups][n][2] */
    tensor row;           /* [groups][n][nR][2] */
    tensor col_near, col; /* [groups][nR][t] */
} field_run;

/* Rows first ... of all; `base` begins its first group. */
typedef struct chunk {
    size_t number, base, first, rows;
} chunk;

static size_t least_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t parts_of(size_t n, size_t part)
{
    return (n + part - 1) / part;
}

static size_t wide_of(const field_run *run)
{
    return 4 * ocl_of(run->ctx)->shape.tile;
}

/* Tiles of coordinates. */
static size_t across(const field_run *run)
{
    return run->d <= THIN ? 1 : parts_of(run->d, wide_of(run));
}

/* -- the plan -------------------------------------------------------------- */

/* A tensor of a*b*c numbers, or only its bytes. Numbers too large to count
 * are far beyond what is allowed. */
typedef struct cursor {
    size_t bytes; /* of all */
    size_t most;  /* of the largest */
    int make;
    drift_status status;
} cursor;

static void take(field_run *run, cursor *at, tensor *t, dtype type, size_t a,
                 size_t b, size_t c)
{
    double about = 4.0 * (double)a * (double)b * (double)c;
    size_t bytes = (size_t)1 << 48;
    if (about < (double)bytes)
        bytes = parts_of(4 * a * b * c + 1, 256) * 256;
    at->bytes += bytes;
    at->most = bytes > at->most ? bytes : at->most;
    if (at->make && at->status == DRIFT_OK)
        at->status = tensor_new(run->ctx, t, type, SHAPE(a * b * c));
}

static size_t slices_of(const field_run *run, size_t n)
{
    size_t group = ocl_of(run->ctx)->shape.group;
    size_t slices = parts_of(n, 16 * group);
    return slices < SLICES ? slices : SLICES;
}

/* An item counts at most 64 numbers of a slice. */
static size_t count_slices(const field_run *run)
{
    return parts_of(run->all, 64 * ocl_of(run->ctx)->shape.group);
}

/* All memory of a plan: what groups, rows and keep_... say. */
static void place(field_run *run, cursor *at)
{
    size_t rows = run->groups * run->rows, nr = run->nr;
    size_t sum_of[] = {run->g * slices_of(run, run->n),
                       nr * slices_of(run, run->all),
                       nr * slices_of(run, rows * across(run)),
                       slices_of(run, run->groups * run->t)};
    size_t slices = 0;
    for (size_t i = 0; i < sizeof sum_of / sizeof *sum_of; i++)
        slices = sum_of[i] > slices ? sum_of[i] : slices;
    run->chunks = run->rows < run->n ? run->g * parts_of(run->n, run->rows)
                                     : parts_of(run->g, run->groups);
    take(run, at, &run->state, DTYPE_F32, STATE, 1, 1);
    take(run, at, &run->sums, DTYPE_F32, nr + 2, 1, 1);
    take(run, at, &run->slices, DTYPE_F32, slices, 1, 1);
    take(run, at, &run->counts, DTYPE_I32, 2 * nr, count_slices(run), 16);
    take(run, at, &run->found, DTYPE_I32, 2 * nr, 2, 1);
    take(run, at, &run->squares, DTYPE_F32, run->all, 1, 1);
    take(run, at, &run->ess, DTYPE_F32, run->all, nr, 1);
    take(run, at, &run->drift, DTYPE_F32, run->chunks, nr, 1);
    take(run, at, &run->weights, DTYPE_F32, run->chunks, 1, 1);
    if (run->keep_force)
        take(run, at, &run->force, DTYPE_F32, run->all, run->d, nr - 1);
    take(run, at, &run->dist, DTYPE_F32, run->keep_dist ? run->all : rows,
         run->t, 1);
    take(run, at, &run->c, DTYPE_F32, rows, run->t, nr);
    take(run, at, &run->tiles, DTYPE_F32, rows, nr, across(run));
    take(run, at, &run->w, DTYPE_F32, run->groups, run->t, 1);
    take(run, at, &run->total, DTYPE_F32, run->groups, 2, 1);
    if (run->args.normalization != FIELD_NONE) {
        take(run, at, &run->near, DTYPE_F32, run->groups, run->n, 2);
        take(run, at, &run->row, DTYPE_F32, run->groups, run->n, 2 * nr);
    }
    if (run->columns) {
        take(run, at, &run->col_near, DTYPE_F32, run->groups, run->t, nr);
        take(run, at, &run->col, DTYPE_F32, run->groups, run->t, nr);
    }
}

static int fits(field_run *run, size_t memory)
{
    cursor at = {0};
    place(run, &at);
    run->bytes = at.bytes;
    return at.bytes <= memory && at.most <= ocl_of(run->ctx)->most_bytes;
}

static size_t half_of(size_t n)
{
    return (n + 1) / 2;
}

/* The largest chunks that fit. */
static int choose(field_run *run, size_t memory)
{
    size_t wide = wide_of(run);
    run->rows = least_size(run->n, ROWS);
    if (run->rows > wide && run->rows * run->t > PAIRS) {
        size_t most = PAIRS / run->t / wide * wide;
        run->rows = least_size(run->rows, most > wide ? most : wide);
    }
    run->groups = 1;
    if (run->rows == run->n) {
        size_t most = least_size(PAIRS / run->t, ROWS) / run->n;
        run->groups = least_size(least_size(run->g, most), GROUPS);
        run->groups += !run->groups;
    }
    while (!fits(run, memory))
        if (run->groups > 1)
            run->groups = half_of(run->groups);
        else if (run->rows > wide)
            run->rows = parts_of(half_of(run->rows), wide) * wide < run->rows
                            ? parts_of(half_of(run->rows), wide) * wide
                            : wide;
        else if (run->rows > 1)
            run->rows = half_of(run->rows);
        else
            return 0;
    return 1;
}

/* The first that fits: what is kept saves the most where F is many numbers
 * and a row of distances few. */
static drift_status plan(field_run *run, size_t memory)
{
    int force = run->nr > 1 && field_scales_drift(&run->args);
    /* What is kept leaves a quarter to the chunks. */
    size_t kept = memory - memory / 4;
    cursor at = {.make = 1};
    for (int i = force ? 0 : 2; i < 4; i++) {
        run->keep_force = i < 2;
        run->keep_dist = i % 2 == 0;
        cursor size = {0};
        if (run->keep_force)
            take(run, &size, NULL, DTYPE_F32, run->all, run->d, run->nr - 1);
        if (run->keep_dist)
            take(run, &size, NULL, DTYPE_F32, run->all, run->t, 1);
        if (size.bytes <= kept && choose(run, memory))
            break;
        if (i == 3)
            return ERROR(run->ctx, DRIFT_ERROR_MEMORY,
                         "field: %zu groups of %zu queries and %zu targets in "
                         "%zu dimensions need at least %zu bytes of memory, "
                         "allowed are %zu (no buffer above %zu)",
                         run->g, run->n, run->t, run->d, run->bytes, memory,
                         ocl_of(run->ctx)->most_bytes);
    }
    run->loaded = SIZE_MAX;
    place(run, &at);
    return at.status;
}

static void free_all(field_run *run)
{
    tensor *all[] = {&run->state,   &run->sums,  &run->slices,  &run->counts,
                     &run->found,   &run->ess,   &run->squares, &run->drift,
                     &run->weights, &run->force, &run->dist,    &run->c,
                     &run->tiles,   &run->w,     &run->total,   &run->near,
                     &run->row,     &run->col,   &run->col_near};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tensor_free(run->ctx, all[i]);
}

/* -- chunks ---------------------------------------------------------------- */

/* Chunks of one base: the first group's, and the blocks after it. */
static size_t blocks_of(const field_run *run)
{
    return parts_of(run->n, run->rows);
}

static size_t rounds_of(const field_run *run)
{
    return parts_of(run->g, run->groups);
}

static size_t groups_in(const field_run *run, size_t round)
{
    return least_size(run->groups, run->g - round * run->groups);
}

static chunk chunk_of(const field_run *run, size_t round, size_t b)
{
    chunk c = {.number = round * blocks_of(run) + b};
    c.base = round * run->groups * run->n;
    c.first = c.base + b * run->rows;
    c.rows = run->rows < run->n ? least_size(run->rows, run->n - b * run->rows)
                                : groups_in(run, round) * run->n;
    return c;
}

static void give_chunk(ocl_launch *l, const field_run *run, const chunk *c)
{
    ocl_size(l, run->n);
    ocl_size(l, run->t);
    ocl_size(l, run->side);
    ocl_size(l, c->base);
    ocl_size(l, c->first);
    ocl_size(l, c->rows);
}

/* `each` a pair of the chunk and coordinate. */
static void give_flops(ocl_launch *l, const field_run *run, const chunk *c,
                       size_t each)
{
    ocl_flops(l,
              (double)c->rows * (double)run->t * (double)run->d * (double)each);
}

static void give_sets(ocl_launch *l, const field_run *run)
{
    ocl_tensor(l, run->x);
    ocl_tensor(l, run->gen);
    ocl_tensor(l, run->neg);
    ocl_tensor(l, run->pos);
    ocl_size(l, run->k);
    ocl_size(l, run->d);
}

static void give_args(ocl_launch *l, const field_run *run)
{
    ocl_bytes(l, &run->args, sizeof run->args);
}

/* Tiles of `columns`, of the chunk's rows, and its groups. */
static drift_status run_tiles(ocl_launch *l, const field_run *run,
                              const chunk *c, size_t columns)
{
    size_t tile = ocl_of(run->ctx)->shape.tile;
    size_t each = least_size(c->rows, run->n);
    size_t groups[3] = {columns, parts_of(each, 4 * tile), c->rows / each};
    size_t local[3] = {tile, tile, 1};
    return ocl_run(l, 3, groups, local);
}

/* The chunk's rows, `shape.tile` of them in a group; `count` times. */
static drift_status run_rows(ocl_launch *l, const field_run *run,
                             const chunk *c, size_t count)
{
    size_t tile = ocl_of(run->ctx)->shape.tile;
    size_t groups[3] = {parts_of(c->rows, tile), count};
    size_t local[3] = {tile, tile};
    return ocl_run(l, 2, groups, local);
}

static tensor dist_of(const field_run *run, const chunk *c)
{
    return tensor_view(&run->dist, run->keep_dist ? c->first * run->t : 0,
                       SHAPE(c->rows, run->t));
}

/* y[s apart] = by * sum of x[s], x [segments][n]. */
static drift_status sum(field_run *run, const tensor *y, size_t apart,
                        const tensor *x, size_t segments, size_t n, double by)
{
    drift_status status = DRIFT_OK;
    size_t slices = slices_of(run, n);
    for (int last = slices == 1; last < 2; last++) {
        ocl_launch l = ocl_begin(run->ctx, "field", "field_sum");
        ocl_tensor(&l, last ? y : &run->slices);
        ocl_tensor(&l, x);
        ocl_size(&l, n);
        ocl_size(&l, segments);
        ocl_size(&l, slices);
        ocl_size(&l, last ? apart : slices);
        ocl_float(&l, last ? (float)by : 1);
        TRY(ocl_groups(&l, segments * slices));
        x = &run->slices;
        n = slices;
        slices = 1;
    }
out:
    return status;
}

static tensor place_in(const tensor *t, size_t at)
{
    return tensor_view(t, at, SHAPE(1));
}

/* -- pass 1 ---------------------------------------------------------------- */

static drift_status weights(field_run *run, size_t round)
{
    size_t groups = groups_in(run, round);
    ocl_launch l = ocl_begin(run->ctx, "field", "field_weights");
    ocl_tensor(&l, &run->w);
    ocl_tensor(&l, &run->total);
    ocl_tensor(&l, run->w_gen);
    ocl_tensor(&l, run->w_neg);
    ocl_tensor(&l, run->w_pos);
    ocl_size(&l, round * run->groups);
    ocl_size(&l, groups);
    ocl_size(&l, run->t);
    ocl_size(&l, run->side);
    ocl_size(&l, run->k);
    return ocl_groups(&l, groups);
}

/* The chunk's distances, unless they are there. */
static drift_status distances(field_run *run, const chunk *c)
{
    tensor dist = dist_of(run, c);
    if (run->loaded == c->first || (run->keep_dist && run->loaded == run->all))
        return DRIFT_OK;
    run->loaded = c->first;
    ocl_launch l = ocl_begin(run->ctx, "field", "field_distances");
    ocl_tensor(&l, &dist);
    give_sets(&l, run);
    give_chunk(&l, run, c);
    ocl_float(&l, run->args.variant == FIELD_TOY ? 0 : 1e-8f);
    ocl_int(&l, run->args.queries_are_targets);
    give_flops(&l, run, c, 3);
    return run_tiles(&l, run, c, parts_of(run->t, wide_of(run)));
}

static drift_status row_sums(field_run *run, const chunk *c)
{
    tensor dist = dist_of(run, c);
    ocl_launch l = ocl_begin(run->ctx, "field", "field_row_sums");
    ocl_tensor(&l, &run->squares);
    ocl_tensor(&l, &dist);
    ocl_tensor(&l, &run->w);
    give_chunk(&l, run, c);
    return run_rows(&l, run, c, 1);
}

static drift_status first_pass(field_run *run)
{
    drift_status status = DRIFT_OK;
    for (size_t r = 0; r < rounds_of(run); r++) {
        tensor all = place_in(&run->weights, r);
        TRY(weights(run, r));
        TRY(sum(run, &all, 1, &run->w, 1, groups_in(run, r) * run->t, 1));
        for (size_t b = 0; b < blocks_of(run); b++) {
            chunk c = chunk_of(run, r, b);
            TRY(distances(run, &c));
            TRY(row_sums(run, &c));
        }
    }
    if (run->keep_dist)
        run->loaded = run->all; /* all of them */
    tensor weight = place_in(&run->sums, 1);
    TRY(sum(run, &run->sums, 1, &run->squares, 1, run->all, 1));
    TRY(sum(run, &weight, 1, &run->weights, 1, rounds_of(run), 1));
    ocl_launch l = ocl_begin(run->ctx, "field", "field_scale");
    ocl_tensor(&l, &run->state);
    ocl_tensor(&l, run->stats);
    ocl_tensor(&l, &run->sums);
    give_args(&l, run);
    ocl_size(&l, run->n);
    ocl_size(&l, run->d);
    TRY(ocl_each(&l, 1));
out:
    return status;
}

/* -- pass 2 ---------------------------------------------------------------- */

static drift_status shift_rows(field_run *run, const chunk *c)
{
    tensor dist = dist_of(run, c);
    ocl_launch l = ocl_begin(run->ctx, "field", "field_rows");
    ocl_tensor(&l, &run->near);
    ocl_tensor(&l, &run->row);
    ocl_tensor(&l, &dist);
    ocl_tensor(&l, &run->w);
    ocl_tensor(&l, run->columns ? &run->col : NULL);
    ocl_tensor(&l, &run->state);
    give_args(&l, run);
    give_chunk(&l, run, c);
    return run_rows(&l, run, c, run->nr);
}

static drift_status shift_columns(field_run *run, const chunk *c, size_t b,
                                  int shifted)
{
    tensor dist = dist_of(run, c);
    size_t tile = ocl_of(run->ctx)->shape.tile;
    size_t each = least_size(c->rows, run->n);
    size_t groups[3] = {parts_of(run->t, tile), run->nr, c->rows / each};
    size_t local[3] = {tile, tile, 1};
    ocl_launch l = ocl_begin(run->ctx, "field", "field_columns");
    ocl_tensor(&l, &run->col_near);
    ocl_tensor(&l, &run->col);
    ocl_tensor(&l, &dist);
    ocl_tensor(&l, &run->w);
    ocl_tensor(&l, &run->total);
    ocl_tensor(&l, &run->row);
    ocl_tensor(&l, &run->state);
    give_args(&l, run);
    give_chunk(&l, run, c);
    ocl_int(&l, shifted);
    ocl_int(&l, b > 0);
    ocl_int(&l, b + 1 == blocks_of(run));
    return ocl_run(&l, 3, groups, local);
}

/* Columns of a round's groups, and for sinkhorn rows and columns in turns. */
static drift_status shifts(field_run *run, size_t round)
{
    drift_status status = DRIFT_OK;
    int sinkhorn = run->args.normalization == FIELD_SINKHORN;
    for (int i = 0; i < (sinkhorn ? ITERATIONS : 1); i++) {
        for (size_t b = 0; b < blocks_of(run); b++) {
            chunk c = chunk_of(run, round, b);
            TRY(distances(run, &c));
            TRY(shift_columns(run, &c, b, i > 0));
        }
        for (size_t b = 0; sinkhorn && b < blocks_of(run); b++) {
            chunk c = chunk_of(run, round, b);
            TRY(distances(run, &c));
            TRY(shift_rows(run, &c));
        }
    }
out:
    return status;
}

/* -- pass 3 ---------------------------------------------------------------- */

static drift_status affinities(field_run *run, const chunk *c, int combined)
{
    tensor dist = dist_of(run, c);
    ocl_launch l = ocl_begin(run->ctx, "field", "field_affinities");
    ocl_tensor(&l, &run->c);
    ocl_tensor(&l, &run->ess);
    ocl_tensor(&l, &dist);
    ocl_tensor(&l, &run->w);
    ocl_tensor(&l, run->row.block ? &run->near : NULL);
    ocl_tensor(&l, run->row.block ? &run->row : NULL);
    ocl_tensor(&l, run->columns ? &run->col_near : NULL);
    ocl_tensor(&l, run->columns ? &run->col : NULL);
    ocl_tensor(&l, &run->state);
    give_args(&l, run);
    give_chunk(&l, run, c);
    ocl_size(&l, run->all);
    ocl_int(&l, combined);
    return run_rows(&l, run, c, combined ? 1 : run->nr);
}

/* F of `nr` temperatures, and the sums of its squares unless `where` says that
 * m_R is known. */
static drift_status forces(field_run *run, const chunk *c, size_t nr, int where,
                           int squares)
{
    drift_status status = DRIFT_OK;
    for (size_t j = 0, step; j < nr; j += step) {
        int thin = run->d <= THIN;
        step = thin ? nr : nr - j < 3 ? 1 : 3;
        const char *name = thin        ? "field_force_thin"
                           : step == 3 ? "field_force_three"
                                       : "field_force_one";
        ocl_launch l = ocl_begin(run->ctx, "field", name);
        ocl_tensor(&l, run->keep_force ? &run->force : run->v);
        ocl_tensor(&l, run->v);
        ocl_tensor(&l, squares ? &run->tiles : NULL);
        ocl_tensor(&l, &run->c);
        give_sets(&l, run);
        give_chunk(&l, run, c);
        ocl_size(&l, run->all);
        ocl_int(&l, (int)j);
        ocl_int(&l, (int)nr);
        ocl_int(&l, where);
        give_flops(&l, run, c, thin ? 3 * nr : 1 + 2 * step);
        if (thin)
            TRY(ocl_groups(&l, c->rows));
        else
            TRY(run_tiles(&l, run, c, across(run)));
    }
out:
    return status;
}

/* Passes 2 and 3; `again`: m_R is known, and V is the sum of all. */
static drift_status all_forces(field_run *run, int where, int again)
{
    drift_status status = DRIFT_OK;
    int norm = run->args.normalization;
    for (size_t r = 0; r < rounds_of(run); r++) {
        TRY(weights(run, r));
        if (run->columns)
            TRY(shifts(run, r));
        for (size_t b = 0; b < blocks_of(run); b++) {
            chunk c = chunk_of(run, r, b);
            tensor to = place_in(&run->drift, c.number);
            TRY(distances(run, &c));
            if (norm != FIELD_NONE && norm != FIELD_SINKHORN)
                TRY(shift_rows(run, &c));
            TRY(affinities(run, &c, again));
            TRY(forces(run, &c, again ? 1 : run->nr, where, !again));
            if (!again)
                TRY(sum(run, &to, run->chunks, &run->tiles, run->nr,
                        c.rows * across(run), 1));
        }
    }
out:
    return status;
}

static drift_status drifts(field_run *run, int normalise)
{
    drift_status status = DRIFT_OK;
    double count = (double)run->all * (double)run->d;
    TRY(sum(run, &run->sums, 1, &run->drift, run->nr, run->chunks, 1));
    ocl_launch l = ocl_begin(run->ctx, "field", "field_drift");
    ocl_tensor(&l, &run->state);
    ocl_tensor(&l, run->stats);
    ocl_tensor(&l, &run->sums);
    ocl_int(&l, (int)run->nr);
    ocl_float(&l, (float)(1 / count));
    ocl_int(&l, normalise);
    TRY(ocl_each(&l, run->nr));
out:
    return status;
}

/* -- pass 4 and the statistics --------------------------------------------- */

static drift_status last_pass(field_run *run, int kept)
{
    drift_status status = DRIFT_OK;
    double count = (double)run->n * (double)run->d;
    for (size_t first = 0; first < run->all; first += ROWS) {
        size_t rows = least_size(ROWS, run->all - first);
        ocl_launch l = ocl_begin(run->ctx, "field", "field_last");
        ocl_tensor(&l, run->v);
        ocl_tensor(&l, &run->squares);
        ocl_tensor(&l, run->keep_force ? &run->force : run->v);
        ocl_tensor(&l, &run->state);
        ocl_size(&l, run->d);
        ocl_size(&l, first);
        ocl_size(&l, rows);
        ocl_size(&l, run->all);
        ocl_int(&l, (int)run->nr);
        ocl_int(&l, kept);
        TRY(ocl_groups(&l, rows));
    }
    TRY(sum(run, run->loss, 1, &run->squares, run->g, run->n, 1 / count));
out:
    return status;
}

/* Mean and 10th percentile (linear between neighbours) over all rows. */
static drift_status ess_stats(field_run *run)
{
    drift_status status = DRIFT_OK;
    size_t n = run->all, slices = count_slices(run), rank = (n - 1) / 10;
    tensor mean =
        tensor_view(run->stats, FIELD_STAT_ESS(run->nr, 0), SHAPE(run->nr));
    int nr = (int)run->nr;
    TRY(sum(run, &mean, 1, &run->ess, run->nr, n, 1 / (double)n));
    for (int shift = 28; shift >= 0; shift -= 4) {
        ocl_launch l = ocl_begin(run->ctx, "field_ess", "field_count");
        ocl_tensor(&l, &run->counts);
        ocl_tensor(&l, &run->ess);
        ocl_tensor(&l, &run->found);
        ocl_size(&l, n);
        ocl_size(&l, slices);
        ocl_int(&l, nr);
        ocl_int(&l, shift);
        TRY(ocl_groups(&l, 2 * run->nr * slices));
        l = ocl_begin(run->ctx, "field_ess", "field_pick");
        ocl_tensor(&l, &run->found);
        ocl_tensor(&l, &run->counts);
        ocl_size(&l, n);
        ocl_size(&l, slices);
        ocl_size(&l, rank);
        ocl_int(&l, nr);
        ocl_int(&l, shift);
        TRY(ocl_groups(&l, 2 * run->nr));
    }
    ocl_launch l = ocl_begin(run->ctx, "field_ess", "field_percentile");
    ocl_tensor(&l, run->stats);
    ocl_tensor(&l, &run->found);
    ocl_int(&l, nr);
    ocl_float(&l, (float)(.1 * (double)(n - 1) - (double)rank));
    TRY(ocl_each(&l, run->nr));
out:
    return status;
}

drift_status ocl_field(drift_context *ctx, tensor *v, tensor *loss,
                       tensor *stats, const tensor *x, const tensor *gen,
                       const tensor *neg, const tensor *pos,
                       const tensor *w_gen, const tensor *w_neg,
                       const tensor *w_pos, field_args args, size_t memory)
{
    drift_status status = DRIFT_OK;
    if (args.queries_are_targets)
        gen = x;
    field_run run = {.ctx = ctx,
                     .args = args,
                     .x = x,
                     .gen = gen,
                     .neg = neg,
                     .pos = pos,
                     .w_gen = w_gen,
                     .w_neg = w_neg,
                     .w_pos = w_pos,
                     .v = v,
                     .loss = loss,
                     .stats = stats,
                     .g = x->shape.dim[0],
                     .n = x->shape.dim[1],
                     .k = gen ? gen->shape.dim[1] : 0,
                     .d = x->shape.dim[2],
                     .nr = (size_t)args.temperatures,
                     .columns = args.normalization == FIELD_XY ||
                                args.normalization == FIELD_SINKHORN};
    run.side = run.k + (neg ? neg->shape.dim[1] : 0);
    run.t = run.side + pos->shape.dim[1];
    run.all = run.g * run.n;
    int normalise = field_scales_drift(&args);
    TRY(plan(&run, memory));
    int kept = normalise && (run.keep_force || run.nr == 1);
    TRY(first_pass(&run));
    TRY(all_forces(&run, kept ? KEPT : normalise ? NOWHERE : SUMMED, 0));
    TRY(drifts(&run, normalise));
    TRY(ess_stats(&run));
    if (normalise && !kept)
        TRY(all_forces(&run, SUMMED, 1));
    TRY(last_pass(&run, kept));
out:
    free_all(&run);
    return status;
}
