/* Opening and closing a context; its error text. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "ops/compare.h"
#include "ops/profile.h"

/* "NAME" or "NAME:WHICH": WHICH, "" without one; NULL: another device. */
static const char *which_of(const char *device, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(device, name, n) != 0 || (device[n] && device[n] != ':'))
        return NULL;
    return device + n + (device[n] == ':');
}

static void backend_close(drift_context *ctx)
{
    pool_free(ctx);
    if (ctx->backend)
        ctx->backend->close(ctx);
    ctx->backend = NULL;
}

#ifdef HAVE_OPENCL

static drift_status unknown(drift_context *ctx, const char *device)
{
    char list[1024];
    drift_status status = ocl_list_text(ctx, list, sizeof list);
    return status != DRIFT_OK
               ? status
               : ERROR(ctx, DRIFT_ERROR_DEVICE,
                       "device '%s' is not known; there are auto, cpu, "
                       "opencl[:N|:NAME], check[:N|:NAME] with OpenCL "
                       "devices: %s",
                       device, list);
}

/* The first fit GPU, else the CPU. */
static drift_status open_auto(drift_context *ctx)
{
    drift_status status = DRIFT_OK;
    char gpu[OCL_NUMBER];
    TRY(ocl_find_gpu(ctx, gpu));
    if (!*gpu) {
        log_info(ctx, "device: cpu, no OpenCL GPU was found");
    } else if (ocl_open(ctx, gpu) == DRIFT_OK) {
        log_info(ctx, "device: opencl:%s, the first GPU", gpu);
        goto out;
    } else if (ctx->code != DRIFT_ERROR_DEVICE &&
               ctx->code != DRIFT_ERROR_MEMORY) {
        return ctx->code; /* a mistake, whatever the device */
    } else {
        log_warning(ctx, "device: cpu, the GPU opencl:%s was refused: %s", gpu,
                    ctx->text);
        backend_close(ctx);
        drift_error_clear(ctx);
    }
    TRY(cpu_open(ctx));
out:
    return status;
}

static drift_status open_device(drift_context *ctx, const char *device)
{
    drift_status status = DRIFT_OK;
    const char *which = which_of(device, "opencl");
    const char *checked = which_of(device, "check");
    if (!strcmp(device, "cpu"))
        return cpu_open(ctx);
    if (!strcmp(device, "auto"))
        return open_auto(ctx);
    if (!which && !checked)
        return unknown(ctx, device);
    TRY(ocl_open(ctx, which ? which : checked));
    if (checked)
        TRY(compare_open(ctx));
out:
    return status;
}

#else

static drift_status open_device(drift_context *ctx, const char *device)
{
    drift_status status = DRIFT_OK;
    if (which_of(device, "opencl") || which_of(device, "check"))
        return ERROR(ctx, DRIFT_ERROR_DEVICE,
                     "device '%s': built without OpenCL; devices: auto, cpu",
                     device);
    if (strcmp(device, "auto") != 0 && strcmp(device, "cpu") != 0)
        return ERROR(ctx, DRIFT_ERROR_DEVICE,
                     "device '%s' is not known here; devices: auto, cpu",
                     device);
    TRY(cpu_open(ctx));
    if (!strcmp(device, "auto"))
        log_info(ctx, "device: cpu, built without OpenCL");
out:
    return status;
}

#endif

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
    TRY(open_device(ctx, device));
    TRY(drift_context_profile_restart(ctx)); /* without the self-test */
out:
    return status;
}

void drift_context_close(drift_context *ctx)
{
    if (!ctx)
        return;
    backend_close(ctx);
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
