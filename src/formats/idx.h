/* IDX files (MNIST's): bytes 0, 0, type, number of dimensions; big-endian u32
 * dimensions; big-endian data. Plain or compressed. */
#ifndef FORMATS_IDX_H
#define FORMATS_IDX_H

#include "formats/array.h"

/* The array's name is NULL, its memory is its own (mem_free(out->owned)). */
drift_status idx_read(drift_context *ctx, const char *path,
                      array *out) DRIFT_MUST_CHECK;
/* The same from memory; `name` is for error texts. */
drift_status idx_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size,
                       array *out) DRIFT_MUST_CHECK;

#endif
