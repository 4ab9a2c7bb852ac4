/* Opening and closing a context; its error text. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "ops/backend.h"
#include "ops/profile.h"

/* "NAME" or "NAME:..." */
static int is_kind(const char *device, const char *name)
{
    size_t n = strlen(name);
    return !strncmp(device, name, n) && (!device[n] || device[n] == ':');
}

drift_status drift_context_open(drift_context **out,
                                const drift_options *options)
{
    static const drift_options defaults;
    drift_status status = DRIFT_OK;
    const drift_options *o = options ? options : &defaults;
    const char *device = o->device ? o->device : "auto";
    drift_context *ctx = *out = mem_alloc(NULL, 1, sizeof *ctx);
    if (!ctx)
        return DRIFT_ERROR_MEMORY;
    ctx->log = o->log;
    ctx->log_data = o->log_data;
    if (o->threads < 0)
        FAIL(ctx, DRIFT_ERROR_USAGE, "threads: %d is not 0 or more",
             o->threads);
    ctx->threads = o->threads ? o->threads : threads_available();
    threads_set(ctx->threads);
    if (o->profile)
        TRY(profile_new(ctx));
    if (!strcmp(device, "auto") || !strcmp(device, "cpu"))
        TRY(cpu_open(ctx));
#ifdef HAVE_OPENCL
    else if (is_kind(device, "opencl"))
        TRY(ocl_open(ctx, device[6] ? device + 7 : ""));
#else
    else if (is_kind(device, "opencl") || is_kind(device, "check"))
        FAIL(ctx, DRIFT_ERROR_DEVICE,
             "device '%s': built without OpenCL; devices: auto, cpu", device);
#endif
    else
        FAIL(ctx, DRIFT_ERROR_DEVICE,
             "device '%s' is not known here; devices: auto, cpu", device);
out:
    return status;
}

void drift_context_close(drift_context *ctx)
{
    if (!ctx)
        return;
    pool_trim(ctx);
    mem_free(ctx->pool);
    if (ctx->backend)
        ctx->backend->close(ctx);
    profile_free(ctx);
    mem_free(ctx);
}

drift_status drift_error_code(const drift_context *ctx)
{
    return ctx ? ctx->code : DRIFT_ERROR_MEMORY;
}

const char *drift_error_text(const drift_context *ctx)
{
    return ctx ? ctx->text : "out of memory";
}

const char *drift_error_place(const drift_context *ctx)
{
    return ctx ? ctx->place : "";
}

void drift_error_clear(drift_context *ctx)
{
    if (ctx) {
        ctx->code = DRIFT_OK;
        ctx->text[0] = ctx->place[0] = '\0';
    }
}

const char *drift_context_device(const drift_context *ctx)
{
    return ctx && ctx->backend ? ctx->device_text : "";
}

const char *drift_version(void)
{
    return DRIFT_VERSION;
}
