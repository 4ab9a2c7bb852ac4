/* How a map [rows,c] is cut for kernels that work along its rows or columns.
 *
 * Work-groups are two-dimensional. Neighbouring items along the first
 * dimension have neighbouring numbers of a row, four each (load4, store4), so
 * that reads are coalesced whether c is 3 or 3000. Kernels sum over the items
 * of one of the dimensions (row_sum, column_sum of cl/shared/map.h). */
#ifndef OCL_MAP_H
#define OCL_MAP_H

#include "ocl/ocl.h"

/* One sum a row: up to shape.lanes items on each, several rows a group. */
drift_status ocl_rows(ocl_launch *l, size_t rows, size_t c) DRIFT_MUST_CHECK;

/* Four columns an item, one sum each: a group covers 4 * width columns of
 * `step` rows, an item takes every lanes-th of them. Groups are numbered
 * (map, chunk, slice), the last fastest; a kernel is told step and chunks. */
typedef struct ocl_column_cut {
    size_t width, lanes; /* of a group */
    size_t slices;       /* groups along c */
    size_t step, chunks; /* rows of a group, groups along the rows */
} ocl_column_cut;

/* `each` rows an item; for kernels that take them by FOR_ROWS more where there
 * would be more chunks than `most`, for others (0) any number. */
ocl_column_cut ocl_columns_of(drift_context *ctx, size_t rows, size_t c,
                              size_t each, size_t most);
/* Over `batch` maps of this size. */
drift_status ocl_columns_run(ocl_launch *l, ocl_column_cut s,
                             size_t batch) DRIFT_MUST_CHECK;

/* Whole columns of `batch` maps [rows,c]: one chunk. */
drift_status ocl_columns(ocl_launch *l, size_t batch, size_t rows,
                         size_t c) DRIFT_MUST_CHECK;

#define OCL_EACH_COPY 16 /* rows an item: where each number is read once, */
#define OCL_EACH_SUM  32 /* where sums are written for each chunk */

/* gradient[c] += the sum of parts [rows,c] over its rows. */
drift_status ocl_columns_add(drift_context *ctx, tensor *gradient,
                             const tensor *parts, size_t rows,
                             size_t c) DRIFT_MUST_CHECK;

/* Three numbers for each of `batch` maps, chunk of rows and column: m, near
 * the chunk's mean, the sum of x - m and that of (x - m)^2. From them mean and
 * variance of any union of chunks follow without cancellation.
 * parts [batch,chunks,3,c] is made here, and for the caller to free. */
drift_status ocl_columns_moments(drift_context *ctx, tensor *parts,
                                 ocl_column_cut *s, const tensor *x,
                                 size_t batch, size_t rows,
                                 size_t c) DRIFT_MUST_CHECK;

#endif
