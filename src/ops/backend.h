/* What a backend gives: memory and every op of ops.def. */
#ifndef OPS_BACKEND_H
#define OPS_BACKEND_H

#include "base/context.h"
#include "ops/ops.h"

typedef struct backend {
    const char *name;
    /* Fill b->host or b->handle with b->bytes of memory. */
    drift_status (*block_new)(drift_context *ctx, block *b);
    void (*block_free)(drift_context *ctx, block *b);
    drift_status (*write)(drift_context *ctx, tensor *t, const void *host);
    drift_status (*read)(drift_context *ctx, const tensor *t, void *host);
    /* tensor_upload, tensor_fetch, fetch_wait; NULL where write and read take
     * no longer than a copy. */
    drift_status (*upload)(drift_context *ctx, tensor *t, const void *host);
    drift_status (*fetch)(drift_context *ctx, const tensor *t, fetch *f);
    drift_status (*fetch_wait)(drift_context *ctx, fetch *f);
    /* Wait for all that was asked for. */
    drift_status (*finish)(drift_context *ctx);
    /* Bring ctx->profile up to date, after finish; NULL: dispatch.c keeps it,
     * a line an op. */
    drift_status (*profile)(drift_context *ctx);
    void (*close)(drift_context *ctx); /* frees ctx->device */
#define OP(name, params, args) drift_status(*name) params;
#include "ops/ops.def"
#undef OP
} backend;

/* Shape checks, one an op (src/ops/<op>.c): DRIFT_ERROR_SHAPE with a text
 * that names the op and the shapes. */
#define OP(name, params, args) drift_status check_##name params;
#include "ops/ops.def"
#undef OP

/* Backends, each setting ctx->backend and ctx->device. */
drift_status cpu_open(drift_context *ctx) DRIFT_MUST_CHECK;
/* `which`: a number, part of a name, or "" for the best one. */
drift_status ocl_open(drift_context *ctx, const char *which) DRIFT_MUST_CHECK;
/* The number of the first fit GPU; "" where there is none. */
#define OCL_NUMBER 24
drift_status ocl_find_gpu(drift_context *ctx,
                          char number[OCL_NUMBER]) DRIFT_MUST_CHECK;
/* The machine's devices in one line: "0: NAME (PLATFORM), 1: ..." */
drift_status ocl_list_text(drift_context *ctx, char *text,
                           size_t size) DRIFT_MUST_CHECK;

#endif
