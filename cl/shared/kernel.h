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

/* -- maps [rows,c], groups of two dimensions (src/ocl/map.h) --------------- */

/* Items take four neighbouring columns each; `left` = how many there are from
 * x on. Missing ones read as 0 and are not written. */
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
    return (float4)(left > 0 ? x.x : 0, left > 1 ? x.y : 0, left > 2 ? x.z : 0,
                    left > 3 ? x.w : 0);
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

/* GIVE for four columns. */
static inline void give4(__global float *y, ulong left, float4 value, int add)
{
    store4(y, left, add ? load4(y, left) + value : value);
}

static inline float sum4(float4 x)
{
    return (x.x + x.y) + (x.z + x.w);
}

/* The sum over the items of a row of the group: those that differ in
 * dimension 0. Both sizes are powers of two; `sums` holds GROUP numbers. */
static inline float row_sum(float value, __local float *sums)
{
    int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    int me = (int)get_local_id(1) * lanes + lane;
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = lanes / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step)
            sums[me] += sums[me + step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return sums[me - lane];
}

/* The same over those that differ in dimension 1. */
static inline float4 column_sum(float4 value, __local float4 *sums)
{
    int lane = (int)get_local_id(1), width = (int)get_local_size(0);
    int me = lane * width + (int)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = (int)get_local_size(1) / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step)
            sums[me] += sums[me + step * width];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return sums[get_local_id(0)];
}

/* What an item of a group of columns works on: of map `map` the rows [row,
 * end), every get_local_size(1)-th, columns i ... i + min(left, 4) - 1. */
typedef struct columns {
    ulong map, chunk, row, end, i, left;
} columns;

static inline columns columns_of(ulong rows, ulong c, ulong step, ulong chunks)
{
    ulong wide = 4 * get_local_size(0), slices = (c + wide - 1) / wide;
    ulong group = get_group_id(0), chunk = group / slices % chunks;
    columns s;
    s.map = group / slices / chunks;
    s.chunk = chunk;
    s.row = chunk * step + get_local_id(1);
    s.end = min((chunk + 1) * step, rows);
    s.i = group % slices * wide + 4 * get_local_id(0);
    s.left = s.i < c ? c - s.i : 0;
    return s;
}

/* -- sums of twice the precision ------------------------------------------- */

/* sum + rest, where rest is what the rounding of sum has lost so far. */
typedef struct pair {
    float sum, rest;
} pair;

typedef struct sum4 {
    float4 sum, rest;
} sum4;

static inline void pair_add(pair *p, float x)
{
    float sum = p->sum + x, part = sum - p->sum;
    p->rest += (p->sum - (sum - part)) + (x - part);
    p->sum = sum;
}

static inline void sum4_add(sum4 *p, float4 x)
{
    float4 sum = p->sum + x, part = sum - p->sum;
    p->rest += (p->sum - (sum - part)) + (x - part);
    p->sum = sum;
}

#endif
