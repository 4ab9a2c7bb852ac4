/* cross_entropy: loss = -log softmax of a row at its label, hit = whether the
 * label has the largest logit, dlogits = factor (softmax - target). A row has
 * the items of one row of the group (ocl_rows). hit, dlogits may be NULL; with
 * skip_self row r has no column r. A label that is no column of its row is
 * written into `fault`.
 *
 * The other columns' exponentials are summed without the label's: where that
 * is the largest, the loss is log(1 + rest), and 1 - softmax = rest/sum keeps
 * its digits however sure the row is. */

static SHARED_INLINE float row_most(float value, __local float *sums)
{
    int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    int me = (int)get_local_id(1) * lanes + lane;
    barrier(CLK_LOCAL_MEM_FENCE);
    sums[me] = value;
    for (int step = lanes / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step)
            sums[me] = fmax(sums[me], sums[me + step]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return sums[me - lane];
}

static inline float4 vexp4(float4 x)
{
    return (float4)(vexp(x.x), vexp(x.y), vexp(x.z), vexp(x.w));
}

/* Four neighbouring columns of a row, and which of them count: all but the one
 * left out; which of those are not the label. */
typedef struct four {
    float4 x;
    int4 at, there, other;
} four;

static inline four four_of(__global const float *x, ulong i, ulong k, int label,
                           int self)
{
    four f;
    f.x = load4(x + i, k - i);
    f.at = (int)i + (int4)(0, 1, 2, 3);
    f.there = f.at < (int4)((int)k) && f.at != (int4)(self);
    f.other = f.there && f.at != (int4)(label);
    return f;
}

__kernel void cross_entropy(OUT(loss), OUT(hit), OUT(dlogits), IN(logits),
                            IN_INDEX(labels), __global int *fault, ulong rows,
                            ulong k, float factor, float smoothing,
                            int skip_self)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong first = 4 * get_local_id(0), step = 4 * get_local_size(0);
    ulong end = r < rows ? k : 0;
    int label = -1, self = skip_self ? (int)r : -1;
    const float4 none = 0;
    float4 most = -INFINITY, rests = 0, all = 0, beaten = 0;
    float own = NAN;
    AT(loss), AT(hit), AT(dlogits), AT(logits), AT(labels);
    logits += r * k;
    dlogits += dlogits ? r * k : 0;
    if (r < rows) {
        label = labels[r];
        if (label < 0 || (ulong)label >= k || label == self) {
            if (first == 0 && atomic_cmpxchg(fault, 0, FAULT_LABEL) == 0) {
                fault[1] = label;
                fault[2] = (int)r;
            }
            label = -1;
        } else {
            own = logits[label];
        }
    }
    for (ulong i = first; i < end; i += step) {
        four f = four_of(logits, i, k, label, self);
        most = fmax(most, select((float4)(-INFINITY), f.x, f.there));
    }
    most = fmax(most, most.zwxy);
    float top = row_most(fmax(most.x, most.y), sums);
    for (ulong i = first; i < end; i += step) {
        four f = four_of(logits, i, k, label, self);
        float4 e = select(none, vexp4(f.x - top), f.there);
        int4 less = select(islessequal(f.x, (float4)(own)),
                           isless(f.x, (float4)(own)), f.at < (int4)(label));
        rests += select(none, e, f.other);
        all += select(none, own - f.x, f.there);
        beaten += select(none, (float4)(1.0f), f.other && !less);
        if (dlogits)
            store4(dlogits + i, k - i, e);
    }
    float rest = row_sum(sum4(rests), sums), sum = rest + vexp(own - top);
    float spread = smoothing / (float)(skip_self ? k - 1 : k);
    float apart = row_sum(sum4(all), sums);
    float before = row_sum(sum4(beaten), sums);
    if (r < rows && first == 0) {
        float value = own == top ? log1p(rest) : log(sum) - (own - top);
        loss[r] = smoothing > 0 ? value + spread * apart : value;
        if (hit)
            hit[r] = before == 0 && own == own ? 1.0f : 0.0f;
    }
    float share = factor / sum;
    float at_label = factor * (smoothing - spread - rest / sum);
    for (ulong i = first; dlogits && i < end; i += step) {
        four f = four_of(logits, i, k, label, self);
        float4 d = load4(dlogits + i, k - i) * share - factor * spread;
        d = select((float4)(at_label), d, f.other);
        store4(dlogits + i, k - i, select(none, d, f.there));
    }
}
