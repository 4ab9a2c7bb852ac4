/* See shim.h. */

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
/* Compiled with hidden names, which CLBlast would not see. */
#pragma GCC visibility push(default)
#include <CL/cl.h>

#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    char name[64];
    long left;
    int code, lost, on;
} fault;
static long objects;

void shim_fail(const char *name, long n, int code, int lost)
{
    snprintf(fault.name, sizeof fault.name, "%s", name);
    fault.left = n;
    fault.code = code;
    fault.lost = lost;
    fault.on = n > 0;
}

long shim_left(void)
{
    return fault.left;
}

long shim_objects(void)
{
    return objects;
}

static void say_objects(void)
{
    fprintf(stderr, "shim: %ld objects left, fault %s\n", objects,
            fault.left ? "never came" : "came");
}

__attribute__((constructor)) static void from_environment(void)
{
    const char *text = getenv("DRIFT_TEST_FAULT");
    char name[64], lost[8] = "";
    long n;
    int code;
    if (text && sscanf(text, "%63s %ld %d %7s", name, &n, &code, lost) >= 3) {
        shim_fail(name, n, code,
                  !*lost         ? 0
                  : *lost == 'g' ? SHIM_GONE
                                 : SHIM_LOST);
        atexit(say_objects);
    }
}

/* The code to answer instead of calling, CL_SUCCESS to call. */
static int failing(const char *name)
{
    if (!fault.on)
        return CL_SUCCESS;
    if (!fault.left)
        return fault.lost == SHIM_GONE && strcmp(name, fault.name) != 0
                   ? CL_SUCCESS
                   : fault.code;
    if (strcmp(name, fault.name) != 0 || --fault.left)
        return CL_SUCCESS;
    fault.on = fault.lost;
    return fault.code;
}

/* The loader's function; the detour is C's way from an object pointer. */
#define NEXT(name)                                                             \
    static __typeof__(&name) next;                                             \
    if (!next)                                                                 \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define ENQUEUED(name, params, args)                                           \
    cl_int name params                                                         \
    {                                                                          \
        NEXT(name);                                                            \
        int code = failing(#name);                                             \
        return code == CL_SUCCESS ? next args : code;                          \
    }

ENQUEUED(clEnqueueNDRangeKernel,
         (cl_command_queue q, cl_kernel k, cl_uint dims, const size_t *offset,
          const size_t *global, const size_t *local, cl_uint count,
          const cl_event *wait, cl_event *event),
         (q, k, dims, offset, global, local, count, wait, event))
ENQUEUED(clEnqueueReadBuffer,
         (cl_command_queue q, cl_mem m, cl_bool block, size_t offset,
          size_t size, void *host, cl_uint count, const cl_event *wait,
          cl_event *event),
         (q, m, block, offset, size, host, count, wait, event))
ENQUEUED(clEnqueueWriteBuffer,
         (cl_command_queue q, cl_mem m, cl_bool block, size_t offset,
          size_t size, const void *host, cl_uint count, const cl_event *wait,
          cl_event *event),
         (q, m, block, offset, size, host, count, wait, event))
ENQUEUED(clFinish, (cl_command_queue q), (q))
ENQUEUED(clBuildProgram,
         (cl_program p, cl_uint count, const cl_device_id *devices,
          const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
          void *data),
         (p, count, devices, options, notify, data))

#define CREATED(type, name, params, args, step)                                \
    type name params                                                           \
    {                                                                          \
        NEXT(name);                                                            \
        int failed = failing(#name);                                           \
        type made = NULL;                                                      \
        if (failed == CL_SUCCESS)                                              \
            made = next args;                                                  \
        else if (code)                                                         \
            *code = failed;                                                    \
        objects += made ? step : 0;                                            \
        return made;                                                           \
    }

CREATED(cl_context, clCreateContext,
        (const cl_context_properties *p, cl_uint count,
         const cl_device_id *devices,
         void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
         void *data, cl_int *code),
        (p, count, devices, notify, data, code), 1)
CREATED(cl_command_queue, clCreateCommandQueue,
        (cl_context c, cl_device_id d, cl_command_queue_properties p,
         cl_int *code),
        (c, d, p, code), 1)
CREATED(cl_mem, clCreateBuffer,
        (cl_context c, cl_mem_flags flags, size_t size, void *host,
         cl_int *code),
        (c, flags, size, host, code), 1)
/* CLBlast keeps programs and kernels until the process ends: not counted. */
CREATED(cl_program, clCreateProgramWithSource,
        (cl_context c, cl_uint count, const char **lines, const size_t *sizes,
         cl_int *code),
        (c, count, lines, sizes, code), 0)
CREATED(cl_kernel, clCreateKernel,
        (cl_program p, const char *name, cl_int *code), (p, name, code), 0)

#define COUNTED(name, type, step)                                              \
    cl_int name(type object)                                                   \
    {                                                                          \
        NEXT(name);                                                            \
        objects += step;                                                       \
        return next(object);                                                   \
    }

COUNTED(clRetainContext, cl_context, 1)
COUNTED(clReleaseContext, cl_context, -1)
COUNTED(clRetainCommandQueue, cl_command_queue, 1)
COUNTED(clReleaseCommandQueue, cl_command_queue, -1)
COUNTED(clRetainMemObject, cl_mem, 1)
COUNTED(clReleaseMemObject, cl_mem, -1)

cl_int clGetDeviceInfo(cl_device_id d, cl_device_info what, size_t size,
                       void *value, size_t *used)
{
    NEXT(clGetDeviceInfo);
    const char *gpu = getenv("DRIFT_TEST_GPU");
    cl_device_type type =
        gpu && *gpu == '1' ? CL_DEVICE_TYPE_GPU : CL_DEVICE_TYPE_CPU;
    int code = next(d, what, size, value, used);
    if (gpu && what == CL_DEVICE_TYPE && code == CL_SUCCESS && value)
        memcpy(value, &type, sizeof type);
    return code;
}
