/* The CPU backend: host memory, and the table of its ops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/mem.h"
#include "base/threads.h"
#include "cpu/cpu.h"

static drift_status block_new(drift_context *ctx, block *b)
{
    b->host = mem_alloc_aligned(ctx, b->bytes);
    return b->host ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static void block_free(drift_context *ctx, block *b)
{
    (void)ctx;
    mem_free(b->host);
}

static drift_status write_tensor(drift_context *ctx, tensor *t,
                                 const void *host)
{
    (void)ctx;
    memcpy(f32(t), host, tensor_count(t) * 4);
    return DRIFT_OK;
}

static drift_status read_tensor(drift_context *ctx, const tensor *t, void *host)
{
    (void)ctx;
    memcpy(host, f32(t), tensor_count(t) * 4);
    return DRIFT_OK;
}

static drift_status finish(drift_context *ctx)
{
    (void)ctx;
    return DRIFT_OK;
}

/* The backend's own state. */
typedef struct cpu_device {
    float *scratch;
    size_t bytes;
} cpu_device;

static void close_device(drift_context *ctx)
{
    cpu_device *device = ctx->device;
    mem_free(device->scratch);
    mem_free(device);
    ctx->device = NULL;
}

float *cpu_scratch(drift_context *ctx, size_t floats)
{
    cpu_device *device = ctx->device;
    size_t bytes = floats * sizeof(float);
    if (bytes > device->bytes || !device->scratch) {
        mem_free(device->scratch);
        device->bytes = 0;
        device->scratch = mem_alloc_aligned(ctx, bytes);
        if (device->scratch)
            device->bytes = bytes;
    }
    return device->scratch;
}

int cpu_threads(size_t count)
{
    size_t threads = (size_t)threads_get();
    return (int)(count < threads ? count ? count : 1 : threads);
}

int cpu_thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

static const backend table = {
    .name = "cpu",
    .block_new = block_new,
    .block_free = block_free,
    .write = write_tensor,
    .read = read_tensor,
    .finish = finish,
    .close = close_device,
#define OP(name, params, args) .name = cpu_##name,
#include "ops/ops.def"
#undef OP
};

drift_status cpu_open(drift_context *ctx)
{
    const char *kernels = cpu_blis_open();
    if (!kernels)
        return ERROR(ctx, DRIFT_ERROR_DEVICE,
                     "BLIS_ARCH_TYPE=%s: this BLIS was built without that "
                     "configuration, or this CPU cannot run it",
                     getenv("BLIS_ARCH_TYPE"));
    ctx->device = mem_alloc(ctx, 1, sizeof(cpu_device));
    if (!ctx->device)
        return DRIFT_ERROR_MEMORY;
    ctx->backend = &table;
    char name[96];
    processor_name(name, sizeof name);
    snprintf(ctx->device_text, sizeof ctx->device_text,
             "cpu: %s, %d thread%s, BLIS %s %s", name, threads_get(),
             threads_get() == 1 ? "" : "s", cpu_blis_version(), kernels);
    return DRIFT_OK;
}
