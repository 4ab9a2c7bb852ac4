/* NumPy files: .npy (one array) and .npz (a zip of them). Written npz files
 * are not compressed, so that sample sets of any size stream through. */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include "base/file.h"
#include "formats/array.h"

/* Append the file's arrays to *out: one named "" of a .npy, those of a .npz
 * under their names. Big-endian and Fortran-ordered data is rearranged. */
drift_status npy_read(drift_context *ctx, const char *path,
                      array_list *out) DRIFT_MUST_CHECK;
drift_status npz_read(drift_context *ctx, const char *path,
                      array_list *out) DRIFT_MUST_CHECK;
/* Of a .npz only those arrays whose name `wanted` takes: what others are made
 * of does not matter. */
typedef int npz_filter(const void *arg, const char *name);
drift_status npz_read_some(drift_context *ctx, const char *path,
                           npz_filter *wanted, const void *arg,
                           array_list *out) DRIFT_MUST_CHECK;
/* The same from memory; `name` is for error texts. */
drift_status npy_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size,
                       array_list *out) DRIFT_MUST_CHECK;
drift_status npz_parse(drift_context *ctx, const char *name,
                       const unsigned char *data, size_t size,
                       array_list *out) DRIFT_MUST_CHECK;

/* The type that NumPy calls `descr`, such as "<f4"; 0 for those that are not
 * read. *swap: its bytes are in the other order. */
int npy_type(const char *descr, array_type *type, int *swap);

/* Write a .npz atomically ("-": standard output): npz_begin each array, then
 * npz_write its elements in pieces of any size, then npz_commit. npz_commit
 * frees the writer, also when it fails; after another failure call
 * npz_abort. */
typedef struct npz_writer npz_writer;
drift_status npz_create(drift_context *ctx, const char *path,
                        npz_writer **out) DRIFT_MUST_CHECK;
drift_status npz_begin(npz_writer *w, const char *name, array_type type,
                       int ndim, const size_t *dim) DRIFT_MUST_CHECK;
drift_status npz_write(npz_writer *w, const void *data,
                       size_t bytes) DRIFT_MUST_CHECK;
drift_status npz_commit(npz_writer *w) DRIFT_MUST_CHECK;
void npz_abort(npz_writer *w); /* NULL is fine */

#endif
