/* drift-sample: new samples of a trained model, as pictures or numbers. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"

/* Samples made, converted and written at once. */
#define PIECE 512

static struct {
    const char *device, *classes, *grid, *png, *npz, *ema;
    int64_t threads, seed, count, columns, frames;
    double alpha;
    int quiet;
} arg = {.count = 0, .alpha = 1};

static const option options[] = {
    {OPTION_WHOLE, "count", "N", "how many [100; points: 10000]", &arg.count, 1,
     1e9},
    {OPTION_TEXT, "class", "LIST", "classes in turn, as 7 or 0,3,5 [all]",
     &arg.classes, 0, 0},
    {OPTION_REAL, "alpha", "A", "guidance strength [1]", &arg.alpha, 0, 1000},
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
    {OPTION_TEXT, "device", "NAME",
     "auto, cpu, opencl[:N|:NAME] or check[:N] [auto]", &arg.device, 0, 0},
    {OPTION_WHOLE, "threads", "N", "processors to use [all]", &arg.threads, 0,
     4096},
    {OPTION_FLAG, "quiet", NULL, "say nothing but warnings and errors",
     &arg.quiet, 0, 0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static const tool sample = {
    "drift-sample", "[OPTIONS] CHECKPOINT-OR-RUN-DIRECTORY",
    "Make new samples with a trained model; at least one of --grid, --png and "
    "--npz.",
    options, "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device."};

/* Everything of one call. */
typedef struct job {
    drift_context *ctx;
    drift_model *model;
    const drift_model_info *info;
    drift_npz *npz;
    size_t count;
    int32_t *labels; /* [count] */
    float *alpha;    /* [count] */
    /* for --interpolate: input of every sample */
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

/* "0,3,5" in turn over the rows; returns -1 to go on. */
static int fill_labels(job *j, size_t frames)
{
    int32_t list[1024];
    size_t n = 0;
    const char *p = arg.classes;
    while (p) {
        char *end;
        errno = 0;
        long v = *p >= '0' && *p <= '9' ? strtol(p, &end, 10) : -1;
        if (v < 0 || errno || (*end && *end != ',') || (*end && !end[1]))
            return cli_usage(&sample,
                             "--class: '%s' is not a list of whole "
                             "numbers, as 0,3,5",
                             arg.classes);
        if (v >= j->info->classes)
            return cli_usage(&sample,
                             "--class: the model has no class %ld; "
                             "allowed: 0 to %d",
                             v, j->info->classes - 1);
        if (n == sizeof list / sizeof *list)
            return cli_usage(&sample, "--class: more than %zu classes", n);
        list[n++] = (int32_t)v;
        p = *end ? end + 1 : NULL;
    }
    for (size_t i = 0; i < j->count; i++) {
        size_t row = i / frames;
        j->labels[i] =
            n ? list[row % n] : (int32_t)(row % (size_t)j->info->classes);
        j->alpha[i] = (float)arg.alpha;
    }
    return -1;
}

/* Row r goes from noise 2r to noise 2r+1 on the great circle between them, so
 * that every frame's noise has a usual length; its style is that of 2r. */
static void fill_noise(job *j, size_t frames)
{
    size_t n = j->info->noise, k = j->info->styles;
    for (size_t r = 0; r * frames < j->count; r++) {
        float *a = j->noise + r * frames * n, *b = a + (frames - 1) * n;
        int32_t *style = j->styles + r * frames * k;
        double aa = 0, bb = 0, ab = 0;
        drift_model_noise(j->model, (uint64_t)arg.seed, 2 * r, 1, a, style);
        drift_model_noise(j->model, (uint64_t)arg.seed, 2 * r + 1, 1, b, NULL);
        for (size_t i = 0; i < n; i++) {
            aa += (double)a[i] * (double)a[i];
            bb += (double)b[i] * (double)b[i];
            ab += (double)a[i] * (double)b[i];
        }
        double cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
        double angle = acos(fmax(-1, fmin(1, cosine)));
        for (size_t f = 1; f + 1 < frames; f++) {
            double t = (double)f / (double)(frames - 1);
            double p = 1 - t, q = t;
            if (sin(angle) > 1e-6) {
                p = sin((1 - t) * angle) / sin(angle);
                q = sin(t * angle) / sin(angle);
            }
            for (size_t i = 0; i < n; i++)
                a[f * n + i] = (float)(p * (double)a[i] + q * (double)b[i]);
        }
        for (size_t f = 1; f < frames; f++)
            memcpy(style + f * k, style, k * sizeof *style);
    }
}

/* Returns -1 to go on. */
static int prepare(job *j)
{
    size_t frames = arg.frames ? (size_t)arg.frames : 1;
    size_t rows = arg.count         ? (size_t)arg.count
                  : arg.frames      ? 10
                  : j->info->points ? 10000
                                    : 100;
    size_t n = j->info->numbers, all = arg.frames ? frames * rows : 0;
    if (rows > SIZE_MAX / 16 / frames / (n + j->info->noise + 1))
        return cli_usage(&sample, "--count: too many samples");
    j->count = frames * rows;
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
    int code = fill_labels(j, frames);
    if (code < 0 && arg.frames)
        fill_noise(j, frames);
    return code;
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
        .noise = arg.frames ? j->noise + first * j->info->noise : NULL,
        .styles = arg.frames ? j->styles + first * j->info->styles : NULL};
    drift_status status = drift_model_sample(j->model, &r, j->samples);
    if (status != DRIFT_OK)
        return status;
    if (!points)
        drift_to_bytes(j->samples, count * n, j->bytes);
    if (arg.grid && points)
        memcpy(j->points + first * n, j->samples, count * n * sizeof(float));
    else if (arg.grid)
        memcpy(j->images + first * n, j->bytes, count * n);
    if (arg.png)
        status = write_pngs(j, first, count);
    if (status == DRIFT_OK && j->npz)
        status = drift_npz_add(j->npz,
                               points ? (void *)j->samples : (void *)j->bytes,
                               j->labels + first, j->alpha + first, count);
    return status;
}

/* As in the previews of a run: a row a class, as long as rows stay short. */
static int has_class_rows(const job *j)
{
    size_t classes = (size_t)j->info->classes;
    return !arg.columns && !arg.frames && !arg.classes && classes > 1 &&
           j->count % classes == 0 && j->count <= 40 * classes;
}

/* Sample i, which is of class i mod classes, to row i mod classes. */
static int sort_by_class(job *j)
{
    size_t n = j->info->numbers, classes = (size_t)j->info->classes;
    size_t columns = j->count / classes;
    unsigned char *sorted = take(j->count * n, 1);
    if (!sorted)
        return 0;
    for (size_t i = 0; i < j->count; i++)
        memcpy(sorted + (i % classes * columns + i / classes) * n,
               j->images + i * n, n);
    free(j->images);
    j->images = sorted;
    return 1;
}

static drift_status write_grid(job *j)
{
    const drift_model_info *i = j->info;
    size_t columns = arg.columns  ? (size_t)arg.columns
                     : arg.frames ? (size_t)arg.frames
                                  : (size_t)ceil(sqrt((double)j->count));
    if (i->points)
        return drift_write_points(j->ctx, arg.grid, j->points, j->labels,
                                  j->count);
    if (has_class_rows(j) && sort_by_class(j))
        columns = j->count / (size_t)i->classes;
    return drift_write_sheet(j->ctx, arg.grid, j->images, j->count, columns,
                             (size_t)i->height, (size_t)i->width,
                             (size_t)i->channels, 0);
}

static drift_status make_all(job *j)
{
    drift_status status = DRIFT_OK;
    int live = !arg.quiet && cli_has_live_line();
    if (arg.npz)
        status = drift_npz_create(j->ctx, arg.npz, j->info, j->count, &j->npz);
    for (size_t first = 0; first < j->count && status == DRIFT_OK;) {
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
    if (j->npz && status == DRIFT_OK) {
        status = drift_npz_commit(j->npz);
        j->npz = NULL;
    }
    if (status == DRIFT_OK && arg.grid)
        status = write_grid(j);
    return status;
}

/* The folder of --png, parents too. Returns -1 to go on. */
static int make_folder(void)
{
    char path[PATH_MAX];
    size_t n = strlen(arg.png);
    /* Room for a file's name too. */
    if (n + 64 > sizeof path)
        return cli_usage(&sample, "--png: the path is too long");
    memcpy(path, arg.png, n + 1);
    for (char *p = path + 1; n; p++) {
        char end = *p;
        if (end && end != '/')
            continue;
        *p = '\0';
        struct stat info;
        if (mkdir(path, 0777) != 0 &&
            !(stat(path, &info) == 0 && S_ISDIR(info.st_mode))) {
            fprintf(stderr, "%s: unable to create folder '%s': %s\n",
                    sample.name, path, strerror(errno));
            return EXIT_FAILED;
        }
        if (!end)
            break;
        *p = end;
    }
    return -1;
}

static int run(job *j, const char *path)
{
    drift_status status = drift_model_open(j->ctx, path, arg.ema, &j->model);
    if (status != DRIFT_OK)
        return cli_failed(&sample, j->ctx, status);
    j->info = drift_model_get_info(j->model);
    if (j->info->points && arg.png)
        return cli_usage(&sample, "--png: the model makes points, not images; "
                                  "use --grid or --npz");
    int code = prepare(j);
    if (code < 0 && arg.png)
        code = make_folder();
    if (code >= 0)
        return code;
    status = make_all(j);
    if (status != DRIFT_OK)
        return cli_failed(&sample, j->ctx, status);
    if (!arg.quiet)
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
    code = cli_open(&sample, arg.device, arg.threads, 0, arg.quiet, &j.ctx);
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
