/* Launching kernels: see ocl.h. */
#include "ocl/ocl.h"

#include <stdio.h>

#include "shared/random.h"

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

static double bytes_of(const tensor *t)
{
    return t ? 4 * (double)tensor_count(t) : 0;
}

void ocl_tensor(ocl_launch *l, const tensor *t)
{
    cl_mem buffer = t ? t->block->handle : NULL;
    if (t && l->tensor_count < OCL_NAMED)
        l->tensors[l->tensor_count++] = t;
    l->bytes += bytes_of(t);
    ocl_bytes(l, &buffer, sizeof buffer);
    ocl_size(l, t ? t->offset : 0);
}

void ocl_update(ocl_launch *l, const tensor *t)
{
    ocl_tensor(l, t);
    l->bytes += bytes_of(t);
}

void ocl_target(ocl_launch *l, const tensor *t, int add)
{
    if (add)
        ocl_update(l, t);
    else
        ocl_tensor(l, t);
    ocl_int(l, add);
}

void ocl_gradient(ocl_launch *l, const tensor *t)
{
    ocl_target(l, t, t && !t->fresh);
}

void ocl_flops(ocl_launch *l, double flops)
{
    l->flops += flops;
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

void ocl_stream(ocl_launch *l, rng_stream stream, uint64_t first)
{
    cl_uint2 key = {
        {(cl_uint)stream.seed,
         random_key_high((cl_uint)(stream.seed >> 32), stream.purpose)}};
    ocl_bytes(l, &key, sizeof key);
    ocl_size(l, stream.step);
    ocl_size(l, first);
}

size_t ocl_stream_blocks(uint64_t first, size_t n)
{
    return n ? ((size_t)(first % 4) + n + 3) / 4 : 0;
}

/* "NAME([4,8] [8])" */
static void launch_text(const ocl_launch *l, char *text, size_t size)
{
    char one[SHAPE_TEXT];
    size_t used = (size_t)snprintf(text, size, "%s(", l->name);
    for (int i = 0; i < l->tensor_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "",
                                 shape_text(l->tensors[i]->shape, one));
    if (used < size)
        snprintf(text + used, size - used, ")");
}

#define FLUSH 32 /* launches */

static drift_status enqueue(ocl_launch *l, cl_uint dims, const size_t *offset,
                            const size_t groups[3], const size_t local[3])
{
    ocl_device *d = ocl_of(l->ctx);
    char text[400], what[480];
    size_t global[3], items = 1;
    cl_event event = NULL;
    int code = l->code;
    if (l->status != DRIFT_OK)
        return l->status;
    for (cl_uint i = 0; i < dims; i++)
        items *= global[i] = groups[i] * local[i];
    if (!items)
        return DRIFT_OK;
    if (global[0] > UINT32_MAX) /* not all drivers count further */
        return ERROR(l->ctx, DRIFT_ERROR_SHAPE,
                     "%s: %zu work-items, where there may be 2^32", l->name,
                     global[0]);
    if (code == CL_SUCCESS)
        code =
            clEnqueueNDRangeKernel(d->queue, l->kernel, dims, offset, global,
                                   local, 0, NULL, ocl_event(l->ctx, &event));
    if (code == CL_SUCCESS) {
        drift_status status =
            ocl_timed(l->ctx, l->name, NULL, event, l->bytes, l->flops);
        l->bytes = l->flops = 0; /* a launch in parts counts them once */
        if (++d->unflushed % FLUSH == 0) /* let the device begin */
            clFlush(d->queue);
        return status;
    }
    launch_text(l, text, sizeof text);
    if (l->code == CL_SUCCESS)
        snprintf(what, sizeof what, "%s, %zu work-items", text, items);
    else
        snprintf(what, sizeof what, "%s, argument %u", text, l->next - 1);
    return ocl_failed(l->ctx, code, what);
}

drift_status ocl_run(ocl_launch *l, cl_uint dims, const size_t groups[3],
                     const size_t local[3])
{
    return enqueue(l, dims, NULL, groups, local);
}

drift_status ocl_each(ocl_launch *l, size_t n)
{
    size_t group = ocl_of(l->ctx)->shape.apart;
    size_t groups[3] = {(n + group - 1) / group}, local[3] = {group};
    return ocl_run(l, 1, groups, local);
}

drift_status ocl_groups(ocl_launch *l, size_t n)
{
    size_t groups[3] = {n}, local[3] = {ocl_of(l->ctx)->shape.group};
    return ocl_run(l, 1, groups, local);
}

#define MOST_GROUPS 65535 /* of y and z, in one launch: not all take more */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Several launches where there are more groups than one may have. */
static drift_status box(ocl_launch *l, const size_t size[3],
                        const size_t local[3])
{
    drift_status status = l->status;
    size_t all[3], offset[3] = {0}, groups[3];
    for (int i = 0; i < 3; i++) {
        all[i] = (size[i] + local[i] - 1) / local[i];
        if (size[i] > UINT32_MAX)
            FAIL(l->ctx, DRIFT_ERROR_SHAPE,
                 "%s: %zu x %zu x %zu work-items, where each may have 2^32",
                 l->name, size[0], size[1], size[2]);
    }
    groups[0] = all[0];
    for (size_t z = 0; z < all[2]; z += MOST_GROUPS)
        for (size_t y = 0; y < all[1]; y += MOST_GROUPS) {
            offset[1] = y * local[1];
            offset[2] = z * local[2];
            groups[1] = least(all[1] - y, MOST_GROUPS);
            groups[2] = least(all[2] - z, MOST_GROUPS);
            TRY(enqueue(l, 3, offset, groups, local));
        }
out:
    return status;
}

drift_status ocl_box(ocl_launch *l, size_t x, size_t y, size_t z)
{
    size_t size[3] = {x, y, z}, local[3];
    const ocl_device *d = ocl_of(l->ctx);
    size_t left = d->shape.apart;
    size_t row = left / 4; /* along x: two lines of a GPU's memory */
    for (int i = 0; i < 3; i++) {
        size_t most = least(i ? left : least(left, row), d->most_items[i]);
        local[i] = 1;
        while (local[i] < size[i] && 2 * local[i] <= most)
            local[i] *= 2;
        left /= local[i];
    }
    return box(l, size, local);
}

drift_status ocl_tiles(ocl_launch *l, size_t x, size_t y, size_t z)
{
    size_t size[3] = {x, y, z}, side = ocl_of(l->ctx)->shape.tile;
    return box(l, size, (size_t[3]){side, side, 1});
}
