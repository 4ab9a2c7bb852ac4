/* Where the files of a zip lie, for those that are to be used in place; what
 * is compressed is unpack.h's. */
#ifndef FORMATS_ZIP_H
#define FORMATS_ZIP_H

#include <stddef.h>

#include "base/error.h"

typedef struct zip_entry {
    const char *name; /* `length` bytes, without a NUL at their end */
    size_t length;
    const unsigned char *data; /* NULL: compressed or encrypted */
    size_t size;
    size_t begin, end; /* with the header before the data */
} zip_entry;

/* All entries, ordered by name; free *out. Their names are in the bytes and
 * each there once, none leads upwards, no two entries overlap. Checksums are
 * not looked at. */
drift_status zip_list(drift_context *ctx, const unsigned char *bytes,
                      size_t size, zip_entry **out,
                      size_t *count) DRIFT_MUST_CHECK;

/* For qsort and bsearch. */
int zip_by_name(const void *a, const void *b);
const zip_entry *zip_find(const zip_entry *list, size_t count, const char *name,
                          size_t length);

#endif
