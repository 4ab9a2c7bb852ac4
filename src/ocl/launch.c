/* Launching kernels: see ocl.h. */
#include "ocl/ocl.h"

#include <stdio.h>

ocl_launch ocl_begin(drift_context *ctx, const char *file, const char *kernel)
{
    ocl_launch l = {.ctx = ctx, .name = kernel, .code = CL_SUCCESS};
    l.status = ocl_kernel(ctx, file, kernel, &l.kernel);
    return l;
}

void ocl_bytes(ocl_launch *l, const void *value, size_t size)
{
    if (l->status == DRIFT_OK && l->code == CL_SUCCESS)
        l->code = clSetKernelArg(l->kernel, l->next++, size, value);
}

void ocl_tensor(ocl_launch *l, const tensor *t)
{
    cl_mem buffer = t ? t->block->handle : NULL;
    ocl_bytes(l, &buffer, sizeof buffer);
    ocl_size(l, t ? t->offset : 0);
}

void ocl_gradient(ocl_launch *l, const tensor *t)
{
    ocl_tensor(l, t);
    ocl_int(l, t && !t->fresh);
}

void ocl_size(ocl_launch *l, size_t value)
{
    cl_ulong number = value;
    ocl_bytes(l, &number, sizeof number);
}

void ocl_int(ocl_launch *l, int value)
{
    cl_int number = value;
    ocl_bytes(l, &number, sizeof number);
}

void ocl_float(ocl_launch *l, float value)
{
    ocl_bytes(l, &value, sizeof value);
}

/* Enqueue, from work-item `first` of the second dimension on. */
static drift_status enqueue(ocl_launch *l, cl_uint dims, const size_t groups[3],
                            const size_t local[3], size_t first)
{
    ocl_device *d = ocl_of(l->ctx);
    char what[160];
    size_t global[3], offset[3] = {0, first, 0}, items = 1;
    int code = l->code;
    if (l->status != DRIFT_OK)
        return l->status;
    for (cl_uint i = 0; i < dims; i++)
        items *= global[i] = groups[i] * local[i];
    if (!items)
        return DRIFT_OK;
    if (code == CL_SUCCESS) {
        code = clEnqueueNDRangeKernel(d->queue, l->kernel, dims,
                                      first ? offset : NULL, global, local, 0,
                                      NULL, NULL);
        snprintf(what, sizeof what, "%s of %zu work-items", l->name, items);
    } else {
        snprintf(what, sizeof what, "%s: argument %u", l->name, l->next - 1);
    }
    return code == CL_SUCCESS ? DRIFT_OK : ocl_failed(l->ctx, code, what);
}

drift_status ocl_run(ocl_launch *l, cl_uint dims, const size_t groups[3],
                     const size_t local[3])
{
    return enqueue(l, dims, groups, local, 0);
}

drift_status ocl_each(ocl_launch *l, size_t n)
{
    size_t group = ocl_of(l->ctx)->shape.group;
    return ocl_groups(l, (n + group - 1) / group);
}

drift_status ocl_groups(ocl_launch *l, size_t n)
{
    size_t groups[3] = {n}, local[3] = {ocl_of(l->ctx)->shape.group};
    return ocl_run(l, 1, groups, local);
}

/* Devices take as many groups as one likes along the first dimension alone. */
#define GRID_GROUPS 32768

/* Items of a group along the width: a power of two that idles few of them. */
static size_t grid_width(size_t width, size_t group)
{
    size_t w = 1;
    while (w < width && w < group)
        w *= 2;
    while (w > 16 && 4 * (w - 1 - (width - 1) % w) > width)
        w /= 2;
    return w;
}

drift_status ocl_grid(ocl_launch *l, size_t width, size_t height)
{
    drift_status status = l->status;
    size_t group = ocl_of(l->ctx)->shape.group;
    size_t local[3] = {grid_width(width, group)};
    local[1] = group / local[0];
    size_t most = GRID_GROUPS * local[1];
    for (size_t first = 0; width && first < height; first += most) {
        size_t rows = height - first < most ? height - first : most;
        size_t groups[3] = {(width + local[0] - 1) / local[0],
                            (rows + local[1] - 1) / local[1]};
        TRY(enqueue(l, 2, groups, local, first));
    }
out:
    return status;
}
