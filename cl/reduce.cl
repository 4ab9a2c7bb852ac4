/* reduce: one number from all of x, in two stages: a group for each part of
 * x, then one group for the parts. Sums run in pairs of floats and in an order
 * that depends on n and GROUP alone. An item has four sums, or maxima (then in
 * `high`), until the group joins those of its items. */

/* sum += x^2. The square of the 12 high bits is exact, and what is left of it
 * is too small for its rounding to show. */
static inline void add_squares(pair4 *sum, float4 x)
{
    float4 head = as_float4(as_uint4(x) & 0xfffff000u);
    pair4_add(sum, head * head);
    sum->low += (x - head) * (x + head);
}

static inline void add_terms(pair4 *sum, float4 x, int kind)
{
    switch (kind) {
    case REDUCE_SUM:
        pair4_add(sum, x);
        break;
    case REDUCE_SUMSQ:
        add_squares(sum, x);
        break;
    case REDUCE_MAX_ABS:
        sum->high = fmax(sum->high, fabs(x)); /* passes over NaN */
        break;
    default:
        /* NaN and infinities have all bits of the exponent set. */
        pair4_add(sum, select((float4)(0.0f), (float4)(1.0f),
                              (as_uint4(x) & 0x7f800000u) == 0x7f800000u));
    }
}

static inline void join(pair4 *sum, pair4 more, int kind)
{
    if (kind == REDUCE_MAX_ABS)
        sum->high = fmax(sum->high, more.high);
    else
        pair4_join(sum, more);
}

/* Of the group, for item 0. */
static inline pair4 group_total(pair4 value, int kind, __local pair4 *totals)
{
    uint me = (uint)get_local_id(0);
    totals[me] = value;
    for (uint count = GROUP / 2; count > 0; count /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < count) {
            join(&value, totals[me + count], kind);
            totals[me] = value;
        }
    }
    return value;
}

/* parts[g] = the totals of part g, `part` numbers of x, a multiple of
 * 4 GROUP. */
__kernel void reduce_parts(OUT(parts), IN(x), ulong n, ulong part, int kind)
{
    __local pair4 totals[GROUP];
    ulong g = get_group_id(0);
    ulong end = min((g + 1) * part, n);
    pair4 sum = {0, 0};
    AT(parts), AT(x);
    for (ulong i = g * part + 4 * get_local_id(0); i < end; i += 4 * GROUP)
        add_terms(&sum, load4(x + i, end - i), kind);
    sum = group_total(sum, kind, totals);
    if (get_local_id(0) == 0) {
        vstore4(sum.high, 2 * g, parts);
        vstore4(sum.low, 2 * g + 1, parts);
    }
}

__kernel void reduce_end(OUT(y), IN(parts), ulong count, int kind)
{
    __local pair4 totals[GROUP];
    pair4 sum = {0, 0};
    AT(y), AT(parts);
    for (ulong i = get_local_id(0); i < count; i += GROUP) {
        pair4 more = {vload4(2 * i, parts), vload4(2 * i + 1, parts)};
        join(&sum, more, kind);
    }
    sum = group_total(sum, kind, totals);
    if (get_local_id(0) == 0) {
        pair4 lanes = sum;
        for (int i = 1; i < 4; i++) {
            lanes.high = lanes.high.yzwx;
            lanes.low = lanes.low.yzwx;
            join(&sum, lanes, kind);
        }
        y[0] = pair4_value(sum).x;
    }
}
