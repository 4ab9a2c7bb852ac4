/* Previews: images as a sheet with a row a class; points as clouds over the
 * data, side by side over the steps, and with the field around them. */
#include "train/preview.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "drift/field.h"
#include "formats/image.h"
#include "formats/npy.h"
#include "plot/plot.h"

/* Samples generated at once. */
#define BATCH 64

/* Points drawn beside each other say little beyond so many. */
#define POINTS 2000

/* Steps in progress.png, arrows a side in field.png. */
#define SQUARES 5
#define ARROWS  24

static size_t sample_numbers(const generator *g)
{
    sample_shape x = generator_image_shape(g);
    return (size_t)x.height * (size_t)x.width * (size_t)x.channels;
}

/* -- life --------------------------------------------------------------- */

/* Rows are classes; without classes the sheet is about square. */
static void choose_layout(preview *p)
{
    size_t wanted = (size_t)p->c->run.preview_count;
    size_t classes = (size_t)p->generator->sample.classes;
    if (p->plane) {
        p->count = wanted > POINTS ? wanted : POINTS;
        p->columns = 1;
    } else if (classes > 1) {
        p->columns = wanted > classes ? wanted / classes : 1;
        p->count = p->columns * classes;
    } else {
        p->columns = (size_t)ceil(sqrt((double)wanted));
        p->count = (wanted + p->columns - 1) / p->columns * p->columns;
    }
}

static drift_status make_inputs(preview *p)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = p->ctx;
    const generator_config *g = &p->generator->config;
    size_t style = (size_t)g->style_tokens;
    size_t classes = (size_t)p->generator->sample.classes;
    rng_stream noise = {(uint64_t)p->c->run.seed, RNG_PREVIEW, 0};
    rng_stream codes = {(uint64_t)p->c->run.seed, RNG_PREVIEW, 1};
    for (size_t i = 0; i < p->count; i++)
        p->labels[i] =
            (int)(p->plane || classes == 1 ? i % classes : i / p->columns);
    TRY(tensor_new(ctx, &p->noise, DTYPE_F32,
                   generator_noise_shape(p->generator, p->count)));
    TRY(op_normal(ctx, &p->noise, noise, 0, 0, g->noise_std));
    TRY(tensor_new(ctx, &p->label, DTYPE_I32, SHAPE(p->count, 1)));
    TRY(tensor_write(ctx, &p->label, p->labels));
    TRY(tensor_new(ctx, &p->alpha, DTYPE_F32, SHAPE(p->count, 1)));
    TRY(op_fill(ctx, &p->alpha, p->c->run.preview_alpha));
    if (style) {
        TRY(tensor_new(ctx, &p->style, DTYPE_I32, SHAPE(p->count, style)));
        TRY(op_index(ctx, &p->style, codes, 0, g->style_codes));
    }
out:
    return status;
}

drift_status preview_new(drift_context *ctx, const config *c, const rundir *dir,
                         generator *g, dataset *data, preview *p)
{
    drift_status status = DRIFT_OK;
    size_t numbers = sample_numbers(g);
    sample_shape shown = generator_image_shape(g);
    *p = (preview){.ctx = ctx,
                   .c = c,
                   .dir = dir,
                   .generator = g,
                   .plane = data->points && numbers == 2};
    choose_layout(p);
    if (!p->plane &&
        drift_sheet_check(ctx, p->count, p->columns, (size_t)shown.height,
                          (size_t)shown.width, 0) != DRIFT_OK) {
        status = error_prefix(ctx, DRIFT_ERROR_USAGE, "run.preview_count = %d",
                              c->run.preview_count);
        goto out;
    }
    p->samples = mem_alloc(ctx, p->count * numbers, sizeof *p->samples);
    p->labels = mem_alloc(ctx, p->count, sizeof *p->labels);
    p->data = mem_alloc(ctx, p->plane ? 2 * p->count : 1, sizeof *p->data);
    if (!p->samples || !p->labels || !p->data) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (p->plane)
        for (size_t i = 0; i < p->count; i++)
            TRY(data->get(data, data->count ? i % data->count : i,
                          p->data + 2 * i));
    if (!data->points && data->count)
        TRY(comparison_new(ctx, g, data, p->columns < 10 ? p->columns : 10,
                           &p->comparison));
    TRY(make_inputs(p));
    TRY(tape_new(ctx, 0, &p->tape));
out:
    return status;
}

void preview_free(preview *p)
{
    if (!p->ctx)
        return;
    tape_free(p->tape);
    tensor_free(p->ctx, &p->noise);
    tensor_free(p->ctx, &p->label);
    tensor_free(p->ctx, &p->alpha);
    tensor_free(p->ctx, &p->style);
    for (size_t i = 0; i < p->snapshot_count; i++)
        mem_free(p->snapshots[i].xy);
    comparison_free(&p->comparison);
    mem_free(p->snapshots);
    mem_free(p->path);
    mem_free(p->data);
    mem_free(p->labels);
    mem_free(p->samples);
    *p = (preview){0};
}

/* -- samples ------------------------------------------------------------ */

static tensor rows(const tensor *t, size_t first, size_t count)
{
    if (!t->block)
        return (tensor){0};
    shape s = t->shape;
    size_t row = tensor_count(t) / s.dim[0];
    s.dim[0] = count;
    return tensor_view(t, first * row, s);
}

static drift_status generate(preview *p, const tensor *flat)
{
    drift_status status = DRIFT_OK;
    const generator_config *g = &p->generator->config;
    size_t numbers = sample_numbers(p->generator);
    for (size_t first = 0; first < p->count; first += BATCH) {
        size_t n = p->count - first < BATCH ? p->count - first : BATCH;
        tensor noise = rows(&p->noise, first, n);
        tensor label = rows(&p->label, first, n);
        tensor alpha = rows(&p->alpha, first, n);
        tensor style = rows(&p->style, first, n);
        generator_input in = {.noise = &noise,
                              .label = g->use_class ? &label : NULL,
                              .alpha = g->use_alpha ? &alpha : NULL,
                              .style = g->style_tokens ? &style : NULL};
        var *y = generator_forward(p->generator, p->tape, flat, &in);
        y = generator_image(p->generator, p->tape, y);
        TRY(tape_status(p->tape));
        TRY(tensor_read(p->ctx, &y->value, p->samples + first * numbers));
        tape_reset(p->tape, 0);
    }
out:
    tape_reset(p->tape, 0);
    return status;
}

static drift_status write_sheet(preview *p, const char *path)
{
    drift_status status = DRIFT_OK;
    char *beside = rundir_path(p->dir, "comparison.png");
    sample_shape x = generator_image_shape(p->generator);
    size_t total = p->count * sample_numbers(p->generator);
    unsigned char *bytes = mem_alloc(p->ctx, total, 1);
    if (!bytes || !beside) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    drift_to_bytes(p->samples, total, bytes);
    TRY(drift_write_sheet(p->ctx, path, bytes, p->count, p->columns,
                          (size_t)x.height, (size_t)x.width, (size_t)x.channels,
                          0));
    if (p->comparison.images)
        TRY(comparison_write(&p->comparison, beside, p->samples, p->labels,
                             p->count));
out:
    mem_free(beside);
    mem_free(bytes);
    return status;
}

/* -- points in the plane ------------------------------------------------ */

/* Half the side of a square about 0 that shows all data. */
static float reach(const preview *p)
{
    float most = 0;
    for (size_t i = 0; i < 2 * p->count; i++)
        most = fmaxf(most, fabsf(p->data[i]));
    return most > 0 ? 1.15f * most : 1;
}

static drift_status remember(preview *p, int64_t step, const float *xy,
                             size_t count)
{
    if (p->snapshot_count == p->snapshot_room) {
        size_t room = p->snapshot_room ? 2 * p->snapshot_room : 16;
        snapshot *more = mem_resize(p->ctx, p->snapshots, room, sizeof *more);
        if (!more)
            return DRIFT_ERROR_MEMORY;
        p->snapshots = more;
        p->snapshot_room = room;
    }
    float *copy = mem_alloc(p->ctx, 2 * count, sizeof *copy);
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    memcpy(copy, xy, 2 * count * sizeof *copy);
    p->snapshots[p->snapshot_count++] = (snapshot){step, count, copy};
    return DRIFT_OK;
}

/* The same on disk, for a run that goes on: samples/step-N.npz. */
static drift_status keep(preview *p, int64_t step)
{
    drift_status status = DRIFT_OK;
    zip_writer *w = NULL;
    size_t size[] = {p->count, 2};
    char *path = rundir_path(p->dir, "samples/step-%06" PRId64 ".npz", step);
    if (!path)
        return DRIFT_ERROR_MEMORY;
    TRY(zip_create(p->ctx, path, &w));
    TRY(npz_put(w, "points", ARRAY_F32, 2, size, p->samples));
    status = zip_commit(w);
    w = NULL;
out:
    zip_abort(w);
    mem_free(path);
    return status;
}

static drift_status recall(preview *p, const char *path, int64_t step)
{
    drift_status status = DRIFT_OK;
    array_list list = {0};
    TRY(npz_read(p->ctx, path, &list));
    const array *a = array_list_find(&list, "points");
    if (!a || a->type != ARRAY_F32 || a->ndim != 2 || a->dim[1] != 2)
        FAIL(p->ctx, DRIFT_ERROR_FORMAT, "'%s' holds no points of the plane",
             path);
    TRY(remember(p, step, a->data, a->dim[0]));
out:
    array_list_free(&list);
    return status;
}

static int by_step(const void *a, const void *b)
{
    const snapshot *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

drift_status preview_restore(preview *p, int64_t last)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *path = NULL;
    size_t count = 0;
    char *folder = rundir_path(p->dir, "samples");
    if (!folder)
        return DRIFT_ERROR_MEMORY;
    if (p->plane)
        TRY(file_list(p->ctx, folder, &names, &count));
    for (size_t i = 0; i < count; i++) {
        int64_t step = rundir_number(names[i], "step-", ".npz");
        if (step < 0 || step > last)
            continue;
        mem_free(path);
        path = mem_printf(p->ctx, "%s/%s", folder, names[i]);
        status = path ? recall(p, path, step) : DRIFT_ERROR_MEMORY;
        if (status == DRIFT_ERROR_MEMORY)
            goto out;
        if (status != DRIFT_OK) {
            rundir_warn(p->dir, "progress.png will lack a step: %s",
                        drift_error_text(p->ctx));
            drift_error_clear(p->ctx);
            status = DRIFT_OK;
        }
    }
    if (p->snapshot_count)
        qsort(p->snapshots, p->snapshot_count, sizeof *p->snapshots, by_step);
out:
    file_list_free(names, count);
    mem_free(path);
    mem_free(folder);
    return status;
}

/* Snapshots of the given numbers side by side, over the data. */
static drift_status write_clouds(preview *p, const char *path,
                                 const size_t *which, size_t count)
{
    plot_cloud clouds[SQUARES][2];
    plot_square squares[SQUARES];
    char titles[SQUARES][40];
    for (size_t i = 0; i < count; i++) {
        const snapshot *s = &p->snapshots[which[i]];
        clouds[i][0] = (plot_cloud){
            .name = "data", .xy = p->data, .count = p->count, .faint = 1};
        clouds[i][1] =
            (plot_cloud){.name = "generated", .xy = s->xy, .count = s->count};
        snprintf(titles[i], sizeof titles[i], "step %" PRId64, s->step);
        squares[i] = (plot_square){.title = titles[i],
                                   .clouds = clouds[i],
                                   .cloud_count = 2,
                                   .low = -reach(p),
                                   .high = reach(p)};
    }
    return plot_points(p->ctx, path, squares, count, 0);
}

/* The field on a grid, data against the present samples. xy, v [ARROWS^2,2];
 * the longest arrow is as long as a cell is wide. */
static drift_status field_on_grid(preview *p, float *xy, float *v)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = p->ctx;
    size_t n = ARROWS * ARROWS, k = p->count;
    float side = reach(p), cell = 2 * side / ARROWS, longest = 0;
    field_args args = field_args_of(&p->c->drift);
    tensor x = {0}, gen = {0}, pos = {0}, to = {0}, loss = {0}, stats = {0};
    args.queries_are_targets = 0;
    for (size_t i = 0; i < n; i++) {
        xy[2 * i] = -side + cell * ((float)(i % ARROWS) + .5f);
        xy[2 * i + 1] = -side + cell * ((float)(i / ARROWS) + .5f);
    }
    TRY(tensor_new(ctx, &x, DTYPE_F32, SHAPE(1, n, 2)));
    TRY(tensor_new(ctx, &gen, DTYPE_F32, SHAPE(1, k, 2)));
    TRY(tensor_new(ctx, &pos, DTYPE_F32, SHAPE(1, k, 2)));
    TRY(tensor_new(ctx, &to, DTYPE_F32, SHAPE(1, n, 2)));
    TRY(tensor_new(ctx, &loss, DTYPE_F32, SHAPE(1)));
    TRY(tensor_new(ctx, &stats, DTYPE_F32,
                   SHAPE(FIELD_STATS(args.temperatures))));
    TRY(tensor_write(ctx, &x, xy));
    TRY(tensor_write(ctx, &gen, p->samples));
    TRY(tensor_write(ctx, &pos, p->data));
    TRY(op_field(ctx, &to, &loss, &stats, &x, &gen, NULL, &pos, NULL, NULL,
                 NULL, args, (size_t)64 << 20));
    TRY(tensor_read(ctx, &to, v));
    for (size_t i = 0; i < n; i++)
        longest = fmaxf(longest, hypotf(v[2 * i], v[2 * i + 1]));
    for (size_t i = 0; longest > 0 && i < 2 * n; i++)
        v[i] *= cell / longest;
out:
    tensor_free(ctx, &x);
    tensor_free(ctx, &gen);
    tensor_free(ctx, &pos);
    tensor_free(ctx, &to);
    tensor_free(ctx, &loss);
    tensor_free(ctx, &stats);
    return status;
}

static drift_status write_field(preview *p, const char *path)
{
    drift_status status = DRIFT_OK;
    float *xy = mem_alloc(p->ctx, 2 * ARROWS * ARROWS, sizeof *xy);
    float *v = mem_alloc(p->ctx, 2 * ARROWS * ARROWS, sizeof *v);
    if (!xy || !v) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(field_on_grid(p, xy, v));
    plot_cloud clouds[] = {
        {.name = "data", .xy = p->data, .count = p->count, .faint = 1},
        {.name = "generated", .xy = p->samples, .count = p->count},
        {.name = "field", .xy = xy, .arrows = v, .count = ARROWS * ARROWS},
    };
    plot_square square = {.title = "field",
                          .clouds = clouds,
                          .cloud_count = 3,
                          .low = -reach(p),
                          .high = reach(p)};
    TRY(plot_points(p->ctx, path, &square, 1, 0));
out:
    mem_free(v);
    mem_free(xy);
    return status;
}

/* First, last and what lies evenly between. */
static size_t choose_progress(const preview *p, size_t which[SQUARES])
{
    size_t n = p->snapshot_count, count = n < SQUARES ? n : SQUARES;
    for (size_t i = 0; i < count; i++)
        which[i] = count > 1 ? i * (n - 1) / (count - 1) : 0;
    return count;
}

static drift_status make_plane(preview *p, const char *path, int64_t step)
{
    drift_status status = DRIFT_OK;
    char *whole = rundir_path(p->dir, "samples.png");
    char *progress = rundir_path(p->dir, "progress.png");
    char *field = rundir_path(p->dir, "field.png");
    size_t which[SQUARES], last = p->snapshot_count;
    if (!whole || !progress || !field) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(keep(p, step));
    TRY(remember(p, step, p->samples, p->count));
    TRY(write_clouds(p, path, &last, 1));
    TRY(write_clouds(p, whole, &last, 1));
    TRY(write_clouds(p, progress, which, choose_progress(p, which)));
    TRY(write_field(p, field));
out:
    mem_free(field);
    mem_free(progress);
    mem_free(whole);
    return status;
}

/* -- making ------------------------------------------------------------- */

drift_status preview_make(preview *p, const tensor *flat, int64_t step)
{
    drift_status status = DRIFT_OK;
    char *path = rundir_path(p->dir, "samples/step-%06" PRId64 ".png", step);
    if (!path)
        return DRIFT_ERROR_MEMORY;
    TRY(generate(p, flat));
    if (p->plane)
        TRY(make_plane(p, path, step));
    else
        TRY(write_sheet(p, path));
    mem_free(p->path);
    p->path = path;
    path = NULL;
out:
    mem_free(path);
    return status;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = rundir_number(*(char *const *)a, "step-", ".png");
    int64_t y = rundir_number(*(char *const *)b, "step-", ".png");
    return (x > y) - (x < y);
}

/* Whether a picture has the size of `like`, which takes it from the first. */
static int same_size(preview *p, const char *path, image *like)
{
    image img = {0};
    int same = image_read(p->ctx, path, &img) == DRIFT_OK;
    if (same && !like->height)
        *like = (image){.height = img.height, .width = img.width};
    same = same && img.height == like->height && img.width == like->width;
    drift_error_clear(p->ctx);
    image_free(&img);
    return same;
}

drift_status preview_gif(preview *p)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, **paths = NULL;
    size_t count = 0, first, left = 0;
    image size = {0};
    char *folder = rundir_path(p->dir, "samples");
    char *to = rundir_path(p->dir, "run.gif");
    if (!folder || !to) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(file_list(p->ctx, folder, &names, &count));
    paths = mem_alloc(p->ctx, count, sizeof *paths);
    if (!paths) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    first = count; /* of the frames, from the last picture backward */
    if (count)
        qsort(names, count, sizeof *names, by_number);
    for (size_t i = count; i-- > 0;) {
        if (rundir_number(names[i], "step-", ".png") < 0)
            continue;
        char *path = mem_printf(p->ctx, "%s/%s", folder, names[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (same_size(p, path, &size)) {
            paths[--first] = path;
        } else {
            mem_free(path);
            left++;
        }
    }
    if (left)
        rundir_warn(p->dir,
                    "run.gif leaves out %zu pictures of another size than "
                    "the last",
                    left);
    TRY(plot_gif(p->ctx, to, (const char *const *)paths + first, count - first,
                 200));
out:
    for (size_t i = 0; paths && i < count; i++)
        mem_free(paths[i]);
    mem_free(paths);
    file_list_free(names, count);
    mem_free(to);
    mem_free(folder);
    return status;
}
