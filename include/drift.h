/* drift.h - train and run one-step image generators ("drifting models").
 *
 * The only installed header. The library never prints, exits or aborts: every
 * fallible function returns a drift_status, and the context keeps the code,
 * text and place of the first error.
 */
#ifndef DRIFT_H
#define DRIFT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version */

#define DRIFT_VERSION_MAJOR 0
#define DRIFT_VERSION_MINOR 1
#define DRIFT_VERSION_PATCH 0
#define DRIFT_VERSION       "0.1.0"

#if defined(__GNUC__)
#define DRIFT_MUST_CHECK __attribute__((warn_unused_result))
#define DRIFT_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define DRIFT_MUST_CHECK
#define DRIFT_PRINTF(a, b)
#endif

/* Status of every fallible call. The tools' exit codes follow from it. */
typedef enum drift_status {
    DRIFT_OK = 0,
    DRIFT_ERROR_USAGE,       /* a wrong option or configuration: exit 2 */
    DRIFT_ERROR_MEMORY,      /* host or device memory ran out */
    DRIFT_ERROR_IO,          /* a system call on a file failed */
    DRIFT_ERROR_FORMAT,      /* a file's content is not what it should be */
    DRIFT_ERROR_SHAPE,       /* sizes that do not fit together */
    DRIFT_ERROR_DEVICE,      /* device absent, unfit or failed: exit 3 */
    DRIFT_ERROR_NUMBER,      /* NaN or infinity where none may be */
    DRIFT_ERROR_UNAVAILABLE, /* a feature this build was made without */
    DRIFT_ERROR_STOPPED      /* the caller asked to stop */
} drift_status;

typedef struct drift_context drift_context;

/* Context: one device, its memory, the first error */

typedef enum drift_log_level {
    DRIFT_LOG_WARNING,
    DRIFT_LOG_INFO,
    DRIFT_LOG_DEBUG
} drift_log_level;

typedef void (*drift_log_fn)(void *data, int level, const char *text);

/* Options of a context; {0} is the default of each. */
typedef struct drift_options {
    const char *device; /* "auto" (NULL), "cpu", "opencl[:N|:NAME]", "check" */
    int threads;        /* 0: all processors this process may use */
    int profile;        /* keep the time of every op */
    drift_log_fn log;   /* NULL: no log */
    void *log_data;
} drift_options;

/* Open a context. On failure *out still is a context that holds the error
 * text (NULL only when memory ran out); close it in either case. */
DRIFT_MUST_CHECK drift_status drift_context_open(drift_context **out,
                                                 const drift_options *options);
void drift_context_close(drift_context *ctx); /* NULL is fine */

/* The first error since opening or the last drift_error_clear: its code, its
 * one-line text ("" when there is none) and "file:line" of the library. */
drift_status drift_error_code(const drift_context *ctx);
const char *drift_error_text(const drift_context *ctx);
const char *drift_error_place(const drift_context *ctx);
void drift_error_clear(drift_context *ctx);

/* One line about the device in use, as "cpu: Intel Xeon, 2 threads, BLIS
 * skx". Owned by the context. */
const char *drift_context_device(const drift_context *ctx);

const char *drift_version(void); /* of the library at run time */

/* Training: a trainer owns one run directory and makes one step at a time.
 * A program reads
 *
 *     drift_trainer_new(ctx, config, "runs/mnist", 0, &trainer);
 *     do
 *         status = drift_trainer_step(trainer, &progress);
 *     while (status == DRIFT_OK && !progress.done && !interrupted);
 *     if (status == DRIFT_OK)
 *         status = drift_trainer_save(trainer);
 *     drift_trainer_free(trainer);
 */

typedef struct drift_config drift_config;
typedef struct drift_trainer drift_trainer;

#define DRIFT_TEMPERATURES 8

/* What one step left behind, for a live line. */
typedef struct drift_progress {
    int64_t step;        /* steps done since the run began */
    int64_t total_steps; /* run.steps */
    double seconds;      /* of training since the run began, resumes added */
    double seconds_left; /* estimate for run.steps and run.minutes */
    int64_t images;      /* samples generated since the run began */
    double samples_per_second;
    double loss;
    double grad_norm;
    double learning_rate;
    int temperatures; /* how many of the next three */
    double temperature[DRIFT_TEMPERATURES];
    double drift[DRIFT_TEMPERATURES]; /* raw RMS, mean over the families */
    double ess[DRIFT_TEMPERATURES];   /* effective neighbours, mean */
    double spread; /* of a class against the data's; negative: not measured */
    int logged;    /* this step wrote a line of metrics.jsonl */
    int saved;     /* this step wrote a checkpoint */
    int done;      /* run.steps or run.minutes is reached */
} drift_progress;

/* Flags of drift_trainer_new. */
#define DRIFT_TRAINER_FORCE 1 /* clear away a run that the folder holds */

/* Begin a run in `directory`, made when absent; one that holds a run already
 * is DRIFT_ERROR_USAGE without DRIFT_TRAINER_FORCE. The configuration is the
 * caller's and outlives the trainer. Free the trainer with
 * drift_trainer_free; *out is NULL on failure. */
DRIFT_MUST_CHECK drift_status drift_trainer_new(drift_context *ctx,
                                                const drift_config *config,
                                                const char *directory,
                                                int flags,
                                                drift_trainer **out);

/* Go on with the run in `directory` from its latest checkpoint, equal to the
 * bit to a run that never stopped. overrides: `count` texts "run.key=value";
 * other sections are DRIFT_ERROR_USAGE. */
DRIFT_MUST_CHECK drift_status drift_trainer_resume(drift_context *ctx,
                                                   const char *directory,
                                                   const char *const *overrides,
                                                   size_t count,
                                                   drift_trainer **out);

/* One step with all that falls due: metrics, pictures, checkpoints. NaN or
 * infinity gives DRIFT_ERROR_NUMBER with the state in
 * checkpoints/failed-STEP.safetensors. progress may be NULL. Once `done`, a
 * call does nothing. */
DRIFT_MUST_CHECK drift_status drift_trainer_step(drift_trainer *trainer,
                                                 drift_progress *progress);

/* Write a checkpoint now (unless this step's is there) and the curves. */
DRIFT_MUST_CHECK drift_status drift_trainer_save(drift_trainer *trainer);

/* Path of the run directory, owned by the trainer. */
const char *drift_trainer_directory(const drift_trainer *trainer);

void drift_trainer_free(drift_trainer *trainer); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
