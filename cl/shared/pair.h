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

#endif
