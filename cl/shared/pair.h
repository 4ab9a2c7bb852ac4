/* Sums where the CPU's run in double: a pair of floats (x high, y low) keeps
 * what the additions lose, about 48 bits. Needs arithmetic as written: no
 * contraction, no fast-math. Compiled by OpenCL alone. */
#ifndef CL_SHARED_PAIR_H
#define CL_SHARED_PAIR_H

/* sum + x; the low part gathers the rounding errors (Knuth's two-sum). */
static inline float2 pair_add(float2 sum, float x)
{
    float high = sum.x + x;
    float part = high - sum.x;
    float lost = (sum.x - (high - part)) + (x - part);
    return (float2)(high, sum.y + lost);
}

static inline float2 pair_join(float2 a, float2 b)
{
    float2 sum = pair_add(a, b.x);
    return (float2)(sum.x, sum.y + b.y);
}

/* An infinite sum has lost a NaN: it counts alone. */
static inline float pair_value(float2 sum)
{
    return sum.y - sum.y == 0.0f ? sum.x + sum.y : sum.x;
}

/* -- sums over the positions of a map [samples,positions,c] ------------------
 * A group (ocl_columns) has a sample and as many columns as it is wide; the
 * items of a column share its positions:
 *
 *     for (ulong first = 0; first < positions; first += get_local_size(1))
 *         position first + get_local_id(1), where it exists */

static inline ulong column_tiles(ulong c)
{
    return (c + get_local_size(0) - 1) / get_local_size(0);
}

static inline ulong column_sample(ulong c)
{
    return get_group_id(0) / column_tiles(c);
}

/* May be c or more: then there is nothing to do but to meet the barriers. */
static inline ulong column_number(ulong c)
{
    return get_group_id(0) % column_tiles(c) * get_local_size(0) +
           get_local_id(0);
}

/* The sum of a column, for its item with local id (.,0), in a fixed order;
 * `sums` holds GROUP pairs. */
static inline float column_sum(float2 value, __local float2 *sums)
{
    uint width = (uint)get_local_size(0);
    uint me = (uint)get_local_id(1) * width + (uint)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (uint half_way = (uint)get_local_size(1) / 2; half_way > 0;
         half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (get_local_id(1) < half_way)
            sums[me] = pair_join(sums[me], sums[me + half_way * width]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return pair_value(sums[me]);
}

#endif
