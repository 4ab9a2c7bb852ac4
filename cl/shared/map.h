/* Sums along the rows or the columns of maps [rows,c], by work-groups of two
 * dimensions: src/ocl/map.h says how they are cut. Compiled by OpenCL alone.
 *
 * Functions that are given local memory are SHARED_INLINE: where a file has one
 * kernel, compilers may put its address into a function that is called twice,
 * and PoCL then has one such memory for all groups (src/DECISIONS.md). */
#ifndef CL_SHARED_MAP_H
#define CL_SHARED_MAP_H

/* The sum over the items of a row of the group: those that differ in
 * dimension 0. Both sizes are powers of two; `sums` holds GROUP numbers. */
static SHARED_INLINE float row_sum(float value, __local float *sums)
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
static SHARED_INLINE float4 column_sum(float4 value, __local float4 *sums)
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
 * end), every get_local_size(1)-th, columns i ... i + min(left, 4) - 1; the
 * group's rows begin at `first`. */
typedef struct columns {
    ulong map, chunk, first, row, end, i, left;
} columns;

/* for (r = each row of the item). A CPU runs the items of a group one after the
 * other from barrier to barrier: with one at each row they read wide rows in
 * the order of memory, not a column at a time. (Narrow ones lose by it: a
 * column of those has all that the cache reads.) */
#if IN_TURNS
#define NEXT_TURN() barrier(CLK_LOCAL_MEM_FENCE)
#else
#define NEXT_TURN() ((void)0)
#endif
#define FOR_ROWS(s, r)                                                         \
    for (ulong r = s.row, turn = s.first; turn < s.end;                        \
         r += get_local_size(1), turn += get_local_size(1))                    \
        if (NEXT_TURN(), r < s.end)

static inline columns columns_of(ulong rows, ulong c, ulong step, ulong chunks)
{
    ulong wide = 4 * get_local_size(0), slices = (c + wide - 1) / wide;
    ulong group = get_group_id(0), chunk = group / slices % chunks;
    columns s;
    s.map = group / slices / chunks;
    s.chunk = chunk;
    s.first = chunk * step;
    s.row = s.first + get_local_id(1);
    s.end = min((chunk + 1) * step, rows);
    s.i = group % slices * wide + 4 * get_local_id(0);
    s.left = s.i < c ? c - s.i : 0;
    return s;
}

/* column_sum of pairs, for the items with local id (.,0); `sums` holds GROUP
 * pairs. */
static SHARED_INLINE float4 column_pair_sum(pair4 value, __local pair4 *sums)
{
    int lane = (int)get_local_id(1), width = (int)get_local_size(0);
    int me = lane * width + (int)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = (int)get_local_size(1) / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step) {
            pair4_join(&value, sums[me + step * width]);
            sums[me] = value;
        }
    }
    return pair4_value(value);
}

#endif
