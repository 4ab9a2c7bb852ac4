/* drift-eval: how good the samples of a model are, beside real images. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/eval_show.h"

static struct {
    const char *data, *network, *resize, *reference, *write_reference, *ema;
    const char *out, *pictures;
    int64_t seed, count;
    double alpha;
    int json, all, skip_existing, compare;
} arg = {.seed = -1};

static const option options[] = {
    {OPTION_WHOLE, "count", "N", "how many samples [10000]", &arg.count, 2,
     1e9},
    {OPTION_TEXT, "data", "PATH",
     "the real images, as data.path [those of the run]", &arg.data, 0, 0},
    {OPTION_TEXT, "features", "FILE",
     "the network that looks, or the name of one of the program's",
     &arg.network, 0, 0},
    {OPTION_TEXT, "resize", "MODE",
     "legacy-tensorflow, pytorch, clean: for the inception network",
     &arg.resize, 0, 0},
    {OPTION_TEXT, "reference", "FILE",
     "the distance is from mu and sigma in this .npz, not the real images'",
     &arg.reference, 0, 0},
    {OPTION_TEXT, "write-reference", "FILE",
     "write mu and sigma of the real images, .npz", &arg.write_reference, 0, 0},
    {OPTION_REAL, "alpha", "X", "guidance strength of the samples [1]",
     &arg.alpha, 1, 1000},
    {OPTION_TEXT, "ema", "NAME", "averaged weights, as 0.999; none = plain",
     &arg.ema, 0, 0},
    {OPTION_WHOLE, "seed", "N", "which samples [0]", &arg.seed, 0, 1e15},
    {OPTION_FLAG, "all", NULL,
     "score every checkpoint of a run, into RUN/evaluation", &arg.all, 0, 0},
    {OPTION_FLAG, "skip-existing", NULL,
     "with --all: only those that are not scored yet", &arg.skip_existing, 0,
     0},
    {OPTION_FLAG, "compare", NULL,
     "show the best of runs that were scored, by the settings named",
     &arg.compare, 0, 0},
    {OPTION_TEXT, "out", "PATH",
     "another folder for --all; of --compare, the picture or its folder",
     &arg.out, 0, 0},
    {OPTION_TEXT, "pictures", "DIR",
     "write pictures of the samples, and of the real images nearest to them",
     &arg.pictures, 0, 0},
    {OPTION_FLAG, "json", NULL, "one JSON object instead of a table", &arg.json,
     0, 0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static const tool eval = {
    "drift-eval",
    "[OPTIONS] CHECKPOINT-OR-RUN-DIRECTORY-OR-IMAGES\n"
    "       drift-eval --all [OPTIONS] RUN-DIRECTORY\n"
    "       drift-eval --compare [OPTIONS] RUN-DIRECTORY...",
    "Tell how good samples are, by a network that looks at them, beside real\n"
    "test images.",
    cli_run_options,
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device.",
    options};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The pace is that of images of this kind, once there is one. */
static void tell(void *user, const char *kind, size_t done, size_t count)
{
    static char of[320];
    static double begun, pace;
    static size_t before;
    char text[400], left[32] = "?";
    (void)user;
    if (strcmp(kind, of) != 0) {
        snprintf(of, sizeof of, "%s", kind);
        begun = now();
        before = done;
    } else if (done > before) {
        pace = (double)(done - before) / (now() - begun);
    }
    if (pace > 0)
        cli_duration((double)(count - done) / pace, left);
    if (done < count)
        snprintf(text, sizeof text, "%zu/%zu %s  %s left", done, count, kind,
                 left);
    else
        snprintf(text, sizeof text,
                 "%zu images looked at; figures are computed", count);
    cli_live_line(text);
}

static int compare(drift_context *ctx, char *const *runs, size_t count)
{
    uint64_t seed = (uint64_t)arg.seed;
    drift_score_wanted wanted = {.data = arg.data,
                                 .network = arg.network,
                                 .resize = arg.resize,
                                 .ema = arg.ema,
                                 .alpha = arg.alpha,
                                 .count = (size_t)arg.count,
                                 .seed = arg.seed < 0 ? NULL : &seed};
    return eval_show_comparison(&eval, ctx, runs, count, &wanted, arg.out,
                                arg.json);
}

static int run(drift_context *ctx, const char *path)
{
    drift_evaluation e;
    drift_score_table *table = NULL;
    int code;
    drift_evaluate_options o = {
        .samples = path,
        .data = arg.data,
        .network = arg.network,
        .resize = arg.resize,
        .reference = arg.reference,
        .write_reference = arg.write_reference,
        .ema = arg.ema,
        .alpha = (float)arg.alpha,
        .count = (size_t)arg.count,
        .seed = arg.seed < 0 ? 0 : (uint64_t)arg.seed,
        .pictures = arg.pictures,
        .tell = !cli_run.quiet && cli_has_live_line() ? tell : NULL};
    drift_status status =
        arg.all ? drift_evaluate_run(ctx, &o, arg.out, arg.skip_existing, &e,
                                     &table)
                : drift_evaluate(ctx, &o, &e);
    cli_end_live_line();
    code = status != DRIFT_OK ? cli_failed(&eval, ctx, status)
           : arg.all          ? eval_show_run(&eval, path, table, &e, arg.json)
                              : eval_show(&eval, &e, arg.json);
    drift_score_table_free(table);
    return code;
}

/* Options that the way it is called has no use for. Returns -1 to go on. */
static int check_usage(void)
{
    if (arg.compare && (arg.all || arg.reference || arg.write_reference))
        return cli_usage(&eval, "--compare shows what --all has scored: not "
                                "with --all, --reference, --write-reference");
    if (arg.skip_existing && !arg.all)
        return cli_usage(&eval, "--skip-existing needs --all");
    if (arg.write_reference && arg.all)
        return cli_usage(&eval, "--write-reference is of one evaluation");
    if (arg.pictures && (arg.all || arg.compare))
        return cli_usage(&eval, "--pictures are of one model");
    if (arg.out && !arg.all && !arg.compare)
        return cli_usage(&eval, "--out needs --all or --compare");
    return -1;
}

int main(int argc, char **argv)
{
    drift_context *ctx = NULL;
    int count, code = cli_parse(&eval, argc, argv, &count);
    if (code >= 0)
        return code;
    code = check_usage();
    if (code >= 0)
        return code;
    if (count == 0)
        return cli_usage(&eval, arg.compare ? "name run directories"
                                            : "name a checkpoint, a run "
                                              "directory or images");
    if (count > 1 && !arg.compare)
        return cli_usage(&eval, "'%s' is too much: one thing to look at",
                         argv[2]);
    code = cli_open(&eval, arg.compare ? "cpu" : cli_run.device,
                    cli_run.threads, 0, cli_run.quiet, &ctx);
    if (code < 0)
        code = arg.compare ? compare(ctx, argv + 1, (size_t)count)
                           : run(ctx, argv[1]);
    drift_context_close(ctx);
    return code;
}
