/* Listing devices, and the table of how work is cut for each class. */
#include "ocl/device.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MOST_PLATFORMS 16
#define MOST_DEVICES   64
#define LEAST_GROUP    64
#define LEAST_LOCAL    (16u << 10)
#define LEAST_BUFFER   ((cl_ulong)64 << 20)

static const ocl_shape shapes[] = {
    {CL_DEVICE_TYPE_GPU, 256, 256, 16, 256},
    {CL_DEVICE_TYPE_CPU, 64, 1024, 8, 1}, /* entering a group costs 64 items */
    {CL_DEVICE_TYPE_ALL, 64, 64, 8, 16},  /* any other */
};

ocl_shape ocl_shape_of(const ocl_listed *d)
{
    size_t i = 0;
    while (!(shapes[i].type & d->type))
        i++;
    ocl_shape s = shapes[i];
    while (s.group > d->group)
        s.group /= 2;
    while (s.apart > d->group)
        s.apart /= 2;
    while (s.tile * s.tile > d->group)
        s.tile /= 2;
    while (s.lanes > s.group)
        s.lanes /= 2;
    return s;
}

const char *ocl_type_name(cl_device_type type)
{
    return type & CL_DEVICE_TYPE_GPU   ? "GPU"
           : type & CL_DEVICE_TYPE_CPU ? "CPU"
                                       : "accelerator";
}

static void describe(ocl_listed *d)
{
    cl_bool compiler = CL_FALSE, available = CL_FALSE;
    char extensions[8192] = "";
    clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, sizeof d->platform_name,
                      d->platform_name, NULL);
#define ASK(what, field)                                                       \
    clGetDeviceInfo(d->id, what, sizeof field, &field, NULL)
    ASK(CL_DEVICE_TYPE, d->type);
    ASK(CL_DEVICE_NAME, d->name);
    ASK(CL_DEVICE_VERSION, d->version);
    ASK(CL_DRIVER_VERSION, d->driver);
    ASK(CL_DEVICE_MAX_COMPUTE_UNITS, d->units);
    ASK(CL_DEVICE_GLOBAL_MEM_SIZE, d->memory);
    ASK(CL_DEVICE_MAX_MEM_ALLOC_SIZE, d->most_bytes);
    ASK(CL_DEVICE_LOCAL_MEM_SIZE, d->local_bytes);
    ASK(CL_DEVICE_MAX_WORK_GROUP_SIZE, d->group);
    size_t sides[16] = {0}; /* as many as it has dimensions: three at least */
    cl_device_fp_config single = 0;
    ASK(CL_DEVICE_MAX_WORK_ITEM_SIZES, sides);
    ASK(CL_DEVICE_SINGLE_FP_CONFIG, single);
    memcpy(d->items, sides, sizeof d->items);
    d->rounds = (single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    ASK(CL_DEVICE_COMPILER_AVAILABLE, compiler);
    ASK(CL_DEVICE_AVAILABLE, available);
    ASK(CL_DEVICE_EXTENSIONS, extensions);
#undef ASK
    text_plain(d->platform_name);
    text_plain(d->name);
    text_plain(d->version);
    text_plain(d->driver);
    d->fp16 = strstr(extensions, "cl_khr_fp16") != NULL;
    const char *why =
        !available  ? "it is not available"
        : !compiler ? "it has no compiler"
        : d->group < LEAST_GROUP || d->items[0] < LEAST_GROUP ||
                d->items[1] < LEAST_GROUP || !d->items[2]
            ? "its work-groups are too small"
        : d->local_bytes < LEAST_LOCAL ? "it has too little local memory"
        : d->most_bytes < LEAST_BUFFER ? "its buffers are too small"
        : strncmp(d->version, "OpenCL 1.0", 10) == 0 ||
                strncmp(d->version, "OpenCL 1.1", 10) == 0
            ? "it is older than OpenCL 1.2"
            : "";
    snprintf(d->why_not, sizeof d->why_not, "%s", why);
}

drift_status ocl_list(drift_context *ctx, ocl_listed **list, size_t *count)
{
    cl_platform_id platforms[MOST_PLATFORMS];
    cl_uint platform_count = 0;
    *count = 0;
    *list = mem_alloc(ctx, MOST_DEVICES, sizeof **list);
    if (!*list)
        return DRIFT_ERROR_MEMORY;
    /* The loader's own code for no platform is no error here. */
    if (clGetPlatformIDs(MOST_PLATFORMS, platforms, &platform_count) !=
        CL_SUCCESS)
        platform_count = 0;
    for (cl_uint p = 0; p < platform_count && p < MOST_PLATFORMS; p++) {
        cl_device_id ids[MOST_DEVICES];
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MOST_DEVICES, ids,
                           &n) != CL_SUCCESS)
            continue;
        for (cl_uint i = 0; i < n && *count < MOST_DEVICES; i++) {
            ocl_listed *d = &(*list)[(*count)++];
            d->platform = platforms[p];
            d->id = ids[i];
            describe(d);
        }
    }
    return DRIFT_OK;
}
