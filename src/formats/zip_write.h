/* Writing a zip of stored entries, atomically and as a stream ("-": standard
 * output). The same entries give the same bytes: no times, no owners. */
#ifndef FORMATS_ZIP_WRITE_H
#define FORMATS_ZIP_WRITE_H

#include <stddef.h>

#include "base/error.h"

typedef struct zip_writer zip_writer;

/* zip_begin each entry, then zip_write its bytes in pieces of any size, then
 * zip_commit. zip_commit frees the writer in any case; until then, on a
 * failure, zip_abort. */
drift_status zip_create(drift_context *ctx, const char *path,
                        zip_writer **out) DRIFT_MUST_CHECK;
drift_status zip_begin(zip_writer *w, const char *name,
                       size_t bytes) DRIFT_MUST_CHECK;
drift_status zip_write(zip_writer *w, const void *data,
                       size_t bytes) DRIFT_MUST_CHECK;
drift_status zip_commit(zip_writer *w) DRIFT_MUST_CHECK;
void zip_abort(zip_writer *w); /* NULL is fine */

drift_context *zip_context(const zip_writer *w);

#endif
