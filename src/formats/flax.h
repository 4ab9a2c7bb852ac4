/* Flax parameter files (msgpack of nested maps with arrays as leaves), as the
 * authors' release writes them. Needs msgpack-c; without it
 * DRIFT_ERROR_UNAVAILABLE. */
#ifndef FORMATS_FLAX_H
#define FORMATS_FLAX_H

#include "base/file.h"
#include "formats/array.h"

typedef struct flax {
    file_view view;
    array_list arrays; /* data points into view but for chunked arrays */
} flax;

/* Arrays are named by their path joined by '.', sorted by name. Plain numbers
 * become arrays without dimensions (I64, F64, BOOL); nil and strings are left
 * out. */
drift_status flax_open(drift_context *ctx, const char *path,
                       flax *out) DRIFT_MUST_CHECK;
/* The same from memory that stays in place until the close. On failure *out
 * must still be closed. */
drift_status flax_parse(drift_context *ctx, const unsigned char *bytes,
                        size_t size, flax *out) DRIFT_MUST_CHECK;
void flax_close(flax *f);

#endif
