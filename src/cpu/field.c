/* The drifting field, method.md section 2: see field.h for how it is cut.
 *
 * Inputs gen [G,K,D], neg [G,M,D], pos [G,P,D], queries x [G,N,D]; V [G,N,D].
 * Scale and m_R are shared by all groups and are summed in double. */
#include <math.h>
#include <stddef.h>

#include "base/mem.h"
#include "cpu/field.h"
#include "cpu/field_plan.h"

field_task field_task_of(const field_run *run, size_t g, size_t b)
{
    size_t first = b * run->rb;
    return (field_task){g, b, first, least(first + run->rb, run->n),
                        run->centre};
}

/* The centre of group g for all its blocks. */
static void centre_group(field_run *run, size_t g)
{
    size_t step = run->d / CPU_PARTS + 16;
    if (run->direct)
        return;
#pragma omp parallel for num_threads(run->workers)
    for (size_t j = 0; j < run->d; j += step)
        field_centre(run, g, j, least(j + step, run->d), run->mean,
                     run->centre);
}

/* The only task of a group. */
static field_task whole_group(const field_run *run, field_worker *w, size_t g)
{
    field_task task = field_task_of(run, g, 0);
    if (!run->direct)
        field_centre(run, g, 0, run->d, w->mean, w->centre);
    task.centre = w->centre;
    field_forget(w);
    return task;
}

static CPU_SIMD double weighted_sum(const float *d, const float *w, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t t = 0; t < n; t++)
        sum += (double)(d[t] * w[t]);
    return sum;
}

static void first_pass(const field_run *run, field_worker *w,
                       const field_task *task)
{
    double sum = 0;
    for (size_t side = 0; side < 2; side++)
        for (size_t c = run->side[side], next; c < run->side[side + 1];
             c = next) {
            next = field_step(run, side, c);
            size_t ld = run->ct;
            float *d = w->dist;
            if (run->dist)
                d = field_kept(run, task, c, next, &ld);
            field_distances(run, w, task, c, next, d, ld);
            field_weights(run, w, task->g, c, next);
            for (size_t i = 0; i < task->last - task->first; i++)
                sum += weighted_sum(d + i * ld, w->weight, next - c);
        }
    run->partial[task->g * run->blocks + task->block] = sum;
}

/* The self pairs of a block, where distances are kept. */
static void mask_kept(const field_run *run, const field_task *task)
{
    for (size_t c = 0, next; c < run->side[1]; c = next) {
        next = field_step(run, 0, c);
        size_t ld, last = least(next, task->last);
        float *d = field_kept(run, task, c, next, &ld);
        for (size_t i = c > task->first ? c : task->first; i < last; i++)
            d[(i - task->first) * ld + i - c] = run->masked;
    }
}

/* Pass 1 over all groups. */
static void distances(field_run *run)
{
    if (run->blocks == 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->workers)
        for (size_t g = 0; g < run->g; g++) {
            field_worker *w = field_here(run);
            field_task task = whole_group(run, w, g);
            first_pass(run, w, &task);
        }
        return;
    }
    for (size_t g = 0; g < run->g; g++) {
        centre_group(run, g);
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->workers)
        for (size_t b = 0; b < run->blocks; b++) {
            field_worker *w = field_here(run);
            field_task task = field_task_of(run, g, b);
            field_forget(w);
            first_pass(run, w, &task);
        }
    }
}

/* Passes 2 and 3 over all groups; k as in field_force. */
static void forces(field_run *run, const double *k)
{
    int sinkhorn = run->args.normalization == FIELD_SINKHORN;
    if (run->blocks == 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->workers)
        for (size_t g = 0; g < run->g; g++) {
            field_worker *w = field_here(run);
            field_task task = whole_group(run, w, g);
            if (sinkhorn)
                field_sinkhorn_alone(run, w, &task);
            else
                field_shift_alone(run, w, &task);
            field_force(run, w, &task, &w->own, k);
        }
        return;
    }
    for (size_t g = 0; g < run->g; g++) {
        centre_group(run, g);
        if (sinkhorn)
            field_sinkhorn_group(run, g);
        else
            field_shift_group(run, g);
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->workers)
        for (size_t b = 0; b < run->blocks; b++) {
            field_worker *w = field_here(run);
            field_task task = field_task_of(run, g, b);
            field_forget(w);
            field_force(run, w, &task, &run->shared, k);
        }
    }
}

static double total_of(const double *partial, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += partial[i];
    return sum;
}

static double total_weight(const float *w, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += w ? (double)w[i] : 1;
    return sum;
}

/* mean(dist w) / mean(w) */
static double scale_of(const field_run *run)
{
    double sum = total_of(run->partial, run->g * run->blocks);
    double weight = total_weight(run->w_gen, run->g * run->k) +
                    total_weight(run->w_neg, run->g * run->m) +
                    total_weight(run->w_pos, run->g * run->p);
    return weight > 0 ? sum / (double)run->n / weight : 0;
}

/* What follows from the scale. */
static void set_scale(field_run *run, double scale)
{
    const field_args *a = &run->args;
    int scaled = field_scales_features(a);
    run->unit = !scaled ? 1 : scale < 1e-3 ? 1e-3 : scale;
    run->s = field_feature_scale(a, scale, run->d);
    for (int j = 0; j < a->temperatures; j++) {
        double r = (double)a->r[j];
        int laplace = a->shape == FIELD_LAPLACE;
        run->c1[j] = laplace ? (float)(1 / (run->unit * r)) : 0;
        run->c2[j] =
            laplace ? 0 : (float)(.5 / (run->unit * run->unit * r * r));
    }
    /* The release adds 100 to the normalised distance of the self pair, the
     * others more than any distance is. */
    int release = a->variant == FIELD_RELEASE &&
                  a->normalization != FIELD_SEPARATE &&
                  a->normalization != FIELD_SINKHORN;
    run->masked = (float)(release ? 1e-4 + 100 * run->unit : 1e12 * run->unit);
    int xy = a->normalization == FIELD_XY;
    run->least = xy && a->variant == FIELD_RELEASE ? 1e-3f : 0;
    run->least_half =
        xy && a->variant == FIELD_TOY ? (float)(log(1e-12) / 2) : -INFINITY;
    run->scaled = 1;
    for (size_t g = 0; run->dist && g < run->g; g++)
        for (size_t b = 0; a->queries_are_targets && b < run->blocks; b++) {
            field_task task = field_task_of(run, g, b);
            mask_kept(run, &task);
        }
}

static CPU_SIMD double square_sum(const float *v, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += (double)v[j] * (double)v[j];
    return sum;
}

static CPU_SIMD void scale_row(float *v, float k, size_t n)
{
    for (size_t j = 0; j < n; j++)
        v[j] *= k;
}

/* V from the F kept (k given), and the losses. */
static void last_pass(const field_run *run, const double *k, float *loss)
{
    size_t nr = (size_t)run->temperatures, all = run->g * run->n;
#pragma omp parallel for collapse(2) num_threads(run->workers)
    for (size_t g = 0; g < run->g; g++)
        for (size_t b = 0; b < run->blocks; b++) {
            field_task task = field_task_of(run, g, b);
            double sum = 0;
            for (size_t i = task.first; i < task.last; i++) {
                size_t row = g * run->n + i;
                float *v = run->v + row * run->d;
                if (k)
                    scale_row(v, (float)k[nr - 1], run->d);
                for (size_t j = 0; k && j + 1 < nr; j++)
                    row_axpy(v, run->force + (j * all + row) * run->d,
                             (float)k[j], run->d);
                sum += square_sum(v, run->d);
            }
            run->partial[g * run->blocks + b] = sum;
        }
    for (size_t g = 0; g < run->g; g++)
        loss[g] =
            (float)(total_of(run->partial + g * run->blocks, run->blocks) /
                    (double)run->n / (double)run->d);
}

/* The k-th smallest of v, which is reordered (Hoare's FIND). */
static float kth(float *v, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = v[k];
        ptrdiff_t i = low, j = high;
        do {
            while (v[i] < pivot)
                i++;
            while (pivot < v[j])
                j--;
            if (i <= j) {
                float swap = v[i];
                v[i++] = v[j];
                v[j--] = swap;
            }
        } while (i <= j);
        if (j < k)
            low = i;
        if (k < i)
            high = j;
    }
    return v[k];
}

/* Mean and 10th percentile (linear between neighbours) over all rows. */
static void ess_stats(const field_run *run, int j, float *mean, float *low)
{
    size_t n = run->g * run->n, at = (n - 1) / 10;
    float *v = run->ess + (size_t)j * n;
    double sum = 0, part = .1 * (double)(n - 1) - (double)at;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    *mean = (float)(sum / (double)n);
    double a = (double)kth(v, (ptrdiff_t)n, (ptrdiff_t)at);
    double b = at + 1 < n ? (double)kth(v, (ptrdiff_t)n, (ptrdiff_t)at + 1) : a;
    *low = (float)(a + part * (b - a));
}

drift_status cpu_field(drift_context *ctx, tensor *v, tensor *loss,
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
                     .g = x->shape.dim[0],
                     .n = x->shape.dim[1],
                     .k = gen ? gen->shape.dim[1] : 0,
                     .m = neg ? neg->shape.dim[1] : 0,
                     .p = pos->shape.dim[1],
                     .d = x->shape.dim[2],
                     .x = f32(x),
                     .gen = f32(gen),
                     .neg = f32(neg),
                     .pos = f32(pos),
                     .w_gen = f32(w_gen),
                     .w_neg = f32(w_neg),
                     .w_pos = f32(w_pos),
                     .v = f32(v),
                     .temperatures = args.temperatures,
                     .floor = args.variant == FIELD_TOY ? 0 : 1e-8f};
    run.side[1] = run.k + run.m;
    run.t = run.side[2] = run.side[1] + run.p;
    run.direct = run.d < DISTANCE_DIRECT;
    int normalise = field_scales_drift(&args), nr = args.temperatures;
    double k[FIELD_MAX_R], raw[FIELD_MAX_R];
    float *out = f32(stats);
    TRY(field_plan(&run, memory));
    distances(&run);
    double scale = scale_of(&run);
    set_scale(&run, scale);
    for (int j = 0; j < nr; j++)
        k[j] = 1;
    forces(&run, normalise ? NULL : k);
    for (int j = 0; j < nr; j++) {
        size_t tasks = run.g * run.blocks;
        raw[j] = total_of(run.partial + (size_t)j * tasks, tasks) /
                 ((double)run.g * (double)run.n * (double)run.d);
        if (normalise)
            k[j] = 1 / sqrt(raw[j] < 1e-8 ? 1e-8 : raw[j]);
        out[FIELD_STAT_RAW(nr, j)] = (float)raw[j];
        out[FIELD_STAT_NORMED(nr, j)] = (float)(raw[j] * k[j] * k[j]);
        ess_stats(&run, j, &out[FIELD_STAT_ESS(nr, j)],
                  &out[FIELD_STAT_ESS10(nr, j)]);
    }
    out[FIELD_STAT_SCALE] = (float)scale;
    int kept = normalise && (run.force || nr == 1);
    if (normalise && !kept)
        forces(&run, k);
    last_pass(&run, kept ? k : NULL, f32(loss));
out:
    field_plan_free(&run);
    return status;
}
