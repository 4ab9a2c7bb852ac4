/* The OpenCL backend: opening a device, its memory, the table of its ops. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ocl/cache.h"
#include "ocl/device.h"
#include "ocl/transfer.h"

/* -- memory ----------------------------------------------------------------
 */

static drift_status block_new(drift_context *ctx, block *b)
{
    ocl_device *d = ocl_of(ctx);
    int code;
    if (b->bytes > d->most_bytes)
        return ERROR(ctx, DRIFT_ERROR_MEMORY,
                     "a tensor of %zu bytes is too large for %s, which has "
                     "buffers of at most %zu bytes; see drift.memory",
                     b->bytes, ctx->device_text, d->most_bytes);
    b->handle =
        clCreateBuffer(d->context, CL_MEM_READ_WRITE, b->bytes, NULL, &code);
    if (code != CL_SUCCESS && pool_get_stats(ctx).idle) {
        /* Once more without the idle blocks of other sizes. */
        clFinish(d->queue);
        pool_trim(ctx);
        b->handle = clCreateBuffer(d->context, CL_MEM_READ_WRITE, b->bytes,
                                   NULL, &code);
    }
    if (code == CL_SUCCESS)
        return DRIFT_OK;
    b->handle = NULL;
    char what[64];
    snprintf(what, sizeof what, "a buffer of %zu bytes", b->bytes);
    return ocl_failed(ctx, code, what);
}

static void block_free(drift_context *ctx, block *b)
{
    (void)ctx;
    if (b->handle)
        clReleaseMemObject(b->handle);
}

static void close_device(drift_context *ctx)
{
    ocl_device *d = ocl_of(ctx);
    if (d->queue) /* buffers are freed after the work on them was asked for */
        clFinish(d->queue);
    ocl_programs_free(d);
    ocl_transfers_close(d);
    ocl_times_free(d);
    if (d->queue)
        clReleaseCommandQueue(d->queue);
    if (d->context)
        clReleaseContext(d->context);
    mem_free(d->cache);
    mem_free(d);
    ctx->device = NULL;
}

static const backend table = {
    .name = "opencl",
    .block_new = block_new,
    .block_free = block_free,
    .write = ocl_write,
    .read = ocl_read,
    .upload = ocl_upload,
    .fetch = ocl_fetch,
    .fetch_wait = ocl_fetch_wait,
    .finish = ocl_finish,
    .profile = ocl_profile,
    .close = close_device,
#define OP(name, params, args) .name = ocl_##name,
#include "ops/ops.def"
#undef OP
};

/* -- opening ----------------------------------------------------------------
 */

static int holds(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] &&
               tolower((unsigned char)text[i]) ==
                   tolower((unsigned char)part[i]))
            i++;
        if (i == n)
            return 1;
    }
    return 0;
}

/* Device number `which` of the list, or the first whose name or platform holds
 * the text (all hold none): fit ones first, then GPUs. A text that is given may
 * find an unfit one. */
static const ocl_listed *choose(const ocl_listed *list, size_t count,
                                const char *which)
{
    char *end;
    unsigned long number = strtoul(which, &end, 10);
    if (*which && !*end)
        return number < count ? &list[number] : NULL;
    for (int rank = 3; rank >= (*which ? 0 : 2); rank--)
        for (size_t i = 0; i < count; i++) {
            const ocl_listed *d = &list[i];
            int gpu = (d->type & CL_DEVICE_TYPE_GPU) != 0;
            if (2 * !*d->why_not + gpu == rank &&
                (holds(d->name, which) || holds(d->platform_name, which)))
                return d;
        }
    return NULL;
}

static void list_text(const ocl_listed *list, size_t count, char *text,
                      size_t size)
{
    size_t used = 0;
    snprintf(text, size, "%s", count ? "" : "none");
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(
            text + used, size - used, "%s%zu: %s (%s%s%s)", i ? ", " : "", i,
            list[i].name, list[i].platform_name,
            *list[i].why_not ? "; unfit: " : "", list[i].why_not);
}

static drift_status open_chosen(drift_context *ctx, const ocl_listed *chosen,
                                ocl_device *d)
{
    cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)chosen->platform, 0};
    int code;
    d->platform = chosen->platform;
    d->id = chosen->id;
    d->shape = ocl_shape_of(chosen);
    d->most_bytes = (size_t)chosen->most_bytes;
    d->local_bytes = (size_t)chosen->local_bytes;
    memcpy(d->most_items, chosen->items, sizeof d->most_items);
    d->rounds = chosen->rounds;
    if (chosen->type & CL_DEVICE_TYPE_GPU)
        ctx->device_memory = (size_t)chosen->memory;
    d->context = clCreateContext(properties, 1, &d->id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "clCreateContext");
    d->queue = clCreateCommandQueue(
        d->context, d->id, ctx->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code != CL_SUCCESS)
        return ocl_failed(ctx, code, "clCreateCommandQueue");
    drift_status status = ocl_cache_open(ctx, d);
    return status == DRIFT_OK ? ocl_transfers_open(ctx) : status;
}

drift_status ocl_list_text(drift_context *ctx, char *text, size_t size)
{
    ocl_listed *list = NULL;
    size_t count = 0;
    drift_status status = ocl_list(ctx, &list, &count);
    if (status == DRIFT_OK)
        list_text(list, count, text, size);
    mem_free(list);
    return status;
}

drift_status ocl_find_gpu(drift_context *ctx, char number[OCL_NUMBER])
{
    ocl_listed *list = NULL;
    size_t count = 0;
    drift_status status = ocl_list(ctx, &list, &count);
    const ocl_listed *best = NULL;
    if (status == DRIFT_OK)
        best = choose(list, count, "");
    *number = '\0';
    if (best && best->type & CL_DEVICE_TYPE_GPU)
        snprintf(number, OCL_NUMBER, "%td", best - list);
    mem_free(list);
    return status;
}

drift_status ocl_open(drift_context *ctx, const char *which)
{
    drift_status status = DRIFT_OK;
    ocl_listed *list = NULL;
    size_t count = 0;
    char text[1024];
    TRY(ocl_list(ctx, &list, &count));
    const ocl_listed *chosen = choose(list, count, which);
    list_text(list, count, text, sizeof text);
    if (!count)
        FAIL(ctx, DRIFT_ERROR_DEVICE,
             "there is no OpenCL device: install a driver, as pocl-opencl-icd "
             "for the CPU or that of the GPU's maker; see drift-gpu(7)");
    if (!chosen)
        FAIL(ctx, DRIFT_ERROR_DEVICE,
             "there is no OpenCL device '%s'; devices: %s", which, text);
    if (*chosen->why_not)
        FAIL(ctx, DRIFT_ERROR_DEVICE, "OpenCL device '%s' is unfit: %s",
             chosen->name, chosen->why_not);
    ctx->device = mem_alloc(ctx, 1, sizeof(ocl_device));
    if (!ctx->device) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    snprintf(ctx->device_text, sizeof ctx->device_text,
             "opencl:%td: %.80s, %u units, %.60s, driver %.60s", chosen - list,
             chosen->name, chosen->units, chosen->platform_name,
             chosen->driver);
    ctx->backend = &table;
    TRY(open_chosen(ctx, chosen, ctx->device));
    TRY(ocl_selftest(ctx));
out:
    mem_free(list);
    return status;
}
