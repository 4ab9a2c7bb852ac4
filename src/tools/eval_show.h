/* What drift-eval shows of scores: as a table or as JSON on stdout. Each
 * returns the exit code. */
#ifndef TOOLS_EVAL_SHOW_H
#define TOOLS_EVAL_SHOW_H

#include "tools/cli.h"

int eval_show(const tool *t, const drift_evaluation *e, int json);
/* The checkpoints of the run `path`; bounds as drift_evaluate_run. */
int eval_show_run(const tool *t, const char *path,
                  const drift_score_table *table,
                  const drift_evaluation *bounds, int json);
/* The best of each run, of scores as `wanted` (drift_score_table_read), beside
 * a picture of all: `out` is its file, or the folder of compare.png (NULL: this
 * one). */
int eval_show_comparison(const tool *t, drift_context *ctx, char *const *runs,
                         size_t count, const drift_score_wanted *wanted,
                         const char *out, int json);

#endif
