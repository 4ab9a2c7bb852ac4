/* The machine's OpenCL devices: listing and choosing. */
#ifndef OCL_DEVICE_H
#define OCL_DEVICE_H

#include "ocl/ocl.h"

/* What is known of a device without opening it. */
typedef struct ocl_listed {
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
    char name[128], platform_name[128], version[128], driver[128];
    cl_uint units;
    cl_ulong memory, most_bytes, local_bytes;
    size_t group;    /* most work-items of a group */
    size_t items[3]; /* along each dimension */
    int rounds;      /* division and root can be rounded correctly */
    int fp16;
    char why_not[128]; /* "" when it is fit */
} ocl_listed;

/* All of them, numbered as `opencl:N` counts; mem_free the list. A machine
 * without any platform has none, which is no error. */
drift_status ocl_list(drift_context *ctx, ocl_listed **list,
                      size_t *count) DRIFT_MUST_CHECK;
/* "GPU", "CPU", "accelerator" */
const char *ocl_type_name(cl_device_type type);
/* How work is cut for it. */
ocl_shape ocl_shape_of(const ocl_listed *d);

#endif
