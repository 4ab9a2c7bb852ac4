/* Option tables, messages and exit codes of the tools. */
#include "tools/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/nearest.h"

static const option common[] = {
    {OPTION_FLAG, "help", NULL, "show this text and end; also -h", NULL, 0, 0},
    {OPTION_FLAG, "version", NULL, "show the version and end", NULL, 0, 0},
};
#define COMMON (sizeof common / sizeof *common)

struct cli_run cli_run;

const option cli_run_options[] = {
    {OPTION_TEXT, "device", "NAME",
     "auto, cpu, opencl[:N|:NAME], check[:N|:NAME] [auto]", &cli_run.device, 0,
     0},
    {OPTION_WHOLE, "threads", "N", "processors to use [all]", &cli_run.threads,
     0, 4096},
    {OPTION_FLAG, "quiet", NULL, "say nothing but warnings and errors",
     &cli_run.quiet, 0, 0},
    {OPTION_END, NULL, NULL, NULL, NULL, 0, 0},
};

static size_t count_options(const option *list)
{
    size_t n = 0;
    while (list && list[n].kind != OPTION_END)
        n++;
    return n;
}

/* The tool's options, then the common ones; NULL after the last. */
static const option *option_at(const tool *t, size_t i)
{
    size_t own = count_options(t->own), shared = count_options(t->options);
    if (i < own)
        return &t->own[i];
    i -= own;
    return i < shared            ? &t->options[i]
           : i - shared < COMMON ? &common[i - shared]
                                 : NULL;
}

/* -- messages ----------------------------------------------------------- */

static int live; /* a live line is on the screen */

static void clear_line(void)
{
    if (live)
        fputs("\r\033[K", stderr);
    live = 0;
}

int cli_has_live_line(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

/* One less than a terminal's columns: the last one may begin a new line. */
static int line_width(void)
{
#ifdef TIOCGWINSZ
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1;
#endif
    return 79;
}

void cli_live_line(const char *text)
{
    fprintf(stderr, "\r%.*s\033[K", line_width(), text);
    fflush(stderr);
    live = 1;
}

void cli_end_live_line(void)
{
    if (live)
        fputc('\n', stderr);
    live = 0;
}

const char *cli_duration(double seconds, char text[32])
{
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    return text;
}

int cli_usage(const tool *t, const char *fmt, ...)
{
    va_list ap;
    clear_line();
    fprintf(stderr, "%s: ", t->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

int cli_failed(const tool *t, const drift_context *ctx, drift_status status)
{
    clear_line();
    fprintf(stderr, "%s: %s\n", t->name, drift_error_text(ctx));
    return status == DRIFT_ERROR_USAGE    ? EXIT_USAGE
           : status == DRIFT_ERROR_DEVICE ? EXIT_DEVICE
                                          : EXIT_FAILED;
}

int cli_close_stdout(const tool *t)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_OK;
    fprintf(stderr, "%s: unable to write standard output: %s\n", t->name,
            strerror(errno));
    return EXIT_FAILED;
}

/* -- signals ------------------------------------------------------------ */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

void cli_catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal}, old;
    sigemptyset(&a.sa_mask);
    a.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &a, NULL);
}

int cli_signal(void)
{
    return caught;
}

/* -- files -------------------------------------------------------------- */

/* A file opened under the number of a closed stream would get its text. */
static void open_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDWR); /* takes the lowest number */
}

drift_status cli_make_dir(drift_context *ctx, const char *path)
{
    return file_make_dir(ctx, path);
}

drift_status cli_try_output(drift_context *ctx, const char *path)
{
    struct stat info;
    file_writer *w;
    if (!strcmp(path, "-") ||
        (stat(path, &info) == 0 && !S_ISREG(info.st_mode)))
        return DRIFT_OK; /* opened once only */
    drift_status status = file_create(ctx, path, &w);
    file_abort(w);
    return status;
}

/* -- parsing ------------------------------------------------------------ */

static int show_help(const tool *t)
{
    const option *o;
    printf("Usage: %s %s\n%s\n\nOptions:\n", t->name, t->usage, t->purpose);
    for (size_t i = 0; (o = option_at(t, i)); i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        printf("  %-20s  %s\n", left, o->help);
    }
    if (t->more)
        printf("\n%s\n", t->more);
    return cli_close_stdout(t);
}

static int show_version(const tool *t)
{
    printf("%s %s (%s)\n", t->name, drift_version(),
           drift_build_text(DRIFT_BUILD_REVISION));
    return cli_close_stdout(t);
}

static const option *find(const tool *t, const char *name, size_t length)
{
    const option *o;
    for (size_t i = 0; (o = option_at(t, i)); i++)
        if (strlen(o->name) == length && !strncmp(o->name, name, length))
            return o;
    return NULL;
}

static int unknown(const tool *t, const char *arg, int length)
{
    const char *name = arg + strspn(arg, "-"), *nearest = "";
    char given[64];
    size_t least = (size_t)-1;
    const option *o;
    snprintf(given, sizeof given, "%.*s", length - (int)(name - arg), name);
    for (size_t i = 0; (o = option_at(t, i)); i++) {
        size_t d = edit_distance(given, o->name);
        if (d < least) {
            least = d;
            nearest = o->name;
        }
    }
    return cli_usage(t, "unknown option '%.*s' (nearest: '--%s'; see --help)",
                     length, arg, nearest);
}

static int wrong_value(const tool *t, const option *o, const char *text,
                       const char *what)
{
    if (o->kind == OPTION_WHOLE) /* in the notation that is read */
        return cli_usage(t, "--%s: '%s' is %s; allowed: %.0f to %.0f", o->name,
                         text, what, o->low, o->high);
    return cli_usage(t, "--%s: '%s' is %s; allowed: %.15g to %.15g", o->name,
                     text, what, o->low, o->high);
}

/* Returns -1 to go on. Decimal notation only, the whole text. */
static int set_number(const tool *t, const option *o, const char *text)
{
    int whole = o->kind == OPTION_WHOLE;
    const char *letters = whole ? "+-0123456789" : "+-.0123456789eE";
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || strspn(text, letters) != strlen(text))
        return wrong_value(t, o, text,
                           whole ? "not a whole number" : "not a number");
    if (!isfinite(v) || v < o->low || v > o->high)
        return wrong_value(t, o, text, "out of range");
    if (whole)
        *(int64_t *)o->value = (int64_t)v;
    else
        *(double *)o->value = v;
    return -1;
}

static int set_value(const tool *t, const option *o, const char *text)
{
    if (o->kind == OPTION_TEXT) {
        if (!*text)
            return cli_usage(t, "--%s: the value is empty", o->name);
        *(const char **)o->value = text;
        return -1;
    }
    return set_number(t, o, text);
}

/* argv[i], which begins with a dash; *i moves over a value that it takes. */
static int parse_option(const tool *t, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    size_t length = strcspn(arg, "=");
    const option *o = NULL;
    if (!strncmp(arg, "--", 2))
        o = find(t, arg + 2, length - 2);
    else if (!strcmp(arg, "-h"))
        o = &common[0];
    if (!o)
        return unknown(t, arg, (int)length);
    if (o->kind != OPTION_FLAG && arg[length])
        return set_value(t, o, arg + length + 1);
    if (o->kind != OPTION_FLAG) {
        if (*i + 1 == argc)
            return cli_usage(t, "--%s needs a value: %s", o->name, o->argument);
        return set_value(t, o, argv[++*i]);
    }
    if (arg[length])
        return cli_usage(t, "--%s takes no value", o->name);
    if (o == &common[0])
        return show_help(t);
    if (o == &common[1])
        return show_version(t);
    *(int *)o->value = 1;
    return -1;
}

int cli_parse(const tool *t, int argc, char **argv, int *count)
{
    int kept = 0, options = 1;
    open_streams();
    for (int i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (options && !strcmp(arg, "--")) {
            options = 0;
        } else if (options && arg[0] == '-' && arg[1]) {
            int end = parse_option(t, argc, argv, &i);
            if (end >= 0)
                return end;
        } else {
            argv[1 + kept++] = arg;
        }
    }
    *count = kept;
    return -1;
}

/* -- the context -------------------------------------------------------- */

typedef struct logger {
    const char *name;
    int quiet;
} logger;

static void say(void *data, int level, const char *text)
{
    const logger *l = data;
    if (level == DRIFT_LOG_DEBUG || (level == DRIFT_LOG_INFO && l->quiet))
        return;
    clear_line();
    fprintf(stderr, "%s: %s%s\n", l->name,
            level == DRIFT_LOG_WARNING ? "warning: " : "", text);
}

int cli_open(const tool *t, const char *device, int64_t threads, int profile,
             int quiet, drift_context **ctx)
{
    static logger l; /* lives as long as the context; one a process */
    l = (logger){t->name, quiet};
    drift_options o = {.device = device,
                       .threads = (int)threads,
                       .profile = profile,
                       .log = say,
                       .log_data = &l};
    drift_status status = drift_context_open(ctx, &o);
    return status == DRIFT_OK ? -1 : cli_failed(t, *ctx, status);
}
