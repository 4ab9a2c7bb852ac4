/* The folder of a run:
 *
 *     config.yaml      the complete configuration
 *     metrics.jsonl    one object a logged step
 *     log.txt          what happened when; locked while a process trains here
 *     events.*         for TensorBoard
 *     curves.png  samples/  checkpoints/
 *     evaluation/      scores of checkpoints, by drift_evaluate_run
 *
 * It holds a run as soon as checkpoints/latest.safetensors is there, which is
 * written first: so whatever a start leaves behind can be resumed, or is in
 * nobody's way. */
#ifndef TRAIN_RUNDIR_H
#define TRAIN_RUNDIR_H

#include "train/config.h"

typedef struct rundir {
    drift_context *ctx;
    char *path;
    int log; /* log.txt; -1 before it is open */
} rundir;

/* DRIFT_ERROR_USAGE when `path` holds a run, unless `force`, or no run but
 * files under the names of one (to be asked before anything that takes
 * long). */
drift_status rundir_check_free(drift_context *ctx, const char *path,
                               int force) DRIFT_MUST_CHECK;
/* Make the folders; with `force` clear away the files of an older run (only
 * those that a run makes). *r is to be closed even after a failure. */
drift_status rundir_create(drift_context *ctx, const char *path, int force,
                           rundir *r) DRIFT_MUST_CHECK;
/* The folder of an existing run. */
drift_status rundir_open(drift_context *ctx, const char *path,
                         rundir *r) DRIFT_MUST_CHECK;
void rundir_close(rundir *r); /* {0} is fine */

/* PATH/name from a format, in fresh memory. */
char *rundir_path(const rundir *r, const char *format, ...) DRIFT_PRINTF(2, 3);
drift_status rundir_write_config(const rundir *r,
                                 const config *c) DRIFT_MUST_CHECK;
/* N of a file's name "BEGIN" N "END", -1 for other names. */
int64_t rundir_number(const char *name, const char *begin, const char *end);
/* The names of a run's numbered checkpoints, oldest first; free each and the
 * list (file_list_free). */
drift_status rundir_checkpoints(drift_context *ctx, const char *path,
                                char ***names, size_t *count) DRIFT_MUST_CHECK;
/* A line with date and time into log.txt. */
void rundir_note(const rundir *r, const char *format, ...) DRIFT_PRINTF(2, 3);
/* The same, and to the context's log. */
void rundir_log(const rundir *r, const char *format, ...) DRIFT_PRINTF(2, 3);
/* The same as a warning. */
void rundir_warn(const rundir *r, const char *format, ...) DRIFT_PRINTF(2, 3);

#endif
