/* How the field uses its memory: the sizes of tiles and what is kept between
 * passes, from the sizes of the call and the bytes allowed. Nothing here but
 * the number of workers depends on the number of threads. */
#include <stdint.h>

#include "base/threads.h"
#include "cpu/field_plan.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#define ROWS    256  /* of a block, at most */
#define TARGETS 512  /* of a tile */
#define COORDS  4096 /* at a time */
#define LINE    64

field_worker *field_here(const field_run *run)
{
#ifdef _OPENMP
    return run->worker + omp_get_thread_num();
#else
    return run->worker;
#endif
}

static size_t up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Hands out pieces of memory; without a base it only counts. */
typedef struct cursor {
    char *base;
    size_t used;
} cursor;

static void *take(cursor *c, size_t count, size_t size)
{
    size_t at = c->used;
    c->used += up(count * size, LINE);
    return c->base ? c->base + at : NULL;
}

static float *floats(cursor *c, size_t count)
{
    return take(c, count, sizeof(float));
}

static double *doubles(cursor *c, size_t count)
{
    return take(c, count, sizeof(double));
}

static void place_shift(const field_run *run, cursor *c, field_shift *s,
                        size_t rows)
{
    size_t nr = (size_t)run->temperatures;
    s->row[0] = floats(c, nr * rows);
    s->row[1] = floats(c, nr * rows);
    s->col = floats(c, nr * run->t);
    s->ref = floats(c, nr * run->t);
    s->sum = doubles(c, nr * run->t);
}

static size_t place_worker(const field_run *run, char *base, field_worker *w)
{
    cursor c = {base, 0};
    size_t nr = (size_t)run->temperatures, rb = run->rb, ct = run->ct;
    w->dist = floats(&c, rb * (run->strip ? run->t : ct));
    w->a = floats(&c, nr * rb * ct);
    w->x = floats(&c, rb * run->dc);
    w->y = floats(&c, ct * run->dc);
    w->xn = doubles(&c, rb);
    w->yn = doubles(&c, ct);
    w->xx = doubles(&c, rb);
    w->yy = doubles(&c, ct);
    w->norm = floats(&c, ct);
    w->acc[0] = floats(&c, nr * rb * run->dc);
    w->acc[1] = floats(&c, nr * rb * run->dc);
    w->weight = floats(&c, ct);
    w->line = floats(&c, run->dc);
    w->least = floats(&c, 2 * rb);
    w->sum = doubles(&c, 2 * nr * rb);
    w->far = doubles(&c, 2 * nr * rb);
    w->reach = floats(&c, rb);
    w->square = doubles(&c, nr * rb);
    w->ref = floats(&c, nr * run->t);
    w->part = floats(&c, nr * run->t);
    if (run->blocks == 1) {
        w->centre = floats(&c, run->d);
        w->mean = doubles(&c, run->d);
        place_shift(run, &c, &w->own, rb);
    }
    return c.used;
}

static size_t place_shared(field_run *run, char *base)
{
    cursor c = {base, 0};
    size_t nr = (size_t)run->temperatures;
    run->ess = floats(&c, nr * run->g * run->n);
    run->partial = doubles(&c, (nr + 1) * run->g * run->blocks);
    if (run->blocks > 1) {
        run->centre = floats(&c, run->d);
        run->mean = doubles(&c, run->d);
        place_shift(run, &c, &run->shared, run->n);
    }
    return c.used;
}

static void set_rows(field_run *run, size_t rb)
{
    run->rb = least(rb, run->n);
    run->blocks = (run->n + run->rb - 1) / run->rb;
}

/* Many groups are shared out whole when they are small. */
static void first_sizes(field_run *run)
{
    size_t rb = ROWS;
    if (run->g < 8 && run->n < 8 * ROWS)
        rb = run->n > 64 * 8 ? up(run->n / 8, 32) : 64;
    set_rows(run, rb);
    run->dc = least(run->d, COORDS);
    run->ct = run->rb * run->t <= ROWS * TARGETS ? run->t : TARGETS;
    run->ct = least(run->ct, run->t);
}

/* Whether a task asks for the same distances more than once. */
static int returns(const field_run *run)
{
    return run->d > run->dc || run->args.normalization == FIELD_SINKHORN;
}

/* Smaller tiles, the cheapest loss first; the last steps, to products that are
 * hardly worth their calls, only in need. */
static int shrink(field_run *run, int need)
{
    if (run->dc > 1024)
        run->dc = 1024;
    else if (run->rb > 128)
        set_rows(run, 128);
    else if (run->ct > 256)
        run->ct = 256;
    else if (run->dc > 256)
        run->dc = 256;
    else if (run->rb > 32)
        set_rows(run, 32);
    else if (!need)
        return 0;
    else if (run->ct > 64)
        run->ct = 64;
    else if (run->dc > 64)
        run->dc = 64;
    else if (run->rb > 8)
        set_rows(run, 8);
    else
        return 0;
    return 1;
}

static size_t product(size_t a, size_t b, size_t c)
{
    double all = (double)a * (double)b * (double)c * 4;
    return all < (double)(SIZE_MAX / 4) ? up(a * b * c * 4, LINE)
                                        : SIZE_MAX / 2;
}

drift_status field_plan(field_run *run, size_t memory)
{
    drift_status status = DRIFT_OK;
    field_worker sizes;
    size_t nr = (size_t)run->temperatures;
    first_sizes(run);
    size_t shared, each, wanted = 8;
    /* Room for eight workers, rather for two than with tiny tiles, and rather
     * for one than with the d^2 work of distances computed over and over. */
    for (size_t strips = 1;;) {
        run->strip = run->t <= run->ct || (strips && returns(run));
        shared = place_shared(run, NULL);
        each = place_worker(run, NULL, &sizes);
        if (shared + wanted * each <= memory)
            break;
        if (shrink(run, wanted < 8))
            continue;
        if (wanted > 1)
            wanted = wanted > 2 ? 2 : 1;
        else if (strips)
            strips = 0;
        else
            break;
    }
    if (shared + each > memory)
        FAIL(run->ctx, DRIFT_ERROR_MEMORY,
             "field: %zu groups of %zu queries and %zu targets in %zu "
             "dimensions need at least %zu bytes of memory, allowed are %zu",
             run->g, run->n, run->t, run->d, shared + each, memory);
    size_t left = memory - shared;
    size_t reserve = least(wanted, 2) * each;
    reserve = left / 4 > reserve ? left / 4 : reserve;
    size_t keep = left - reserve;
    size_t force = nr > 1 && field_scales_drift(&run->args)
                       ? product(nr - 1, run->g * run->n, run->d)
                       : 0;
    /* A few coordinates are faster computed again than read. */
    size_t dist = run->direct && run->args.normalization != FIELD_SINKHORN
                      ? 0
                      : product(run->g, run->n, run->t);
    force = force <= keep ? force : 0;
    keep -= force;
    dist = dist <= keep ? dist : 0;
    keep -= dist;
    size_t tasks = run->blocks > 1 ? run->blocks : run->g;
    size_t most = (reserve + keep) / each;
    most = least(most, tasks);
    run->workers = (int)least(most, (size_t)threads_get());
    size_t count = (size_t)run->workers;
    size_t list = up(count * sizeof *run->worker, LINE);
    size_t bytes = list + shared + force + dist + count * each;
    TRY(tensor_new(run->ctx, &run->arena, DTYPE_F32, SHAPE(bytes / 4)));
    char *at = (char *)f32(&run->arena);
    run->worker = (field_worker *)(void *)at;
    at += list;
    place_shared(run, at);
    at += shared;
    for (size_t i = 0; i < count; i++, at += each)
        place_worker(run, at, run->worker + i);
    run->force = force ? (float *)(void *)at : NULL;
    at += force;
    run->dist = dist ? (float *)(void *)at : NULL;
out:
    return status;
}

void field_plan_free(field_run *run)
{
    tensor_free(run->ctx, &run->arena);
}
