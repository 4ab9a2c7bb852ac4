/* Tensors: contiguous, at most 5-D, f32 (i32 for indices), images NHWC, tokens
 * [B,T,C]. The memory is a counted block of the context's pool; a tensor that
 * came from tensor_new owns one count, a view borrows. */
#ifndef OPS_TENSOR_H
#define OPS_TENSOR_H

#include "base/error.h"

#define TENSOR_DIMS 5

typedef enum dtype { DTYPE_F32, DTYPE_I32 } dtype;

typedef struct shape {
    size_t dim[TENSOR_DIMS];
    int ndim;
} shape;

/* SHAPE(2, 3) is the shape [2,3]. */
#define SHAPE(...)                                                             \
    ((shape){{__VA_ARGS__},                                                    \
             (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))})

/* A piece of device memory. `host` is its address on the CPU backend, `handle`
 * the device's object elsewhere. */
typedef struct block {
    void *host;
    void *handle;
    size_t bytes;
    int count;
    struct block *next, *same; /* in the pool's list of idle blocks */
} block;

typedef struct tensor {
    dtype type;
    shape shape;
    block *block;
    size_t offset; /* in elements */
    int fresh;     /* a gradient without content yet, see ops.def */
} tensor;

size_t shape_count(shape s); /* number of elements; 1 for no dimension */
int shape_equal(shape a, shape b);
/* "[2,3,4]" into text; returns text. */
#define SHAPE_TEXT 128
char *shape_text(shape s, char text[SHAPE_TEXT]);

size_t tensor_count(const tensor *t);

/* A fresh tensor with undefined content. */
drift_status tensor_new(drift_context *ctx, tensor *out, dtype type,
                        shape s) DRIFT_MUST_CHECK;
/* Give the count back; t becomes {0}. {0} is fine. */
void tensor_free(drift_context *ctx, tensor *t);
/* A borrowed view: the elements from `offset` on, as shape s. The caller keeps
 * within bounds; the view must not be freed nor outlive t's block. */
tensor tensor_view(const tensor *t, size_t offset, shape s);
tensor tensor_reshape(const tensor *t, shape s);
/* A second owner of the same memory. */
tensor tensor_share(const tensor *t);

/* Host <-> device, whole tensors. A write has taken its copy of `host` when it
 * returns; a read has waited for all work that was asked for before. */
drift_status tensor_write(drift_context *ctx, tensor *t,
                          const void *host) DRIFT_MUST_CHECK;
drift_status tensor_read(drift_context *ctx, const tensor *t,
                         void *host) DRIFT_MUST_CHECK;
/* tensor_write to a tensor of tensor_new that has no views: beside the work
 * asked for before, where the device can, since that keeps the old content. */
drift_status tensor_upload(drift_context *ctx, tensor *t,
                           const void *host) DRIFT_MUST_CHECK;

/* A read that does not wait: `host` has the content after fetch_wait, which
 * also tells errors of the work before it. {0} has nothing under way. */
typedef struct fetch {
    void *host;
    size_t bytes;
    void *handle; /* the backend's; NULL = host has it already */
} fetch;
drift_status tensor_fetch(drift_context *ctx, const tensor *t, void *host,
                          fetch *f) DRIFT_MUST_CHECK;
drift_status fetch_wait(drift_context *ctx, fetch *f) DRIFT_MUST_CHECK;

/* Wait for all that was asked for. */
drift_status tensors_finish(drift_context *ctx) DRIFT_MUST_CHECK;

/* Bytes of device memory in use, idle in the pool, the highest in use, and the
 * highest of both together. */
typedef struct pool_stats {
    size_t used, idle, peak, held;
    size_t device_allocations; /* how often the device itself was asked */
} pool_stats;
pool_stats pool_get_stats(const drift_context *ctx);
void pool_reset_peak(drift_context *ctx);
/* Give idle blocks back to the device. */
void pool_trim(drift_context *ctx);
/* From now on idle blocks are given back rather than that more than so many
 * bytes are held, in use and idle; 0: no bound. */
void pool_limit(drift_context *ctx, size_t bytes);
/* Tests only: all memory that is handed out from now on holds NaN, so that what
 * was never written shows in a result. */
void pool_poison(int on);
/* The same, and forget the statistics; no tensor is in use. */
void pool_free(drift_context *ctx);

#endif
