/* drift-train: train a generator from a configuration, or go on with a run. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tools/cli.h"

/* Seconds between two lines of talk. */
#define LIVE_SECONDS  0.9
#define PLAIN_SECONDS 10.0

static struct {
    const char *device, *out, *resume;
    int64_t threads, seed;
    int force, quiet, list_presets, list_keys, print_config, profile;
} arg = {.seed = -1};

static const option options[] = {
    {OPTION_TEXT, "device", "NAME",
     "auto, cpu, opencl[:N|:NAME] or check[:N] [auto]", &arg.device, 0, 0},
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

static const tool train = {
    "drift-train",
    "[OPTIONS] [CONFIG] [key=value...]\n"
    "       drift-train [OPTIONS] --resume DIR [run.key=value...]",
    "Train a one-step generator. CONFIG is a YAML file or a preset [mnist].",
    options,
    "Ctrl-C saves the run and says how to go on.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device, 130 or 143 saved\n"
    "after an interrupt."};

/* -- what the command line asks for -------------------------------------- */

static int list_presets(drift_context *ctx)
{
    drift_presets *p;
    drift_status status = drift_presets_open(ctx, &p);
    if (status != DRIFT_OK)
        return cli_failed(&train, ctx, status);
    for (size_t i = 0; i < drift_presets_count(p); i++)
        printf("%-18s %s\n", drift_presets_name(p, i),
               drift_presets_comment(p, i));
    drift_presets_free(p);
    return cli_close_stdout(&train);
}

static int list_keys(void)
{
    for (size_t i = 0; i < drift_config_key_count(); i++) {
        drift_key key;
        drift_config_key(i, &key);
        printf("%s: %s, %s (default %s)\n    %s\n", key.name, key.type,
               key.allowed, *key.fallback ? key.fallback : "empty", key.help);
    }
    return cli_close_stdout(&train);
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

/* The name of a run that has none: the configuration's, without folder and
 * ending. */
static void base_name(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
}

/* Every setting of the command line into c. */
static drift_status configure(drift_context *ctx, drift_config *c,
                              const char *file, char **set, int count)
{
    char text[512], name[256], assign[300];
    drift_status status = drift_config_read(ctx, c, file);
    for (int i = 0; status == DRIFT_OK && i < count; i++)
        status = drift_config_set(ctx, c, set[i]);
    if (status == DRIFT_OK && arg.seed >= 0) {
        snprintf(assign, sizeof assign, "run.seed=%lld", (long long)arg.seed);
        status = drift_config_set(ctx, c, assign);
    }
    if (status == DRIFT_OK)
        status = drift_config_get(ctx, c, "run.name", text, sizeof text);
    if (status == DRIFT_OK && !strcmp(text, "\"\"")) {
        base_name(file, name, sizeof name);
        snprintf(assign, sizeof assign, "run.name=%s", name);
        status = drift_config_set(ctx, c, assign);
    }
    return status;
}

/* The first of runs/NAME-1, -2, ... that does not exist. */
static void choose_folder(const char *file, char *path, size_t size)
{
    char name[256];
    struct stat info;
    base_name(file, name, sizeof name);
    for (int n = 1; n < 1000000; n++) {
        snprintf(path, size, "runs/%s-%d", name, n);
        if (stat(path, &info) != 0)
            break;
    }
}

/* -- while it runs -------------------------------------------------------- */

static volatile sig_atomic_t stopped; /* the signal */

static void on_signal(int number)
{
    stopped = number;
}

/* The second one of a kind ends the program at once. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    a.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "1:02:03" or "2:03". */
static const char *duration(double seconds, char text[32])
{
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    return text;
}

static void describe(const drift_progress *p, double spread, char *text,
                     size_t size)
{
    char left[32];
    size_t used = (size_t)snprintf(
        text, size, "step %lld/%lld  %s left  %.0f samples/s  drift",
        (long long)p->step, (long long)p->total_steps,
        duration(p->seconds_left, left), p->samples_per_second);
    for (int i = 0; i < p->temperatures && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %g: %.3g",
                                 p->temperature[i], p->drift[i]);
    if (spread >= 0 && used < size)
        snprintf(text + used, size - used, "  spread %.2f", spread);
}

/* Steps until the end, a signal or an error. */
static drift_status run(drift_trainer *trainer, drift_progress *p)
{
    drift_status status = DRIFT_OK;
    int live = cli_has_live_line();
    double last = 0;
    double spread = -1; /* of the last logged step */
    char text[256];
    while (status == DRIFT_OK && !p->done && !stopped) {
        status = drift_trainer_step(trainer, p);
        double t = now();
        if (status == DRIFT_OK && p->spread >= 0)
            spread = p->spread;
        if (arg.quiet || status != DRIFT_OK ||
            t - last < (live ? LIVE_SECONDS : PLAIN_SECONDS))
            continue;
        last = t;
        describe(p, spread, text, sizeof text);
        if (live)
            cli_live_line(text);
        else
            fprintf(stderr, "%s: %s\n", train.name, text);
    }
    if (!arg.quiet && status == DRIFT_OK && p->step) {
        describe(p, spread, text, sizeof text);
        if (live)
            cli_live_line(text);
        else
            fprintf(stderr, "%s: %s\n", train.name, text);
    }
    cli_end_live_line();
    return status;
}

static void show_profile(const drift_context *ctx)
{
    double seconds, total = 0;
    size_t calls;
    const char *name;
    for (size_t i = 0; (name = drift_context_profile(ctx, i, &seconds, &calls));
         i++)
        total += seconds;
    fprintf(stderr, "%-22s %10s %10s %7s\n", "op", "calls", "seconds", "share");
    for (size_t i = 0; (name = drift_context_profile(ctx, i, &seconds, &calls));
         i++)
        if (calls)
            fprintf(stderr, "%-22s %10zu %10.3f %6.1f%%\n", name, calls,
                    seconds, total > 0 ? 100 * seconds / total : 0);
}

/* Train to the end of the run; the folder of the run goes to stdout. */
static int train_on(drift_context *ctx, drift_trainer *trainer)
{
    drift_progress p = {0};
    char spent[32];
    const char *folder = drift_trainer_directory(trainer);
    catch_signals();
    drift_status status = run(trainer, &p);
    if (status == DRIFT_OK)
        status = drift_trainer_save(trainer);
    if (arg.profile)
        show_profile(ctx);
    if (status != DRIFT_OK)
        return cli_failed(&train, ctx, status);
    if (!arg.quiet)
        fprintf(stderr, "%s: %s after %lld steps and %s; saved in %s\n",
                train.name, p.done ? "done" : "stopped", (long long)p.step,
                duration(p.seconds, spent), folder);
    if (!p.done) {
        fprintf(stderr, "%s: to go on: drift-train --resume '%s'\n", train.name,
                folder);
        return 128 + stopped;
    }
    printf("%s\n", folder);
    return cli_close_stdout(&train);
}

static int begin(drift_context *ctx, const char *file, char **set, int count)
{
    drift_config *c = NULL;
    drift_trainer *trainer = NULL;
    char folder[512];
    int code;
    drift_status status = drift_config_new(ctx, &c);
    if (status == DRIFT_OK)
        status = configure(ctx, c, file, set, count);
    if (status == DRIFT_OK && arg.print_config) {
        status = drift_config_write(ctx, c, "-");
        code = status == DRIFT_OK ? EXIT_OK : cli_failed(&train, ctx, status);
        goto out;
    }
    if (arg.out)
        snprintf(folder, sizeof folder, "%s", arg.out);
    else
        choose_folder(file, folder, sizeof folder);
    if (status == DRIFT_OK)
        status = drift_trainer_new(
            ctx, c, folder, arg.force ? DRIFT_TRAINER_FORCE : 0, &trainer);
    code = status == DRIFT_OK ? train_on(ctx, trainer)
                              : cli_failed(&train, ctx, status);
out:
    drift_trainer_free(trainer);
    drift_config_free(c);
    return code;
}

static int go_on(drift_context *ctx, char **set, int count)
{
    drift_trainer *trainer = NULL;
    drift_status status = drift_trainer_resume(
        ctx, arg.resume, (const char *const *)set, (size_t)count, &trainer);
    int code = status == DRIFT_OK ? train_on(ctx, trainer)
                                  : cli_failed(&train, ctx, status);
    drift_trainer_free(trainer);
    return code;
}

int main(int argc, char **argv)
{
    int count, set = 0, code = cli_parse(&train, argc, argv, &count);
    const char *file = NULL;
    drift_context *ctx = NULL;
    if (code >= 0)
        return code;
    for (int i = 1; i <= count; i++) {
        if (is_assignment(argv[i]))
            argv[1 + set++] = argv[i];
        else if (file)
            return cli_usage(&train,
                             "'%s' is a second configuration beside "
                             "'%s'",
                             argv[i], file);
        else
            file = argv[i];
    }
    if (arg.resume && (file || arg.out || arg.force || arg.seed >= 0))
        return cli_usage(&train, "--resume takes run.key=value only, not %s",
                         file        ? file
                         : arg.out   ? "--out"
                         : arg.force ? "--force"
                                     : "--seed");
    if (arg.list_keys)
        return list_keys();
    code =
        cli_open(&train, arg.device, arg.threads, arg.profile, arg.quiet, &ctx);
    if (code < 0)
        code = arg.list_presets ? list_presets(ctx)
               : arg.resume     ? go_on(ctx, argv + 1, set)
                            : begin(ctx, file ? file : "mnist", argv + 1, set);
    drift_context_close(ctx);
    return code;
}
