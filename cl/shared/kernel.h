/* What kernels share: arguments that are tensors, and sums over a work-group.
 * GROUP and TILE come from the build (src/ocl/device.c). Compiled by OpenCL
 * alone. */
#ifndef CL_SHARED_KERNEL_H
#define CL_SHARED_KERNEL_H

/* A tensor is a pointer and where it begins: a kernel starts with AT(x). */
#define IN(x)       __global const float *x, ulong x##_at
#define IN_INDEX(x) __global const int *x, ulong x##_at
#define OUT(x)      __global float *x, ulong x##_at
#define OUT_INDEX(x) __global int *x, ulong x##_at
/* A gradient is added to, or overwritten where it has no content yet. */
#define GRADIENT(x) __global float *x, ulong x##_at, int x##_add
#define AT(x)       x += x##_at
#define GIVE(x, i, value) x[i] = x##_add ? x[i] + (value) : (value)

/* The sum of one number an item over the group, for every item, in a fixed
 * order; `local` holds GROUP numbers. */
static inline float group_sum(float value, __local float *sums)
{
    int me = (int)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = GROUP / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < step)
            sums[me] += sums[me + step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return sums[0];
}

static inline float group_max(float value, __local float *sums)
{
    int me = (int)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = GROUP / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < step)
            sums[me] = fmax(sums[me], sums[me + step]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return sums[0];
}

#endif
