/* NumPy files: .npy (one array) and .npz (a zip of them). Written npz files
 * are not compressed, so that sample sets of any size stream through. */
#ifndef FORMATS_NPY_H
#define FORMATS_NPY_H

#include "base/file.h"
#include "formats/array.h"
#include "formats/zip_write.h"

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

/* Begin an array in a zip, whose elements zip_write is to bring. */
drift_status npz_begin(zip_writer *w, const char *name, array_type type,
                       int ndim, const size_t *dim) DRIFT_MUST_CHECK;
/* The same with all its elements. */
drift_status npz_put(zip_writer *w, const char *name, array_type type, int ndim,
                     const size_t *dim, const void *data) DRIFT_MUST_CHECK;

#endif
