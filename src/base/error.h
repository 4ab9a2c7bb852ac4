/* The error model. A context keeps the first error: code, text, place.
 * A fallible function has one exit: `TRY(call)` jumps to `out` with `status`
 * set, `FAIL(ctx, code, ...)` records a new error and jumps there too. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "drift.h"

#define TRY(call)                                                              \
    do {                                                                       \
        status = (call);                                                       \
        if (status != DRIFT_OK)                                                \
            goto out;                                                          \
    } while (0)

#define FAIL(ctx, code, ...)                                                   \
    do {                                                                       \
        status = error_set(ctx, code, __FILE__, __LINE__, __VA_ARGS__);        \
        goto out;                                                              \
    } while (0)

/* For the one-line functions that return straight away. */
#define ERROR(ctx, code, ...)                                                  \
    error_set(ctx, code, __FILE__, __LINE__, __VA_ARGS__)

/* Replace control characters, which names and texts from files may hold, by
 * '?': one line, and nothing that a terminal obeys. All texts below pass
 * through it. */
void text_plain(char *text);

/* Record an error unless one is held already; returns `code` either way. */
drift_status error_set(drift_context *ctx, drift_status code, const char *file,
                       int line, const char *fmt, ...) DRIFT_PRINTF(5, 6);

/* Put "what: " before the held text, so that a reader deep in the library
 * need not know the name of the file or key it serves. Returns its `code`. */
drift_status error_prefix(drift_context *ctx, drift_status code,
                          const char *fmt, ...) DRIFT_PRINTF(3, 4);

/* Levels of the log callback: see drift_log_level in drift.h. */
void log_info(drift_context *ctx, const char *fmt, ...) DRIFT_PRINTF(2, 3);
void log_warning(drift_context *ctx, const char *fmt, ...) DRIFT_PRINTF(2, 3);
void log_debug(drift_context *ctx, const char *fmt, ...) DRIFT_PRINTF(2, 3);

#endif
