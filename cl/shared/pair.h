/* Sums where the CPU's run in double: a pair of floats keeps in `low` what the
 * additions to `high` lose, about 48 bits. Needs arithmetic as written: no
 * contraction, no fast-math. Four sums at a time, since one waits for its
 * last addition. Compiled by OpenCL alone. */
#ifndef CL_SHARED_PAIR_H
#define CL_SHARED_PAIR_H

typedef struct pair4 {
    float4 high, low;
} pair4;

/* sum += x (Knuth's two-sum). */
static inline void pair4_add(pair4 *sum, float4 x)
{
    float4 high = sum->high + x;
    float4 part = high - sum->high;
    sum->low += (sum->high - (high - part)) + (x - part);
    sum->high = high;
}

static inline void pair4_join(pair4 *sum, pair4 more)
{
    pair4_add(sum, more.high);
    sum->low += more.low;
}

/* An infinite sum has lost a NaN: it counts alone. */
static inline float4 pair4_value(pair4 sum)
{
    return select(sum.high, sum.high + sum.low,
                  isequal(sum.low - sum.low, (float4)(0.0f)));
}

/* -- four neighbours of a row, of which `count` exist, more than 4 or fewer --
 */

static inline float4 load4(const __global float *x, ulong count)
{
    if (count >= 4)
        return vload4(0, x);
    float4 v = (float4)(x[0], 0.0f, 0.0f, 0.0f);
    if (count > 1)
        v.y = x[1];
    if (count > 2)
        v.z = x[2];
    return v;
}

static inline void store4(__global float *x, float4 v, ulong count)
{
    if (count >= 4) {
        vstore4(v, 0, x);
        return;
    }
    x[0] = v.x;
    if (count > 1)
        x[1] = v.y;
    if (count > 2)
        x[2] = v.z;
}

/* GIVE of kernel.h for four. */
#define GIVE4(x, i, value, count)                                              \
    store4(x + (i), x##_add ? load4(x + (i), count) + (value) : (value), count)

/* -- sums over the positions of a map [samples,positions,c] ------------------
 * A group (ocl_columns) has a sample and four columns for each item of its
 * width; the items above each other share the positions:
 *
 *     for (ulong t = get_local_id(1); t < positions; t += get_local_size(1))
 */

static inline ulong column_tiles(ulong c)
{
    ulong width = 4 * get_local_size(0);
    return (c + width - 1) / width;
}

static inline ulong column_sample(ulong c)
{
    return get_group_id(0) / column_tiles(c);
}

/* The first of the four. May be c or more: then there is nothing to do but to
 * meet the barriers. */
static inline ulong column_first(ulong c)
{
    ulong tile = get_group_id(0) - column_sample(c) * column_tiles(c);
    return 4 * (tile * get_local_size(0) + get_local_id(0));
}

/* The sums of the columns, for the items with local id (.,0), in a fixed
 * order; `sums` holds GROUP pairs. */
static inline float4 column_sums(pair4 value, __local pair4 *sums)
{
    uint width = (uint)get_local_size(0);
    uint me = (uint)get_local_id(1) * width + (uint)get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (uint count = (uint)get_local_size(1) / 2; count > 0; count /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (get_local_id(1) < count) {
            pair4_join(&value, sums[me + count * width]);
            sums[me] = value;
        }
    }
    return pair4_value(value);
}

#endif
