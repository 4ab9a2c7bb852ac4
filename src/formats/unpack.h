/* Files inside archives (tar, plain or compressed, and zip) and single
 * compressed files, one after the other, through libarchive. Nothing is
 * written to disk, and memory is taken only for what was asked for. */
#ifndef FORMATS_UNPACK_H
#define FORMATS_UNPACK_H

#include <stddef.h>

#include "base/error.h"

enum {
    UNPACK_TAR = 1, /* tar, also in gz, bz2, xz */
    UNPACK_ZIP = 2,
    UNPACK_GZ = 4,     /* one file, plain or in gz, bz2, xz */
    UNPACK_FOLDERS = 8 /* give the entries of folders, too */
};

typedef struct unpack unpack;

/* The bytes stay the caller's, in place until the close. `name` is for error
 * texts; kinds is a sum of the above. */
drift_status unpack_open(drift_context *ctx, const char *name,
                         const unsigned char *data, size_t size, int kinds,
                         unpack **out) DRIFT_MUST_CHECK;
void unpack_close(unpack *u); /* NULL is fine */

/* The next file's name (valid until the following call), NULL after the last:
 * then nothing is missing and the checksum of a gz is right. Links are left
 * out, and folders but for UNPACK_FOLDERS, whose names end in '/'. */
drift_status unpack_next(unpack *u, const char **name) DRIFT_MUST_CHECK;

/* Up to `size` bytes of that file; *got is less only at its end. */
drift_status unpack_read(unpack *u, void *out, size_t size,
                         size_t *got) DRIFT_MUST_CHECK;

/* All of it into fresh memory; more than `limit` bytes are an error. */
drift_status unpack_read_all(unpack *u, size_t limit, unsigned char **data,
                             size_t *size) DRIFT_MUST_CHECK;

/* No method of compression makes more of a byte than this (deflate: 1032);
 * a claim beyond it is a lie. */
size_t unpack_limit(const unpack *u);

#endif
