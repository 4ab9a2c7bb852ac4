/* reduce: one number from all of x, in two stages: a group for each part of
 * x, then one group for the parts. Sums run in pairs of floats and in an order
 * that depends on n and GROUP alone. */

/* x^2 added. The square of the 12 high bits is exact, and what is left of it
 * is too small for its rounding to show. */
static inline float2 add_square(float2 sum, float x)
{
    float head = shared_float(shared_bits(x) & 0xfffff000u);
    sum = pair_add(sum, head * head);
    sum.y += (x - head) * (x + head);
    return sum;
}

static inline float2 add_term(float2 sum, float x, int kind)
{
    switch (kind) {
    case REDUCE_SUM:
        return pair_add(sum, x);
    case REDUCE_SUMSQ:
        return add_square(sum, x);
    case REDUCE_MAX_ABS:
        sum.x = fmax(sum.x, fabs(x)); /* passes over NaN */
        return sum;
    default:
        /* NaN and infinities have all bits of the exponent set. */
        return pair_add(
            sum, (shared_bits(x) & 0x7f800000u) == 0x7f800000u ? 1.0f : 0.0f);
    }
}

/* Of the group, for item 0. */
static inline float2 group_total(float2 value, int kind, __local float2 *totals)
{
    uint me = (uint)get_local_id(0);
    totals[me] = value;
    for (uint half_way = GROUP / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_way) {
            float2 a = totals[me], b = totals[me + half_way];
            totals[me] = kind == REDUCE_MAX_ABS
                             ? (float2)(fmax(a.x, b.x), 0.0f)
                             : pair_join(a, b);
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return totals[me];
}

/* parts[g] = the total of part g, `part` numbers of x, a multiple of GROUP. */
__kernel void reduce_parts(OUT(parts), IN(x), ulong n, ulong part, int kind)
{
    __local float2 totals[GROUP];
    ulong g = get_group_id(0);
    ulong begin = g * part, end = min(begin + part, n);
    float2 sum = 0;
    AT(parts), AT(x);
    for (ulong first = begin; first < end; first += GROUP) {
        ulong i = first + get_local_id(0);
        if (i < end)
            sum = add_term(sum, x[i], kind);
    }
    sum = group_total(sum, kind, totals);
    if (get_local_id(0) == 0)
        vstore2(sum, g, parts);
}

__kernel void reduce_end(OUT(y), IN(parts), ulong count, int kind)
{
    __local float2 totals[GROUP];
    float2 sum = 0;
    AT(y), AT(parts);
    for (ulong first = 0; first < count; first += GROUP) {
        ulong i = first + get_local_id(0);
        if (i < count) {
            float2 more = vload2(i, parts);
            sum = kind == REDUCE_MAX_ABS ? (float2)(fmax(sum.x, more.x), 0.0f)
                                         : pair_join(sum, more);
        }
    }
    sum = group_total(sum, kind, totals);
    if (get_local_id(0) == 0)
        y[0] = pair_value(sum);
}
