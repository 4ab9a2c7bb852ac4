/* drift-sample: new samples of a trained model, as pictures or numbers. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

/* Samples made, converted and written at once. */
#define PIECE 512

static struct {
    const char *classes, *alpha, *grid, *png, *npz, *ema;
    int64_t seed, count, columns, frames;
} arg;

static const option options[] = {
    {OPTION_WHOLE, "count", "N",
     "how many, for each alpha [100; points: 10000]", &arg.count, 1, 1e9},
    {OPTION_TEXT, "class", "LIST", "classes in turn, as 7 or 0,cat,5 [all]",
     &arg.classes, 0, 0},
    {OPTION_TEXT, "alpha", "LIST",
     "guidance strengths, a row of the grid each [1]",
     &arg.alpha, 0, 0},
    {OPTION_WHOLE, "seed", "N", "which samples [0]", &arg.seed, 0, 1e15},
    {OPTION_TEXT, "grid", "FILE.png", "all in one picture; - = stdout",
     &arg.grid, 0, 0},
    {OPTION_WHOLE, "columns", "N", "images in a row of the grid", &arg.columns,
     1, 10000},
    {OPTION_TEXT, "png", "DIR", "one file an image: DIR/NUMBER-CLASS.png",
     &arg.png, 0, 0},
    {OPTION_TEXT, "npz", "FILE", "arrays for numpy; - = stdout", &arg.npz, 0,
     0},
    {OPTION_TEXT, "ema", "NAME", "averaged weights, as 0.999; none = plain",
     &arg.ema, 0, 0},
    {OPTION_WHOLE, "interpolate", "N",
     "N images between two noises, count times", &arg.frames, 2, 10000},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static const tool sample = {
    "drift-sample", "[OPTIONS] CHECKPOINT-OR-RUN-DIRECTORY",
    "Make new samples with a trained model; at least one of --grid, --png and "
    "--npz.",
    cli_run_options,
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device; 129, 130 or 143\n"
    "after a signal.",
    options};

#define MOST_ALPHAS 64
#define MOST_ALPHA  1000 /* as guidance.alpha_max */

/* Everything of one call. */
typedef struct job {
    drift_context *ctx;
    drift_model *model;
    const drift_model_info *info;
    drift_npz *npz;
    float alphas[MOST_ALPHAS]; /* the same samples for each */
    size_t alpha_count;
    size_t each;           /* samples of an alpha */
    size_t count, columns; /* of the grid */
    int class_rows;        /* its rows are classes */
    int32_t *labels;       /* [count] */
    float *alpha;          /* [count] */
    /* for --interpolate and several alphas: input of every sample */
    int own_noise;
    float *noise;
    int32_t *styles;
    /* for --grid: every sample, u8 or points */
    unsigned char *images;
    float *points;
    /* one piece */
    float *samples;
    unsigned char *bytes;
} job;

static void *take(size_t count, size_t size)
{
    return calloc(count ? count : 1, size);
}

/* -- the input ------------------------------------------------------------ */

/* A class by its number or, where that is none, by its name: its number, or -1
 * when there is no such class, -2 when the text is neither. */
static long class_of(const drift_model_info *i, const char *text, size_t length)
{
    if (length && strspn(text, "0123456789") >= length) {
        long v = length < 10 ? strtol(text, NULL, 10) : LONG_MAX;
        return v < i->classes ? v : -1;
    }
    for (int k = 0; i->class_names && k < i->classes; k++)
        if (strlen(i->class_names[k]) == length &&
            !strncmp(i->class_names[k], text, length))
            return k;
    return i->class_names && length ? -1 : -2;
}

/* "0,3,5" in turn over the rows; returns -1 to go on. */
static int fill_labels(job *j, size_t frames)
{
    int32_t list[1024];
    size_t n = 0;
    const char *p = arg.classes;
    while (p) {
        size_t length = strcspn(p, ",");
        long v = class_of(j->info, p, length);
        if (v == -2)
            return cli_usage(&sample,
                             "--class: '%s' is not a list of whole "
                             "numbers, as 0,3,5",
                             arg.classes);
        if (v == -1)
            return cli_usage(&sample,
                             "--class: the model has no class %.*s; "
                             "allowed: 0 to %d%s",
                             (int)length, p, j->info->classes - 1,
                             j->info->class_names ? " and their names" : "");
        if (n == sizeof list / sizeof *list)
            return cli_usage(&sample, "--class: more than %zu classes", n);
        list[n++] = (int32_t)v;
        p = p[length] ? p + length + 1 : NULL;
    }
    for (size_t i = 0; i < j->count; i++) {
        size_t row = i % j->each / frames;
        j->labels[i] =
            n ? list[row % n] : (int32_t)(row % (size_t)j->info->classes);
        j->alpha[i] = j->alphas[i / j->each];
    }
    return -1;
}

/* "1,1.5,2"; returns -1 to go on. */
static int read_alphas(job *j)
{
    const char *p = arg.alpha ? arg.alpha : "1";
    while (*p) {
        char *end;
        float v = strtof(p, &end);
        if (end == p || isnan(v) || (*end && (*end != ',' || !end[1])))
            return cli_usage(&sample,
                             "--alpha: '%s' is not a list of numbers, as "
                             "1,1.5,2",
                             arg.alpha);
        if (!(v >= 1 && v <= MOST_ALPHA))
            return cli_usage(&sample, "--alpha: %.*s is not within 1 to %d",
                             (int)(end - p), p, MOST_ALPHA);
        if (j->alpha_count == MOST_ALPHAS)
            return cli_usage(&sample, "--alpha: more than %d numbers",
                             MOST_ALPHAS);
        j->alphas[j->alpha_count++] = v;
        p = *end ? end + 1 : end;
    }
    return j->alpha_count ? -1
                          : cli_usage(&sample, "--alpha: the list is empty");
}

/* The noise of every further alpha is that of the first. */
static void repeat_noise(job *j)
{
    size_t n = j->each * j->info->noise, k = j->each * j->info->styles;
    for (size_t i = 1; i < j->alpha_count; i++) {
        memcpy(j->noise + i * n, j->noise, n * sizeof *j->noise);
        memcpy(j->styles + i * k, j->styles, k * sizeof *j->styles);
    }
}

/* Row r goes from noise 2r to noise 2r+1. */
static void fill_noise(job *j, size_t frames)
{
    for (size_t r = 0; r * frames < j->each; r++)
        drift_model_noise_between(j->model, (uint64_t)arg.seed, 2 * r,
                                  2 * r + 1, frames,
                                  j->noise + r * frames * j->info->noise,
                                  j->styles + r * frames * j->info->styles);
}

/* As in the previews of a run: a row a class, as long as rows stay short. */
static void choose_grid(job *j)
{
    size_t classes = (size_t)j->info->classes;
    j->class_rows = !arg.columns && !arg.frames && !arg.classes &&
                    j->alpha_count == 1 && classes > 1 &&
                    j->count % classes == 0 && j->count <= 40 * classes;
    j->columns = j->class_rows        ? j->count / classes
                 : arg.columns        ? (size_t)arg.columns
                 : arg.frames         ? (size_t)arg.frames
                 : j->alpha_count > 1 ? j->each
                                      : (size_t)ceil(sqrt((double)j->count));
}

/* Options that the model has no use for. Returns -1 to go on. */
static int check_model(const job *j)
{
    const drift_model_info *i = j->info;
    if (i->points && arg.png)
        return cli_usage(&sample, "--png: the model makes points, not images; "
                                  "use --grid or --npz");
    if (i->points && arg.columns)
        return cli_usage(&sample, "--columns: the model makes points, not "
                                  "images; they have none");
    if (arg.alpha && !i->use_alpha)
        return cli_usage(&sample, "--alpha: the model was trained without "
                                  "(generator.use_alpha is false)");
    if (arg.classes && !i->use_class)
        return cli_usage(&sample, "--class: the model was trained without "
                                  "(generator.use_class is false)");
    return -1;
}

/* What can fail after hours is tried before. */
static drift_status check_outputs(job *j)
{
    const drift_model_info *i = j->info;
    drift_status status = DRIFT_OK;
    if (arg.grid && !i->points)
        status = drift_sheet_check(j->ctx, j->count, j->columns,
                                   (size_t)i->height, (size_t)i->width, 0);
    if (status == DRIFT_OK && arg.grid)
        status = cli_try_output(j->ctx, arg.grid);
    if (status == DRIFT_OK && arg.png)
        status = cli_make_dir(j->ctx, arg.png);
    if (status == DRIFT_OK && arg.npz)
        status = drift_npz_create(j->ctx, arg.npz, i, j->count, &j->npz);
    return status;
}

/* Returns -1 to go on. */
static int prepare(job *j)
{
    size_t frames = arg.frames ? (size_t)arg.frames : 1;
    int code = read_alphas(j);
    if (code >= 0)
        return code;
    size_t rows = arg.count                          ? (size_t)arg.count
                  : arg.frames || j->alpha_count > 1 ? 10
                  : j->info->points                  ? 10000
                                                     : 100;
    size_t n = j->info->numbers;
    if (rows > SIZE_MAX / 16 / frames / MOST_ALPHAS / (n + j->info->noise + 1))
        return cli_usage(&sample, "--count: too many samples");
    j->each = frames * rows;
    j->count = j->each * j->alpha_count;
    j->own_noise = arg.frames || j->alpha_count > 1;
    size_t all = j->own_noise ? j->count : 0;
    choose_grid(j);
    size_t piece = j->count < PIECE ? j->count : PIECE;
    j->labels = take(j->count, sizeof *j->labels);
    j->alpha = take(j->count, sizeof *j->alpha);
    j->noise = take(all * j->info->noise, sizeof *j->noise);
    j->styles = take(all * j->info->styles, sizeof *j->styles);
    j->samples = take(piece * n, sizeof *j->samples);
    j->bytes = take(piece * n, 1);
    size_t kept = arg.grid ? j->count * n : 0;
    j->images = take(j->info->points ? 0 : kept, 1);
    j->points = take(j->info->points ? kept : 0, sizeof *j->points);
    if (!j->labels || !j->alpha || !j->noise || !j->styles || !j->samples ||
        !j->bytes || !j->images || !j->points) {
        fprintf(stderr, "%s: out of memory for %zu samples\n", sample.name,
                j->count);
        return EXIT_FAILED;
    }
    code = fill_labels(j, frames);
    if (code >= 0 || !j->own_noise)
        return code;
    if (arg.frames)
        fill_noise(j, frames);
    else
        drift_model_noise(j->model, (uint64_t)arg.seed, 0, j->each, j->noise,
                          j->styles);
    repeat_noise(j);
    return -1;
}

/* -- the output ------------------------------------------------------------ */

static drift_status write_pngs(job *j, size_t first, size_t count)
{
    const drift_model_info *i = j->info;
    drift_status status = DRIFT_OK;
    char path[PATH_MAX];
    for (size_t k = 0; k < count && status == DRIFT_OK; k++) {
        snprintf(path, sizeof path, "%s/%06zu-%d.png", arg.png, first + k,
                 (int)j->labels[first + k]);
        status = drift_write_png(j->ctx, path, j->bytes + k * i->numbers,
                                 (size_t)i->height, (size_t)i->width,
                                 (size_t)i->channels);
    }
    return status;
}

/* Where sample i goes in the grid; its class is i mod classes by default. */
static size_t grid_place(const job *j, size_t i)
{
    size_t classes = (size_t)j->info->classes;
    return j->class_rows ? i % classes * j->columns + i / classes : i;
}

/* Samples first ... first + count - 1: make them and give them out. */
static drift_status make_piece(job *j, size_t first, size_t count)
{
    size_t n = j->info->numbers;
    int points = j->info->points;
    drift_request r = {
        .count = count,
        .seed = (uint64_t)arg.seed,
        .first = first,
        .labels = j->labels + first,
        .alpha = j->alpha + first,
        .noise = j->own_noise ? j->noise + first * j->info->noise : NULL,
        .styles = j->own_noise ? j->styles + first * j->info->styles : NULL};
    drift_status status = drift_model_sample(j->model, &r, j->samples);
    if (status != DRIFT_OK)
        return status;
    if (!points)
        drift_to_bytes(j->samples, count * n, j->bytes);
    if (arg.grid && points)
        memcpy(j->points + first * n, j->samples, count * n * sizeof(float));
    for (size_t k = 0; arg.grid && !points && k < count; k++)
        memcpy(j->images + grid_place(j, first + k) * n, j->bytes + k * n, n);
    if (arg.png)
        status = write_pngs(j, first, count);
    if (status == DRIFT_OK && j->npz)
        status = drift_npz_add(j->npz,
                               points ? (void *)j->samples : (void *)j->bytes,
                               j->labels + first, j->alpha + first, count);
    return status;
}

static drift_status write_grid(job *j)
{
    const drift_model_info *i = j->info;
    if (i->points)
        return drift_write_points(j->ctx, arg.grid, j->points, j->labels,
                                  j->count);
    return drift_write_sheet(j->ctx, arg.grid, j->images, j->count, j->columns,
                             (size_t)i->height, (size_t)i->width,
                             (size_t)i->channels, 0);
}

static drift_status make_all(job *j)
{
    drift_status status = DRIFT_OK;
    int live = !cli_run.quiet && cli_has_live_line();
    cli_catch_signals();
    for (size_t first = 0;
         first < j->count && status == DRIFT_OK && !cli_signal();) {
        size_t count = j->count - first < PIECE ? j->count - first : PIECE;
        status = make_piece(j, first, count);
        first += count;
        if (live && j->count > PIECE) {
            char text[64];
            snprintf(text, sizeof text, "%zu/%zu samples", first, j->count);
            cli_live_line(text);
        }
    }
    cli_end_live_line();
    if (cli_signal()) /* what is not whole is dropped */
        return status;
    if (arg.grid && status == DRIFT_OK)
        status = write_grid(j);
    if (j->npz && status == DRIFT_OK) {
        status = drift_npz_commit(j->npz);
        j->npz = NULL;
    }
    return status;
}

static int run(job *j, const char *path)
{
    drift_status status = drift_model_open(j->ctx, path, arg.ema, &j->model);
    if (status != DRIFT_OK)
        return cli_failed(&sample, j->ctx, status);
    j->info = drift_model_get_info(j->model);
    int code = check_model(j);
    if (code < 0)
        code = prepare(j);
    if (code >= 0)
        return code;
    status = check_outputs(j);
    if (status == DRIFT_OK)
        status = make_all(j);
    if (status != DRIFT_OK)
        return cli_failed(&sample, j->ctx, status);
    if (cli_signal()) {
        fprintf(stderr, "%s: stopped by a signal\n", sample.name);
        return 128 + cli_signal();
    }
    if (!cli_run.quiet)
        fprintf(stderr, "%s: %zu samples with %s of step %lld\n", sample.name,
                j->count, j->info->weights, (long long)j->info->step);
    return cli_close_stdout(&sample);
}

int main(int argc, char **argv)
{
    job j = {0};
    int count, code = cli_parse(&sample, argc, argv, &count);
    if (code >= 0)
        return code;
    if (count == 0)
        return cli_usage(&sample, "name a checkpoint or a run directory");
    if (count > 1)
        return cli_usage(&sample,
                         "'%s' is too much: one checkpoint or run "
                         "directory",
                         argv[2]);
    if (!arg.grid && !arg.png && !arg.npz)
        return cli_usage(&sample, "say what to write: --grid, --png or --npz");
    if (arg.grid && arg.npz && !strcmp(arg.grid, "-") && !strcmp(arg.npz, "-"))
        return cli_usage(&sample, "--grid and --npz both to standard output");
    if (arg.grid && arg.npz && !strcmp(arg.grid, arg.npz))
        return cli_usage(&sample, "--grid and --npz both to '%s'", arg.grid);
    if (arg.columns && !arg.grid)
        return cli_usage(&sample, "--columns is of --grid only");
    code = cli_open(&sample, cli_run.device, cli_run.threads, 0, cli_run.quiet,
                    &j.ctx);
    if (code < 0)
        code = run(&j, argv[1]);
    drift_npz_abort(j.npz);
    drift_model_free(j.model);
    drift_context_close(j.ctx);
    free(j.labels);
    free(j.alpha);
    free(j.noise);
    free(j.styles);
    free(j.samples);
    free(j.bytes);
    free(j.images);
    free(j.points);
    return code;
}
