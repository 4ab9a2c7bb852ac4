/* Inside the OpenCL backend: the device, kernels, launches.
 *
 * A tensor is a buffer and an offset in elements. A kernel of cl/<op>.cl takes
 * them as IN(x), OUT(y) or GRADIENT(dx) (cl/shared/kernel.h); a launch gives
 * its arguments in the same order, one call each:
 *
 *     ocl_launch l = ocl_begin(ctx, "add", "add_fwd");
 *     ocl_tensor(&l, y);
 *     ocl_tensor(&l, a);
 *     ocl_size(&l, n);
 *     ocl_float(&l, alpha);
 *     return ocl_each(&l, n);
 *
 * The queue is in order, so nothing waits but a read. Kernels index with
 * 64 bits and guard their index. */
#ifndef OCL_OCL_H
#define OCL_OCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#ifdef __APPLE__
#include <OpenCL/opencl.h>
#else
#include <CL/cl.h>
#endif

#include "ops/backend.h"

/* How work is cut for a class of devices: the one place for it (device.c).
 * Kernels see GROUP and TILE as constants, and IN_TURNS on a CPU. */
typedef struct ocl_shape {
    cl_device_type type;
    size_t group; /* work-items of a group, a power of two */
    size_t apart; /* the same where they share nothing: no GROUP in a kernel */
    size_t tile;  /* side of a square tile; tile^2 items make a group */
    size_t lanes; /* most items that share the sum of a row; few where barriers
                     cost more than a long loop */
} ocl_shape;

typedef struct ocl_program ocl_program;
typedef struct ocl_transfers ocl_transfers;

/* What was compiled so far, for the lines that tell of it. */
typedef struct ocl_building {
    double since, seconds, told; /* begun; spent in all; when told last */
    int count, lines;            /* things built, lines about it */
} ocl_building;
typedef struct ocl_times ocl_times;

typedef struct ocl_device {
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    ocl_shape shape;
    size_t most_bytes; /* of one buffer */
    size_t local_bytes;
    size_t most_items[3]; /* of a group, along each dimension */
    int rounds;           /* division and root, correctly */
    unsigned unflushed;   /* launches */
    ocl_program *programs; /* built so far */
    char *cache;           /* folder of built programs, or NULL (cache.h) */
    ocl_building building;
    int products_built; /* CLBlast's kernels, a bit each (gemm.c) */
    ocl_transfers *transfers;
    ocl_times *times;      /* of a profile; NULL before the first launch */
} ocl_device;

static inline ocl_device *ocl_of(const drift_context *ctx)
{
    return ctx->device;
}

/* -- errors (error.c) ------------------------------------------------------ */

/* "CL_OUT_OF_RESOURCES"; also CLBlast's codes. */
const char *ocl_code_name(int code);
/* Record "WHAT: CL_..." as DRIFT_ERROR_DEVICE (memory: DRIFT_ERROR_MEMORY). */
drift_status ocl_failed(drift_context *ctx, int code, const char *what);
/* Whether a command has run; *code = what it failed with. */
int ocl_is_over(cl_event event, int *code);

/* -- programs (program.c) ---------------------------------------------------
 */

/* A kernel of cl/FILE.cl, built at its first use; owned by the device. */
drift_status ocl_kernel(drift_context *ctx, const char *file, const char *name,
                        cl_kernel *out) DRIFT_MUST_CHECK;
void ocl_programs_free(ocl_device *d);

/* Around whatever may compile: tells what is being built, once that has taken
 * noticeable time. */
void ocl_building_begin(drift_context *ctx, const char *what);
void ocl_building_end(drift_context *ctx);

/* The embedded sources, made from cl/ by the build: lines[0] ... up to NULL. */
typedef struct ocl_source {
    const char *name; /* "add.cl", "shared/args.h" */
    const char *const *lines;
} ocl_source;
extern const ocl_source ocl_sources[]; /* up to a NULL name */

/* -- launches (launch.c) ----------------------------------------------------
 */

#define OCL_NAMED 8 /* tensors of a launch whose shapes an error tells */

typedef struct ocl_launch {
    drift_context *ctx;
    const char *name;
    cl_kernel kernel;
    cl_uint next; /* argument */
    int code;     /* of the first clSetKernelArg that failed */
    const tensor *tensors[OCL_NAMED]; /* for the text of an error */
    int tensor_count;
    drift_status status;
    double bytes, flops; /* for the profile */
} ocl_launch;

ocl_launch ocl_begin(drift_context *ctx, const char *file, const char *kernel);
void ocl_tensor(ocl_launch *l, const tensor *t); /* NULL: a null pointer */
void ocl_update(ocl_launch *l, const tensor *t); /* read, then written */
/* GRADIENT(t): with whether to add to it or to overwrite it ... */
void ocl_target(ocl_launch *l, const tensor *t, int add);
/* ... that is when it is marked fresh. */
void ocl_gradient(ocl_launch *l, const tensor *t);
void ocl_size(ocl_launch *l, size_t value); /* ulong */
void ocl_int(ocl_launch *l, int value);
void ocl_float(ocl_launch *l, float value);
void ocl_bytes(ocl_launch *l, const void *value, size_t size); /* a struct */
/* STREAM(s) of cl/shared/philox.h; and how many work-items make its numbers
 * first ... first+n-1, a block of four each. */
void ocl_stream(ocl_launch *l, rng_stream stream, uint64_t first);
size_t ocl_stream_blocks(uint64_t first, size_t n);

/* Where a kernel writes what is wrong with its input: int[4] = FAULT_* and
 * three numbers, by whoever first changes the 0. The next read tells
 * (transfer.c). */
void ocl_fault(ocl_launch *l);

/* What the profile shows as GFLOP/s, for kernels where that is the limit; bytes
 * are those of the tensors. */
void ocl_flops(ocl_launch *l, double flops);

/* One work-item for each of n elements, in groups of shape.apart. */
drift_status ocl_each(ocl_launch *l, size_t n) DRIFT_MUST_CHECK;
/* n groups of shape.group items: a row, a sample, a channel each. */
drift_status ocl_groups(ocl_launch *l, size_t n) DRIFT_MUST_CHECK;
/* One work-item for each place of a box, x between neighbours in memory: a
 * kernel knows where it is without dividing. It asks for get_global_id alone
 * and guards each dimension (y = z = 1: x alone). */
drift_status ocl_box(ocl_launch *l, size_t x, size_t y,
                     size_t z) DRIFT_MUST_CHECK;
/* The same in groups that are tiles of x and y. */
drift_status ocl_tiles(ocl_launch *l, size_t x, size_t y,
                       size_t z) DRIFT_MUST_CHECK;
/* Anything else: `groups` groups of `local` items along each dimension. */
drift_status ocl_run(ocl_launch *l, cl_uint dims, const size_t groups[3],
                     const size_t local[3]) DRIFT_MUST_CHECK;

/* Hold the device, just opened, to a few ops; a wrong number is
 * DRIFT_ERROR_DEVICE. Leaves an empty pool. (selftest.c) */
drift_status ocl_selftest(drift_context *ctx) DRIFT_MUST_CHECK;

/* -- profile (profile.c) ----------------------------------------------------
 */

/* Where an enqueue puts its event: NULL, and so none, without a profile. */
static inline cl_event *ocl_event(const drift_context *ctx, cl_event *event)
{
    *event = NULL;
    return ctx->profile ? event : NULL;
}
/* Count work that was enqueued, which ends with `to` and begins with it or, if
 * there is `from`, when that has ended; both are taken over. `to` NULL: none.
 */
drift_status ocl_timed(drift_context *ctx, const char *name, cl_event from,
                       cl_event to, double bytes,
                       double flops) DRIFT_MUST_CHECK;
drift_status ocl_profile(drift_context *ctx) DRIFT_MUST_CHECK;
void ocl_times_free(ocl_device *d);

/* -- helpers --------------------------------------------------------------- */

/* y = 0 for a gradient marked fresh (NULL is fine): for ops that add to it
 * in several launches, then as if not fresh. (fill.c) */
drift_status ocl_begin_gradient(drift_context *ctx,
                                tensor *gradient) DRIFT_MUST_CHECK;
/* c[g,m,n] = alpha op(a) op(b) + beta c by CLBlast; strides in elements
 * between the matrices of a batch (0 = shared by all). (gemm.c) */
typedef struct ocl_matrix {
    const tensor *tensor;
    size_t offset, row, batch; /* elements: first, from row to row, to batch */
    int transposed;
} ocl_matrix;
drift_status ocl_sgemm(drift_context *ctx, ocl_matrix c, ocl_matrix a,
                       ocl_matrix b, size_t batch, size_t m, size_t n, size_t k,
                       float alpha, float beta) DRIFT_MUST_CHECK;
/* c[m,n] (+)= a^T b, a [k,m], b [k,n], where k is long: the gradient of a
 * weight. */
drift_status ocl_sum_products(drift_context *ctx, tensor *c, int add,
                              ocl_matrix a, ocl_matrix b, size_t m, size_t n,
                              size_t k) DRIFT_MUST_CHECK;
/* sum[n] (+)= the rows of x[rows,n]. (linear.c) */
drift_status ocl_sum_rows(drift_context *ctx, tensor *sum, int add,
                          const tensor *x, size_t rows,
                          size_t n) DRIFT_MUST_CHECK;
/* y[rows,count(b)] += b (linear.c) */
drift_status ocl_add_bias(drift_context *ctx, tensor *y,
                          const tensor *b) DRIFT_MUST_CHECK;

#define OP(name, params, args) drift_status ocl_##name params;
#include "ops/ops.def"
#undef OP

#endif
