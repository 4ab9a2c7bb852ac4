/* The table of a run's scores as a file: RFC 4180, a first line of keys, one
 * line a checkpoint and settings. What could not be had is empty, a number the
 * shortest that reads back. */
#ifndef TRAIN_SCORE_TABLE_H
#define TRAIN_SCORE_TABLE_H

#include "base/error.h"

#define SCORE_FOLDER "evaluation"
#define SCORE_FILE   "metrics.csv"

struct drift_score_table {
    drift_context *ctx;
    drift_score_row *rows;
    size_t count;
};

/* All rows of a file; none where there is no file. DRIFT_ERROR_FORMAT names
 * the line that is no row. */
drift_status score_table_open(drift_context *ctx, const char *path,
                              drift_score_table **out) DRIFT_MUST_CHECK;
drift_status score_table_write(const drift_score_table *t,
                               const char *path) DRIFT_MUST_CHECK;

/* The row of this step, scored in this way; or NULL. The file's name is left
 * out: `latest` may be called otherwise later. */
const drift_score_row *score_table_find(const drift_score_table *t,
                                        const drift_score_row *like);
/* Copy a row into the table, in the place of the one that is found. Rows that
 * were scored in one way lie together by rising step. */
drift_status score_table_put(drift_score_table *t,
                             const drift_score_row *row) DRIFT_MUST_CHECK;
/* Leave those rows that were scored in this way. */
void score_table_select(drift_score_table *t, const drift_score_row *like);

#endif
