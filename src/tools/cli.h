/* What the tools share: one option table a tool makes its --help, its parsing
 * and (by tests/cli/man.sh) its man page; exit codes; error texts. */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include "drift.h"

/* Exit codes. A run that a signal ended after saving: 128 + the signal. */
enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_DEVICE };

typedef enum option_kind {
    OPTION_FLAG,  /* int *: becomes 1 */
    OPTION_TEXT,  /* const char ** */
    OPTION_WHOLE, /* int64_t * */
    OPTION_REAL,  /* double * */
    OPTION_END
} option_kind;

typedef struct option {
    option_kind kind;
    const char *name;     /* without the dashes */
    const char *argument; /* "N"; NULL for a flag */
    const char *help;
    void *value;
    double low, high; /* of numbers, both included */
} option;

typedef struct tool {
    const char *name;    /* "drift-train" */
    const char *usage;   /* what follows the name */
    const char *purpose; /* one sentence */
    const option
        *options;      /* up to OPTION_END; --help and --version are added */
    const char *more;  /* last words of --help, or NULL */
    const option *own; /* options before the others, or NULL */
} tool;

/* Where to compute and whether to be silent: options that come after those of
 * the tool, and what they were given. */
extern const option cli_run_options[];
extern struct cli_run {
    const char *device;
    int64_t threads;
    int quiet;
} cli_run;

/* To be called first: closed standard streams are opened on /dev/null. Fill
 * the options' values from argv; the rest, in order, goes to the front of
 * argv[1] ... and its number to *count. Returns -1 to go on, else the exit
 * code (--help and --version have been printed, errors told). */
int cli_parse(const tool *t, int argc, char **argv, int *count);

/* "NAME: text" on stderr; returns EXIT_USAGE. */
int cli_usage(const tool *t, const char *fmt, ...) DRIFT_PRINTF(2, 3);

/* Open a context that logs to stderr (warnings only when quiet). Returns -1 to
 * go on, else the exit code; *ctx is to be closed in either case. */
int cli_open(const tool *t, const char *device, int64_t threads, int profile,
             int quiet, drift_context **ctx);

/* Tell the context's error; returns the exit code for it. */
int cli_failed(const tool *t, const drift_context *ctx, drift_status status);

/* SIGINT, SIGTERM and SIGHUP (unless it is ignored, as under nohup) are only
 * noted; a second one of a kind ends the program at once. */
void cli_catch_signals(void);
int cli_signal(void); /* the one that came, or 0 */

/* Make a folder and its parents. */
drift_status cli_make_dir(drift_context *ctx, const char *path);
/* Whether a file can be made under this name, to be asked before the work. */
drift_status cli_try_output(drift_context *ctx, const char *path);

/* One line that is rewritten in place where stderr is a terminal, cut to its
 * width. Log lines and errors go above it. */
int cli_has_live_line(void);
void cli_live_line(const char *text);
void cli_end_live_line(void); /* keep what it shows */

/* "1:02:03" or "2:03". */
const char *cli_duration(double seconds, char text[32]);

/* Flush stdout; a full disk or closed pipe is EXIT_FAILED. */
int cli_close_stdout(const tool *t);

#endif
