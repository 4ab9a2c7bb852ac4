/* safetensors files: an 8-byte length, a JSON header, raw little-endian data.
 * Reading is by mapping; a reader checks every offset before use. */
#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include "base/file.h"
#include "formats/array.h"

typedef struct safetensors {
    file_view view;
    array_list arrays;     /* data points into view; see array.h */
    char **keys, **values; /* __metadata__ */
    size_t metadata_count;
} safetensors;

drift_status safetensors_open(drift_context *ctx, const char *path,
                              safetensors *out) DRIFT_MUST_CHECK;
/* The same from memory that stays in place until the close. On failure *out
 * must still be closed. */
drift_status safetensors_parse(drift_context *ctx, const unsigned char *bytes,
                               size_t size, safetensors *out) DRIFT_MUST_CHECK;
void safetensors_close(safetensors *s);
const char *safetensors_metadata(const safetensors *s, const char *key);

/* Write arrays (any dtype) and metadata pairs, atomically. */
drift_status safetensors_write(drift_context *ctx, const char *path,
                               const array_list *arrays,
                               const char *const *keys,
                               const char *const *values,
                               size_t metadata_count) DRIFT_MUST_CHECK;

#endif
