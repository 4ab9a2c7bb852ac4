/* What kernels share: arguments that are tensors, four numbers at a time, sums
 * over a work-group. GROUP and TILE come from the build (src/ocl/device.c).
 * Compiled by OpenCL alone. */
#ifndef CL_SHARED_KERNEL_H
#define CL_SHARED_KERNEL_H

/* A tensor is a pointer and where it begins: a kernel starts with AT(x). */
#define IN(x)        __global const float *x, ulong x##_at
#define IN_INDEX(x)  __global const int *x, ulong x##_at
#define OUT(x)       __global float *x, ulong x##_at
#define OUT_INDEX(x) __global int *x, ulong x##_at
/* A gradient is added to, or overwritten where it has no content yet. */
#define GRADIENT(x)       __global float *x, ulong x##_at, int x##_add
#define AT(x)             x += x##_at
#define GIVE(x, i, value) x[i] = x##_add ? x[i] + (value) : (value)

/* `what` for the item's place i along dimension 0, if that is below n. Groups
 * that are whole do it without asking: on a CPU guarded loads are masked ones,
 * whose memory no cache fetches ahead, and loops take two to three times as
 * long. */
#define EACH(i, n, what)                                                       \
    ulong i = get_global_id(0);                                                \
    if ((get_group_id(0) + 1) * get_local_size(0) <= n) {                      \
        what;                                                                  \
    } else if (i < n) {                                                        \
        what;                                                                  \
    }

/* The sum of one number an item over the group, for every item, in a fixed
 * order; `local` holds GROUP numbers. */
static SHARED_INLINE float group_sum(float value, __local float *sums)
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

/* -- four neighbours of a row ------------------------------------------------
 * `left` = how many there are from x on, more than 4 or fewer. Missing ones
 * read as 0 and are not written. */
static inline float4 load4(__global const float *x, ulong left)
{
    if (left >= 4)
        return vload4(0, x);
    return (float4)(left > 0 ? x[0] : 0, left > 1 ? x[1] : 0,
                    left > 2 ? x[2] : 0, 0);
}

/* x in the columns that there are, else 0. */
static inline float4 keep4(float4 x, ulong left)
{
    if (left >= 4)
        return x;
    return (float4)(left > 0 ? x.x : 0, left > 1 ? x.y : 0, left > 2 ? x.z : 0,
                    0);
}

static inline void store4(__global float *y, ulong left, float4 value)
{
    if (left >= 4) {
        vstore4(value, 0, y);
    } else {
        if (left > 0)
            y[0] = value.x;
        if (left > 1)
            y[1] = value.y;
        if (left > 2)
            y[2] = value.z;
    }
}

/* GIVE for four. */
#define GIVE4(x, i, value, left)                                               \
    store4(x + (i), left, x##_add ? load4(x + (i), left) + (value) : (value))

static inline float sum4(float4 x)
{
    return (x.x + x.y) + (x.z + x.w);
}

#endif
