/* drift-eval: how good the samples of a model are, beside real images. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cli.h"

static struct {
    const char *data, *network, *resize, *ema;
    int64_t seed, count;
    double alpha;
    int json;
} arg;

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
    {OPTION_REAL, "alpha", "X", "guidance strength of the samples [1]",
     &arg.alpha, 1, 1000},
    {OPTION_TEXT, "ema", "NAME", "averaged weights, as 0.999; none = plain",
     &arg.ema, 0, 0},
    {OPTION_WHOLE, "seed", "N", "which samples [0]", &arg.seed, 0, 1e15},
    {OPTION_FLAG, "json", NULL, "one JSON object instead of a table", &arg.json,
     0, 0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static const tool eval = {
    "drift-eval",
    "[OPTIONS] CHECKPOINT-OR-RUN-DIRECTORY-OR-IMAGES",
    "Tell how good samples are, by a network that looks at them, beside real\n"
    "test images.",
    cli_run_options,
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device.",
    options};

static void tell(void *user, const char *kind, size_t done, size_t count)
{
    char text[96];
    (void)user;
    snprintf(text, sizeof text, "%zu/%zu %s", done, count, kind);
    cli_live_line(text);
}

/* -- the table ------------------------------------------------------------- */

static void cell(double value, double factor, const char *unit)
{
    char text[32];
    if (isnan(value))
        snprintf(text, sizeof text, "-");
    else
        snprintf(text, sizeof text, *unit ? "%.1f%s" : "%.3g%s", factor * value,
                 unit);
    printf(" %12s", text);
}

static void print_table(const drift_evaluation *e)
{
    const drift_scores *columns[] = {&e->samples, &e->real, &e->noise};
    printf("samples  %s\n", e->of);
    printf("real     %zu training images of %s\n", e->training, e->data);
    printf("network  %s, %zu features%s%s\n", e->network, e->features,
           *e->resize ? ", images resized as by " : "", e->resize);
    printf("seed     %llu\n\n", (unsigned long long)e->seed);
    printf("%-24s %12s %12s %12s\n", "", "samples", "real, test", "noise");
    printf("%-24s %12zu %12zu %12zu\n", "images", e->samples.count,
           e->real.count, e->noise.count);
    for (const drift_score_field *f = drift_score_fields(); f->key; f++) {
        printf("%-24s", f->title);
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            cell(drift_score_value(columns[i], f), f->percent ? 100 : 1,
                 f->percent ? " %" : "");
        printf("\n");
    }
}

/* -- JSON ------------------------------------------------------------------ */

/* A path need not be UTF-8. */
static json_t *text(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_string("?");
}

/* A figure that could not be had is null. */
static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *scores(const drift_scores *s)
{
    json_t *o = json_pack("{s:I}", "count", (json_int_t)s->count);
    for (const drift_score_field *f = drift_score_fields(); f->key; f++)
        json_object_set_new(o, f->key, number(drift_score_value(s, f)));
    return o;
}

static int print_json(const drift_evaluation *e)
{
    json_t *o = json_pack("{s:o,s:o,s:I,s:o,s:o,s:I,s:I,s:o,s:o,s:o}", "of",
                          text(e->of), "data", text(e->data), "training",
                          (json_int_t)e->training, "network", text(e->network),
                          "resize", *e->resize ? text(e->resize) : json_null(),
                          "features", (json_int_t)e->features, "seed",
                          (json_int_t)e->seed, "samples", scores(&e->samples),
                          "real", scores(&e->real), "noise", scores(&e->noise));
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    else
        fprintf(stderr, "%s: out of memory\n", eval.name);
    free(text);
    json_decref(o);
    return text ? -1 : EXIT_FAILED;
}

static int run(drift_context *ctx, const char *path)
{
    drift_evaluation e;
    drift_evaluate_options o = {
        .samples = path,
        .data = arg.data,
        .network = arg.network,
        .resize = arg.resize,
        .ema = arg.ema,
        .alpha = (float)arg.alpha,
        .count = (size_t)arg.count,
        .seed = (uint64_t)arg.seed,
        .tell = !cli_run.quiet && cli_has_live_line() ? tell : NULL};
    drift_status status = drift_evaluate(ctx, &o, &e);
    cli_end_live_line();
    if (status != DRIFT_OK)
        return cli_failed(&eval, ctx, status);
    if (!arg.json)
        print_table(&e);
    else if (print_json(&e) >= 0)
        return EXIT_FAILED;
    return cli_close_stdout(&eval);
}

int main(int argc, char **argv)
{
    drift_context *ctx = NULL;
    int count, code = cli_parse(&eval, argc, argv, &count);
    if (code >= 0)
        return code;
    if (count == 0)
        return cli_usage(&eval, "name a checkpoint, a run directory or images");
    if (count > 1)
        return cli_usage(&eval, "'%s' is too much: one thing to look at",
                         argv[2]);
    code = cli_open(&eval, cli_run.device, cli_run.threads, 0, cli_run.quiet,
                    &ctx);
    if (code < 0)
        code = run(ctx, argv[1]);
    drift_context_close(ctx);
    return code;
}
