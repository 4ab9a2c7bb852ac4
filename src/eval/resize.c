/* Resizing for scores: see resize.h. Each axis is a table of what an output is
 * the weighted sum of, made in double; the ways differ in their tables
 * and in the numbers that they give. */
#include "eval/resize.h"

#include <math.h>

#include "base/mem.h"

const char *const resize_modes[RESIZE_MODES] = {[RESIZE_LEGACY_TENSORFLOW] =
                                                    "legacy-tensorflow",
                                                [RESIZE_PYTORCH] = "pytorch",
                                                [RESIZE_CLEAN] = "clean"};

typedef struct axis {
    size_t from, to;
    size_t most;   /* weights an output has room for */
    size_t *first; /* [to] the first input, */
    size_t *count; /* [to] how many */
    float *weight; /* [to,most] */
} axis;

struct resizer {
    drift_context *ctx;
    resize_mode mode;
    size_t c;
    axis down, across;
};

/* -- tables --------------------------------------------------------------- */

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Of Keys, a = -1/2, as Pillow's. */
static double cubic(double x)
{
    x = fabs(x);
    return x < 1   ? (1.5 * x - 2.5) * x * x + 1
           : x < 2 ? ((-.5 * x + 2.5) * x - 4) * x + 2
                   : 0;
}

static size_t clamped(double place, size_t n)
{
    return place < 0 ? 0 : place > (double)(n - 1) ? n - 1 : (size_t)place;
}

/* Output i: inputs beyond the edge are the edge's for the bilinear ways, and
 * left out by the clean one. */
static void weigh(axis *a, resize_mode mode, double reach, size_t i)
{
    int clean = mode == RESIZE_CLEAN;
    double shift = mode == RESIZE_LEGACY_TENSORFLOW ? 0 : .5;
    double step = (double)a->from / (double)a->to, sum = 0;
    double centre = ((double)i + shift) * step - shift;
    double begin = ceil(centre - reach), end = floor(centre + reach);
    double width = clean ? reach / 2 : 1;
    size_t first = clamped(begin, a->from), last = clamped(end, a->from);
    float *to = a->weight + i * a->most;
    a->first[i] = first;
    a->count[i] = last - first + 1;
    for (int pass = 0; pass < 2; pass++)
        for (double k = begin; k <= end; k++) {
            size_t place = clamped(k, a->from);
            double x = (k - centre) / width;
            if (clean && (double)place != k)
                continue;
            if (pass)
                to[place - first] +=
                    (float)((clean ? cubic(x) : triangle(x)) / sum);
            else
                sum += clean ? cubic(x) : triangle(x);
        }
}

static drift_status axis_open(drift_context *ctx, resize_mode mode, size_t from,
                              size_t to, axis *a)
{
    double step = (double)from / (double)to;
    double reach = mode != RESIZE_CLEAN ? 1 : step > 1 ? 2 * step : 2;
    *a = (axis){.from = from, .to = to, .most = 2 * (size_t)reach + 2};
    a->first = mem_alloc(ctx, to, sizeof *a->first);
    a->count = mem_alloc(ctx, to, sizeof *a->count);
    a->weight = mem_alloc(ctx, to * a->most, sizeof *a->weight);
    if (!a->first || !a->count || !a->weight)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < to; i++)
        weigh(a, mode, reach, i);
    return DRIFT_OK;
}

static void axis_close(axis *a)
{
    mem_free(a->first);
    mem_free(a->count);
    mem_free(a->weight);
}

drift_status resizer_new(drift_context *ctx, resize_mode mode, size_t h,
                         size_t w, size_t c, size_t to_h, size_t to_w,
                         resizer **out)
{
    drift_status status = DRIFT_OK;
    resizer *r = mem_alloc(ctx, 1, sizeof *r);
    *out = NULL;
    if (!r)
        return DRIFT_ERROR_MEMORY;
    r->ctx = ctx;
    r->mode = mode;
    r->c = c;
    TRY(axis_open(ctx, mode, h, to_h, &r->down));
    TRY(axis_open(ctx, mode, w, to_w, &r->across));
    *out = r;
    r = NULL;
out:
    resizer_free(r);
    return status;
}

void resizer_free(resizer *r)
{
    if (!r)
        return;
    axis_close(&r->down);
    axis_close(&r->across);
    mem_free(r);
}

/* -- running -------------------------------------------------------------- */

static void run_across(const resizer *r, float *restrict to,
                       const float *restrict from)
{
    const axis *a = &r->across;
    size_t c = r->c;
    for (size_t i = 0; i < a->to; i++) {
        const float *w = a->weight + i * a->most;
        const float *pixel = from + a->first[i] * c;
        for (size_t k = 0; k < c; k++) {
            float sum = 0;
            for (size_t j = 0; j < a->count[i]; j++)
                sum += w[j] * pixel[j * c + k];
            to[i * c + k] = sum;
        }
    }
}

/* Row i of an image [from,line]. */
static void run_down(const resizer *r, float *restrict to,
                     const float *restrict from, size_t line, size_t i)
{
    const axis *a = &r->down;
    int as_is = r->mode == RESIZE_PYTORCH;
    float scale = as_is ? 1 : 127.5f / 128, shift = as_is ? 0 : -.5f / 128;
    from += a->first[i] * line;
    for (size_t k = 0; k < line; k++)
        to[k] = 0;
    for (size_t j = 0; j < a->count[i]; j++, from += line) {
        float w = a->weight[i * a->most + j];
        for (size_t k = 0; k < line; k++)
            to[k] += w * from[k];
    }
    /* Bicubic weights go beyond what they weigh. */
    for (size_t k = 0; k < line; k++) {
        float x = to[k] < -1 ? -1 : to[k] > 1 ? 1 : to[k];
        to[k] = x * scale + shift;
    }
}

drift_status resizer_run(const resizer *r, const float *pixels, size_t count,
                         float *out)
{
    size_t h = r->down.from, to_h = r->down.to;
    size_t line = r->across.to * r->c, from = r->across.from * r->c;
    float *rows = mem_alloc(r->ctx, count * h * line, sizeof *rows);
    if (!rows)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for
    for (size_t i = 0; i < count * h; i++)
        run_across(r, rows + i * line, pixels + i * from);
#pragma omp parallel for
    for (size_t i = 0; i < count * to_h; i++)
        run_down(r, out + i * line, rows + i / to_h * h * line, line, i % to_h);
    mem_free(rows);
    return DRIFT_OK;
}
