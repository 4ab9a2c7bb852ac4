/* What drift-train and drift-encoder share: configuration, folder, live line,
 * signals. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/training.h"

/* Seconds between two lines of talk. */
#define LIVE_SECONDS  0.9
#define PLAIN_SECONDS 10.0

static const training *program;

static struct {
    const char *device, *out, *resume;
    int64_t threads, seed;
    int force, quiet, list_presets, list_keys, print_config, profile;
} arg = {.seed = -1};

const option training_options[] = {
    {OPTION_TEXT, "device", "NAME",
     "auto, cpu, opencl[:N|:NAME], check[:N|:NAME] [auto]", &arg.device, 0, 0},
    {OPTION_WHOLE, "threads", "N", "processors to use [all]", &arg.threads, 0,
     4096},
    {OPTION_WHOLE, "seed", "N", "same as run.seed=N", &arg.seed, 0, 1e15},
    {OPTION_TEXT, "out", "DIR", "run directory [runs/NAME-1, -2, ...]",
     &arg.out, 0, 0},
    {OPTION_TEXT, "resume", "DIR", "go on with the run in DIR", &arg.resume, 0,
     0},
    {OPTION_FLAG, "force", NULL, "clear away a run that --out holds already",
     &arg.force, 0, 0},
    {OPTION_FLAG, "quiet", NULL, "say nothing but warnings and errors",
     &arg.quiet, 0, 0},
    {OPTION_FLAG, "profile", NULL, "at the end, show the time of every op",
     &arg.profile, 0, 0},
    {OPTION_FLAG, "list-presets", NULL, "show the presets and end",
     &arg.list_presets, 0, 0},
    {OPTION_FLAG, "list-keys", NULL,
     "show the keys of the configuration and end", &arg.list_keys, 0, 0},
    {OPTION_FLAG, "print-config", NULL,
     "show the configuration that would be used and end", &arg.print_config, 0,
     0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

/* -- what the command line asks for -------------------------------------- */

static int list_presets(drift_context *ctx)
{
    drift_presets *p;
    drift_status status = drift_presets_open(ctx, program->subject, &p);
    if (status != DRIFT_OK)
        return cli_failed(&program->tool, ctx, status);
    for (size_t i = 0; i < drift_presets_count(p); i++)
        printf("%-18s %s\n", drift_presets_name(p, i),
               drift_presets_comment(p, i));
    drift_presets_free(p);
    return cli_close_stdout(&program->tool);
}

static int list_keys(void)
{
    for (size_t i = 0; i < drift_config_key_count(program->subject); i++) {
        drift_key key;
        drift_config_key(program->subject, i, &key);
        printf("%s: %s, %s (default %s)\n    %s\n", key.name, key.type,
               key.allowed, *key.fallback ? key.fallback : "empty", key.help);
    }
    return cli_close_stdout(&program->tool);
}

/* key=value, as against the path of a file that has a '=' in it. */
static int is_assignment(const char *text)
{
    const char *equals = strchr(text, '=');
    for (const char *p = text; equals && p < equals; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            return 0;
    return equals != NULL;
}

/* Each key once, --seed counted. Returns -1 to go on. */
static int check_repeats(char **set, int count)
{
    for (int i = 0; i < count; i++) {
        size_t n = strcspn(set[i], "=") + 1;
        if (arg.seed >= 0 && !strncmp(set[i], "run.seed=", n))
            return cli_usage(&program->tool, "'%s': --seed sets it already",
                             set[i]);
        for (int j = 0; j < i; j++)
            if (!strncmp(set[i], set[j], n))
                return cli_usage(&program->tool,
                                 "'%s': the key comes again; first '%s'",
                                 set[i], set[j]);
    }
    return -1;
}

/* The name of a run that has none: the configuration's, without folder and
 * ending. */
static drift_status name_run(drift_context *ctx, drift_config *c,
                             const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    char assign[300];
    snprintf(assign, sizeof assign, "run.name=%.*s",
             (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name)),
             name);
    return drift_config_set(ctx, c, assign);
}

/* run.name without the quotes of YAML. */
static drift_status run_name(drift_context *ctx, const drift_config *c,
                             char *name, size_t size)
{
    drift_status status = drift_config_get(ctx, c, "run.name", name, size);
    char *to = name;
    if (status != DRIFT_OK || *name != '"')
        return status;
    for (const char *p = name + 1; *p && *p != '"'; p++) {
        p += *p == '\\';
        *to++ = *p;
    }
    *to = '\0';
    return status;
}

/* Every setting of the command line into c. */
static drift_status configure(drift_context *ctx, drift_config *c,
                              const char *file, char **set, int count,
                              char *name, size_t size)
{
    char seed[64];
    drift_status status = drift_config_read(ctx, c, file);
    for (int i = 0; status == DRIFT_OK && i < count; i++)
        status = drift_config_set(ctx, c, set[i]);
    if (status == DRIFT_OK && arg.seed >= 0) {
        snprintf(seed, sizeof seed, "run.seed=%lld", (long long)arg.seed);
        status = drift_config_set(ctx, c, seed);
    }
    if (status == DRIFT_OK)
        status = run_name(ctx, c, name, size);
    if (status == DRIFT_OK && !*name) {
        status = name_run(ctx, c, file);
        if (status == DRIFT_OK)
            status = run_name(ctx, c, name, size);
    }
    return status == DRIFT_OK ? drift_config_check(ctx, c) : status;
}

/* -- the folder ----------------------------------------------------------- */

#define RUNS "runs"

/* Make the first of runs/NAME-1, -2, ... that is free; two programs that start
 * at once get one each. Returns -1 to go on. */
static int claim_folder(char *name, char *path, size_t size)
{
    for (char *p = name; *p; p++)
        if (*p == '/')
            *p = '-';
    int failed = mkdir(RUNS, 0777) != 0 && errno != EEXIST;
    for (int n = 1; !failed; n++) {
        snprintf(path, size, RUNS "/%s-%d", name, n);
        if (mkdir(path, 0777) == 0)
            return -1;
        failed = errno != EEXIST;
    }
    fprintf(stderr, "%s: unable to create folder '%s': %s\n",
            program->tool.name, *path ? path : RUNS, strerror(errno));
    return EXIT_FAILED;
}

/* After a start that failed: gone, unless something is in it. */
static void give_back_folder(const char *path)
{
    if (rmdir(path) == 0)
        (void)rmdir(RUNS);
}

/* -- while it runs -------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void show(const char *text, int live)
{
    if (live)
        cli_live_line(text);
    else
        fprintf(stderr, "%s: %s\n", program->tool.name, text);
}

static int slowest_first(const void *a, const void *b)
{
    double x = (*(const drift_profile_line *const *)a)->seconds;
    double y = (*(const drift_profile_line *const *)b)->seconds;
    return (x < y) - (x > y);
}

/* "  12.3", or a dash for what is not known. */
static const char *rate(double amount, double seconds, char text[32])
{
    snprintf(text, 32, "-");
    if (amount > 0 && seconds > 0)
        snprintf(text, 32, "%.1f", 1e-9 * amount / seconds);
    return text;
}

static drift_status show_profile(drift_context *ctx, int restarted)
{
    drift_profile p;
    char bytes[32], flops[32];
    drift_status status = drift_context_profile(ctx, &p);
    const drift_profile_line **line = calloc(p.count + 1, sizeof(void *));
    if (status != DRIFT_OK || !line) {
        free(line);
        return status; /* without memory there is no table */
    }
    for (size_t i = 0; i < p.count; i++)
        line[i] = &p.lines[i];
    qsort(line, p.count, sizeof(void *), slowest_first);
    fprintf(stderr, "%-24s %9s %9s %7s %8s %9s\n", p.kernels ? "kernel" : "op",
            "calls", "seconds", "share", "GB/s", "GFLOP/s");
    for (size_t i = 0; i < p.count; i++)
        if (line[i]->calls)
            fprintf(stderr, "%-24s %9zu %9.3f %6.1f%% %8s %9s\n", line[i]->name,
                    line[i]->calls, line[i]->seconds,
                    p.busy > 0 ? 100 * line[i]->seconds / p.busy : 0,
                    rate(line[i]->bytes, line[i]->seconds, bytes),
                    rate(line[i]->flops, line[i]->seconds, flops));
    fprintf(stderr, "%s: of %.3f s%s, %.1f%% in %s", program->tool.name,
            p.seconds, restarted ? " after the first step" : "",
            100 * p.busy / p.seconds, p.kernels ? "kernels" : "ops");
    if (p.kernels)
        fprintf(stderr, "; the host waited for the device in %.1f%%",
                100 * p.waited / p.seconds);
    fprintf(stderr, "\n");
    free(line);
    return DRIFT_OK;
}

/* Steps until the end, a signal or an error. */
static drift_status run(drift_context *ctx, drift_trainer *trainer,
                        drift_progress *p)
{
    drift_status status = DRIFT_OK;
    int live = cli_has_live_line();
    double last = 0;
    char text[512];
    int64_t shown = -1;
    int profiled = 0; /* from the second step on: the first builds kernels */
    while (status == DRIFT_OK && !p->done && !cli_signal()) {
        status = drift_trainer_step(trainer, p);
        if (status == DRIFT_OK && arg.profile && !p->done && !profiled++)
            status = drift_context_profile_restart(ctx);
        double t = now();
        if (arg.quiet || status != DRIFT_OK || !p->made ||
            t - last < (live ? LIVE_SECONDS : PLAIN_SECONDS))
            continue;
        last = t;
        shown = p->step;
        program->describe(p, text, sizeof text);
        show(text, live);
    }
    if (!arg.quiet && status == DRIFT_OK && p->made && p->step != shown) {
        program->describe(p, text, sizeof text);
        show(text, live);
    }
    cli_end_live_line();
    if (status == DRIFT_OK && arg.profile)
        status = show_profile(ctx, profiled);
    return status;
}

/* Train to the end of the run; the folder of the run goes to stdout. */
static int train_on(drift_context *ctx, drift_trainer *trainer)
{
    drift_progress p = {0};
    char spent[32];
    const char *folder = drift_trainer_directory(trainer);
    cli_catch_signals();
    drift_status status = run(ctx, trainer, &p);
    if (status == DRIFT_OK)
        status = drift_trainer_save(trainer);
    if (status != DRIFT_OK)
        return cli_failed(&program->tool, ctx, status);
    if (!arg.quiet)
        fprintf(stderr, "%s: %s after %lld steps and %s; saved in %s\n",
                program->tool.name, p.done ? "done" : "stopped",
                (long long)p.step, cli_duration(p.seconds, spent), folder);
    if (!p.done) {
        fprintf(stderr, "%s: to go on: %s --resume '%s'\n", program->tool.name,
                program->tool.name, folder);
        return 128 + cli_signal();
    }
    printf("%s\n", folder);
    return cli_close_stdout(&program->tool);
}

/* The configuration goes to stdout. */
static int print(drift_context *ctx, const drift_config *c)
{
    drift_status status = drift_config_write(ctx, c, "-");
    return status == DRIFT_OK ? EXIT_OK
                              : cli_failed(&program->tool, ctx, status);
}

/* A new run in `folder`. */
static int train_new(drift_context *ctx, const drift_config *c,
                     const char *folder, int *started)
{
    drift_trainer *trainer = NULL;
    drift_status status = drift_trainer_new(
        ctx, c, folder, arg.force ? DRIFT_TRAINER_FORCE : 0, &trainer);
    *started = status == DRIFT_OK;
    int code = *started ? train_on(ctx, trainer)
                        : cli_failed(&program->tool, ctx, status);
    drift_trainer_free(trainer);
    return code;
}

static int begin(drift_context *ctx, const char *file, char **set, int count)
{
    drift_config *c = NULL;
    char name[4096], folder[sizeof name + 32] = "";
    int code, started;
    drift_status status = drift_config_new(ctx, program->subject, &c);
    if (status == DRIFT_OK)
        status = configure(ctx, c, file, set, count, name, sizeof name);
    if (status != DRIFT_OK) {
        code = cli_failed(&program->tool, ctx, status);
    } else if (arg.print_config) {
        code = print(ctx, c);
    } else if (arg.out) {
        code = train_new(ctx, c, arg.out, &started);
    } else {
        code = claim_folder(name, folder, sizeof folder);
        if (code < 0) {
            code = train_new(ctx, c, folder, &started);
            if (!started)
                give_back_folder(folder);
        }
    }
    drift_config_free(c);
    return code;
}

static int go_on(drift_context *ctx, char **set, int count)
{
    const char *const *overrides = (const char *const *)set;
    size_t n = (size_t)count;
    drift_config *c = NULL;
    drift_trainer *trainer = NULL;
    drift_status status =
        arg.print_config
            ? drift_config_resume(ctx, program->subject, arg.resume, overrides,
                                  n, &c)
            : drift_trainer_resume(ctx, program->subject, arg.resume, overrides,
                                   n, &trainer);
    int code = status != DRIFT_OK ? cli_failed(&program->tool, ctx, status)
               : arg.print_config ? print(ctx, c)
                                  : train_on(ctx, trainer);
    drift_trainer_free(trainer);
    drift_config_free(c);
    return code;
}

int training_main(const training *t, int argc, char **argv)
{
    int count, set = 0, code = cli_parse(&t->tool, argc, argv, &count);
    const char *file = NULL;
    drift_context *ctx = NULL;
    if (code >= 0)
        return code;
    program = t;
    if (t->other && *t->other) {
        code = cli_open(&t->tool, arg.device, arg.threads, 0, 1, &ctx);
        if (code < 0)
            code = t->instead(ctx, argv + 1, count);
        drift_context_close(ctx);
        return code;
    }
    for (int i = 1; i <= count; i++) {
        if (is_assignment(argv[i]))
            argv[1 + set++] = argv[i];
        else if (file)
            return cli_usage(&program->tool,
                             "'%s' is a second configuration beside "
                             "'%s'",
                             argv[i], file);
        else
            file = argv[i];
    }
    if (arg.resume && (file || arg.out || arg.force || arg.seed >= 0))
        return cli_usage(&program->tool,
                         "--resume takes key=value only, not %s",
                         file        ? file
                         : arg.out   ? "--out"
                         : arg.force ? "--force"
                                     : "--seed");
    code = check_repeats(argv + 1, set);
    if (code >= 0)
        return code;
    if (arg.list_keys)
        return list_keys();
    /* Where nothing is computed there is no device to look for. */
    const char *device = arg.device;
    if (!device && (arg.list_presets || arg.print_config))
        device = "cpu";
    code = cli_open(&program->tool, device, arg.threads, arg.profile, arg.quiet,
                    &ctx);
    if (code < 0)
        code = arg.list_presets ? list_presets(ctx)
               : arg.resume
                   ? go_on(ctx, argv + 1, set)
                   : begin(ctx, file ? file : t->preset, argv + 1, set);
    drift_context_close(ctx);
    return code;
}
