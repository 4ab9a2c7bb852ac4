/* Files: reading whole or mapped, atomic writing, folders. Error texts name
 * the path and strerror. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/error.h"

/* A file's bytes, mapped read-only (or read, where mapping is impossible). */
typedef struct file_view {
    const unsigned char *data;
    size_t size;
    int mapped;
} file_view;

drift_status file_open_view(drift_context *ctx, const char *path,
                            file_view *out) DRIFT_MUST_CHECK;
void file_close_view(file_view *view);
/* It will be read here and there: nothing beside what is read is fetched. */
void file_scattered(const file_view *view);
/* Bytes that will be read soon: fetching them begins. */
void file_expect(const file_view *view, size_t at, size_t size);

/* Atomic write: the bytes go to "PATH.tmp-PID"; file_commit flushes, syncs,
 * renames over PATH and syncs the folder. file_abort (or a failed call)
 * removes the temporary. PATH never holds a torn file. Where PATH is a symbolic
 * link, all this is done to what it leads to. The path "-" is standard output;
 * it and a PATH that is a pipe or a device are written straight away. */
typedef struct file_writer file_writer;
drift_status file_create(drift_context *ctx, const char *path,
                         file_writer **out) DRIFT_MUST_CHECK;
drift_status file_write(file_writer *w, const void *data,
                        size_t size) DRIFT_MUST_CHECK;
/* In place of writing: `size` bytes of memory, zeros, that are the file's,
 * until commit or abort. Its space on the disk is taken at once, so a full disk
 * is told here and not by a signal later. Not for what is written straight
 * away. */
drift_status file_map(file_writer *w, size_t size,
                      unsigned char **out) DRIFT_MUST_CHECK;
drift_status file_commit(file_writer *w) DRIFT_MUST_CHECK; /* frees w */
void file_abort(file_writer *w);                            /* NULL is fine */

/* One-call form of the above. */
drift_status file_replace(drift_context *ctx, const char *path,
                          const void *data, size_t size) DRIFT_MUST_CHECK;

/* Make a folder and its parents; an existing one is fine. */
drift_status file_make_dir(drift_context *ctx, const char *path)
    DRIFT_MUST_CHECK;
int file_exists(const char *path);
int file_is_regular(const char *path); /* or a link to such */
int file_is_dir(const char *path);

/* Sorted names in a folder ("." and ".." left out); free each and the list. */
drift_status file_list(drift_context *ctx, const char *path, char ***names,
                       size_t *count) DRIFT_MUST_CHECK;
void file_list_free(char **names, size_t count);

#endif
