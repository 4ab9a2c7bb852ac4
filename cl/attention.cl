/* attention: o = softmax(scale q k^T) v per batch entry and head, with
 * lse = log sum exp of the scaled logits kept for the backward:
 *
 *     p = exp(scale q k^T - lse)            dv = p^T do
 *     ds = scale p (do v^T - rowsum(do o))  dq = ds k,  dk = ds^T q
 *
 * A group of TILE x TILE items owns ROWS * TILE queries (for dk and dv: keys)
 * and goes through the other side in blocks of COLS * TILE. Of the block's
 * logits an item makes ROWS x COLS, from slices of TILE numbers of both sides
 * in local memory; they pass through local memory once to become weights of
 * the other side's rows. Of its rows an item sums every TILE-th column. The
 * logits are never in global memory, and a softmax's sum begins again,
 * rescaled, when a block has a larger logit.
 *
 * Long heads are cut: a group sums at most 64 or 128 columns (the kernel's
 * name says which), from `column` on. Groups: blocks of rows, batch entries
 * times heads, cuts of columns, the first fastest. */

#pragma OPENCL FP_CONTRACT ON /* products and sums alone */

#define ROWS  4
#define COLS  2
#define PITCH (TILE + 1)        /* of slices: rows lie in different banks */
#define WIDE  (COLS * TILE + 1) /* the same for weights */

#define SLICE_A (ROWS * TILE * PITCH)
#define SLICE_B (COLS * TILE * PITCH)
#define WEIGHTS (ROWS * TILE * WIDE)

/* `count` rows of one head, from its row `first` on those that are asked for;
 * beyond the last there are zeros. */
typedef struct side {
    __global const float *at;
    int first, count;
} side;

/* What a group works on. */
typedef struct place {
    ulong pair;      /* batch entry and head */
    ulong pitch;     /* from row to row in memory */
    int row, column; /* the first of the group's */
} place;

static inline place place_of(int rows, int columns, attention_args z,
                             ulong pairs)
{
    ulong blocks = (rows + ROWS * TILE - 1) / (ROWS * TILE);
    ulong group = get_group_id(0);
    place p;
    p.pair = group / blocks % pairs;
    p.pitch = (ulong)z.h * z.d;
    p.row = (int)(group % blocks) * ROWS * TILE;
    p.column = (int)(group / blocks / pairs) * columns;
    return p;
}

/* Where the pair's first row begins in a tensor [b,rows,h,d]. */
static inline ulong head_at(place p, int rows, attention_args z)
{
    return (p.pair / z.h * rows * z.h + p.pair % z.h) * z.d;
}

static inline float element(side x, int row, int e, place p, int d)
{
    return x.first + row < x.count && e < d
               ? x.at[(x.first + row) * p.pitch + e]
               : 0;
}

/* s[i][j] = row ly + TILE i of a times row lx + TILE j of b */
static inline void products(float s[ROWS][COLS], side a, side b, place p, int d,
                            __local float *slice_a, __local float *slice_b)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++)
            s[i][j] = 0;
    for (int e = 0; e < d; e += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < ROWS; i++)
            slice_a[(ly + TILE * i) * PITCH + lx] =
                element(a, ly + TILE * i, e + lx, p, d);
        for (int j = 0; j < COLS; j++)
            slice_b[(ly + TILE * j) * PITCH + lx] =
                element(b, ly + TILE * j, e + lx, p, d);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int u = 0; u < TILE; u++)
            for (int j = 0; j < COLS; j++) {
                float y = slice_b[(lx + TILE * j) * PITCH + u];
                for (int i = 0; i < ROWS; i++)
                    s[i][j] += slice_a[(ly + TILE * i) * PITCH + u] * y;
            }
    }
}

/* sum[i][e] += weights of row ly + TILE i times column lx + TILE e of b's
 * block of rows, sum [ROWS][slices] */
static inline void accumulate(float *sum, int slices, __local float *weights,
                              side b, place p, int d)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    int rows = min(COLS * TILE, b.count - b.first);
    __global const float *from = b.at + b.first * p.pitch + p.column + lx;
    for (int j = 0; j < rows; j++, from += p.pitch) {
        float x[ROWS];
        for (int i = 0; i < ROWS; i++)
            x[i] = weights[(ly + TILE * i) * WIDE + j];
        for (int e = 0; e < slices; e++)
            if (p.column + lx + TILE * e < d) {
                float y = from[TILE * e];
                for (int i = 0; i < ROWS; i++)
                    sum[i * slices + e] += x[i] * y;
            }
    }
}

static inline void put(__local float *weights, float s[ROWS][COLS])
{
    int lx = get_local_id(0), ly = get_local_id(1);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++)
            weights[(ly + TILE * i) * WIDE + lx + TILE * j] = s[i][j];
}

/* -- forward --------------------------------------------------------------- */

/* x[i] = the largest, or the sum, of x[i] over the items of its row. */
static inline void across(float x[ROWS], int largest, __local float *slice)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < ROWS; i++)
        slice[(ly + TILE * i) * PITCH + lx] = x[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < ROWS; i++) {
        float all = slice[(ly + TILE * i) * PITCH];
        for (int u = 1; u < TILE; u++) {
            float other = slice[(ly + TILE * i) * PITCH + u];
            all = largest ? fmax(all, other) : all + other;
        }
        x[i] = all;
    }
}

static inline void forward(__global float *o, __global float *lse, side q,
                           side k, side v, place p, attention_args z,
                           float *sum, int slices, __local float *slice_a,
                           __local float *slice_b, __local float *weights)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    float most[ROWS], total[ROWS]; /* total: of this item's logits */
    for (int i = 0; i < ROWS; i++) {
        most[i] = -INFINITY;
        total[i] = 0;
        for (int e = 0; e < slices; e++)
            sum[i * slices + e] = 0;
    }
    for (; k.first < z.s; k.first += COLS * TILE) {
        float s[ROWS][COLS], top[ROWS];
        products(s, q, k, p, z.d, slice_a, slice_b);
        for (int i = 0; i < ROWS; i++) {
            top[i] = most[i];
            for (int j = 0; j < COLS; j++) {
                s[i][j] = k.first + lx + TILE * j < z.s ? z.scale * s[i][j]
                                                        : -INFINITY;
                top[i] = fmax(top[i], s[i][j]);
            }
        }
        across(top, 1, slice_a);
        for (int i = 0; i < ROWS; i++) {
            float shrink = exp(most[i] - top[i]);
            most[i] = top[i];
            total[i] *= shrink;
            for (int e = 0; e < slices; e++)
                sum[i * slices + e] *= shrink;
            for (int j = 0; j < COLS; j++) {
                s[i][j] = exp(s[i][j] - top[i]);
                total[i] += s[i][j];
            }
        }
        put(weights, s);
        barrier(CLK_LOCAL_MEM_FENCE);
        v.first = k.first;
        accumulate(sum, slices, weights, v, p, z.d);
    }
    across(total, 0, slice_a);
    for (int i = 0; i < ROWS; i++) {
        int row = p.row + ly + TILE * i;
        if (row >= z.t)
            continue;
        for (int e = 0; e < slices; e++) {
            int column = p.column + lx + TILE * e;
            if (column < z.d)
                o[row * p.pitch + column] = sum[i * slices + e] / total[i];
        }
        if (!lx && !p.column)
            lse[p.pair * z.t + row] = most[i] + log(total[i]);
    }
}

__kernel void attention_fwd_64(OUT(o), OUT(lse), IN(q), IN(k), IN(v),
                               ulong pairs, attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum[ROWS * (64 / TILE)];
    place p = place_of(z.t, 64, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    AT(o), AT(lse), AT(q), AT(k), AT(v);
    side qs = {q + t_at, p.row, z.t};
    side ks = {k + s_at, 0, z.s}, vs = {v + s_at, 0, z.s};
    forward(o + t_at, lse, qs, ks, vs, p, z, sum, 64 / TILE, slice_a, slice_b,
            weights);
}

__kernel void attention_fwd_128(OUT(o), OUT(lse), IN(q), IN(k), IN(v),
                                ulong pairs, attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum[ROWS * (128 / TILE)];
    place p = place_of(z.t, 128, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    AT(o), AT(lse), AT(q), AT(k), AT(v);
    side qs = {q + t_at, p.row, z.t};
    side ks = {k + s_at, 0, z.s}, vs = {v + s_at, 0, z.s};
    forward(o + t_at, lse, qs, ks, vs, p, z, sum, 128 / TILE, slice_a, slice_b,
            weights);
}

/* -- backward -------------------------------------------------------------- */

/* delta[b,h,t] = rowsum(do o); TILE rows of [b,t,h] a group. */
__kernel void attention_delta(OUT(delta), IN(dout), IN(o), ulong rows,
                              attention_args z)
{
    __local float sums[TILE * PITCH];
    int lx = get_local_id(0), ly = get_local_id(1);
    ulong row = get_group_id(0) * TILE + ly;
    AT(delta), AT(dout), AT(o);
    float sum = 0;
    if (row < rows)
        for (int e = lx; e < z.d; e += TILE)
            sum += dout[row * z.d + e] * o[row * z.d + e];
    sums[ly * PITCH + lx] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lx || row >= rows)
        return;
    for (int u = 1; u < TILE; u++)
        sum += sums[ly * PITCH + u];
    ulong b = row / z.h / z.t, t = row / z.h % z.t;
    delta[(b * z.h + row % z.h) * z.t + t] = sum;
}

/* p and ds of the queries and keys that are there, 0 elsewhere; lse and delta
 * are the query's. */
static inline float weight_of(float logit, float lse, int there, float scale)
{
    return there ? exp(scale * logit - lse) : 0;
}

static inline void give(__global float *to, int add, float *sum, int slices,
                        place p, int rows, int d)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    for (int i = 0; i < ROWS; i++) {
        int row = p.row + ly + TILE * i;
        for (int e = 0; e < slices; e++) {
            int column = p.column + lx + TILE * e;
            if (row < rows && column < d) {
                ulong at = row * p.pitch + column;
                to[at] =
                    add ? to[at] + sum[i * slices + e] : sum[i * slices + e];
            }
        }
    }
}

/* The group's rows are queries. */
static inline void backward_q(side q, side k, side v, side dout,
                              __global const float *lse,
                              __global const float *delta, place p,
                              attention_args z, float *sum, int slices,
                              __local float *slice_a, __local float *slice_b,
                              __local float *weights)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    for (int i = 0; i < ROWS * slices; i++)
        sum[i] = 0;
    for (; k.first < z.s; k.first += COLS * TILE) {
        float s[ROWS][COLS], ds[ROWS][COLS];
        v.first = k.first;
        products(s, q, k, p, z.d, slice_a, slice_b);
        products(ds, dout, v, p, z.d, slice_a, slice_b);
        for (int i = 0; i < ROWS; i++) {
            int row = p.row + ly + TILE * i;
            float l = row < z.t ? lse[p.pair * z.t + row] : 0;
            float dl = row < z.t ? delta[p.pair * z.t + row] : 0;
            for (int j = 0; j < COLS; j++) {
                int there = row < z.t && k.first + lx + TILE * j < z.s;
                float w = weight_of(s[i][j], l, there, z.scale);
                ds[i][j] = z.scale * w * (ds[i][j] - dl);
            }
        }
        put(weights, ds);
        barrier(CLK_LOCAL_MEM_FENCE);
        accumulate(sum, slices, weights, k, p, z.d);
    }
}

__kernel void attention_bwd_q_64(GRADIENT(dq), IN(dout), IN(q), IN(k), IN(v),
                                 IN(lse), IN(delta), ulong pairs,
                                 attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum[ROWS * (64 / TILE)];
    place p = place_of(z.t, 64, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    AT(dq), AT(dout), AT(q), AT(k), AT(v), AT(lse), AT(delta);
    side qs = {q + t_at, p.row, z.t}, ds = {dout + t_at, p.row, z.t};
    side ks = {k + s_at, 0, z.s}, vs = {v + s_at, 0, z.s};
    backward_q(qs, ks, vs, ds, lse, delta, p, z, sum, 64 / TILE, slice_a,
               slice_b, weights);
    give(dq + t_at, dq_add, sum, 64 / TILE, p, z.t, z.d);
}

__kernel void attention_bwd_q_128(GRADIENT(dq), IN(dout), IN(q), IN(k), IN(v),
                                  IN(lse), IN(delta), ulong pairs,
                                  attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum[ROWS * (128 / TILE)];
    place p = place_of(z.t, 128, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    AT(dq), AT(dout), AT(q), AT(k), AT(v), AT(lse), AT(delta);
    side qs = {q + t_at, p.row, z.t}, ds = {dout + t_at, p.row, z.t};
    side ks = {k + s_at, 0, z.s}, vs = {v + s_at, 0, z.s};
    backward_q(qs, ks, vs, ds, lse, delta, p, z, sum, 128 / TILE, slice_a,
               slice_b, weights);
    give(dq + t_at, dq_add, sum, 128 / TILE, p, z.t, z.d);
}

/* The group's rows are keys: the logits are turned round. */
static inline void backward_kv(side q, side k, side v, side dout,
                               __global const float *lse,
                               __global const float *delta, place p,
                               attention_args z, int want_k, int want_v,
                               float *sum_k, float *sum_v, int slices,
                               __local float *slice_a, __local float *slice_b,
                               __local float *weights)
{
    int lx = get_local_id(0), ly = get_local_id(1);
    for (int i = 0; i < ROWS * slices; i++)
        sum_k[i] = sum_v[i] = 0;
    for (; q.first < z.t; q.first += COLS * TILE) {
        float w[ROWS][COLS], ds[ROWS][COLS];
        dout.first = q.first;
        products(w, k, q, p, z.d, slice_a, slice_b);
        if (want_k)
            products(ds, v, dout, p, z.d, slice_a, slice_b);
        for (int j = 0; j < COLS; j++) {
            int t = q.first + lx + TILE * j;
            float l = t < z.t ? lse[p.pair * z.t + t] : 0;
            float dl = want_k && t < z.t ? delta[p.pair * z.t + t] : 0;
            for (int i = 0; i < ROWS; i++) {
                int there = t < z.t && p.row + ly + TILE * i < z.s;
                w[i][j] = weight_of(w[i][j], l, there, z.scale);
                if (want_k)
                    ds[i][j] = z.scale * w[i][j] * (ds[i][j] - dl);
            }
        }
        if (want_v) {
            put(weights, w);
            barrier(CLK_LOCAL_MEM_FENCE);
            accumulate(sum_v, slices, weights, dout, p, z.d);
        }
        if (want_k) {
            barrier(CLK_LOCAL_MEM_FENCE);
            put(weights, ds);
            barrier(CLK_LOCAL_MEM_FENCE);
            accumulate(sum_k, slices, weights, q, p, z.d);
        }
    }
}

/* dk or dv may be NULL. */
__kernel void attention_bwd_kv_64(GRADIENT(dk), GRADIENT(dv), IN(dout), IN(q),
                                  IN(k), IN(v), IN(lse), IN(delta), ulong pairs,
                                  attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum_k[ROWS * (64 / TILE)], sum_v[ROWS * (64 / TILE)];
    place p = place_of(z.s, 64, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    int want_k = dk != 0, want_v = dv != 0;
    AT(dk), AT(dv), AT(dout), AT(q), AT(k), AT(v), AT(lse), AT(delta);
    side qs = {q + t_at, 0, z.t}, ds = {dout + t_at, 0, z.t};
    side ks = {k + s_at, p.row, z.s}, vs = {v + s_at, p.row, z.s};
    backward_kv(qs, ks, vs, ds, lse, delta, p, z, want_k, want_v, sum_k, sum_v,
                64 / TILE, slice_a, slice_b, weights);
    if (want_k)
        give(dk + s_at, dk_add, sum_k, 64 / TILE, p, z.s, z.d);
    if (want_v)
        give(dv + s_at, dv_add, sum_v, 64 / TILE, p, z.s, z.d);
}

__kernel void attention_bwd_kv_128(GRADIENT(dk), GRADIENT(dv), IN(dout), IN(q),
                                   IN(k), IN(v), IN(lse), IN(delta),
                                   ulong pairs, attention_args z)
{
    __local float slice_a[SLICE_A], slice_b[SLICE_B], weights[WEIGHTS];
    float sum_k[ROWS * (128 / TILE)], sum_v[ROWS * (128 / TILE)];
    place p = place_of(z.s, 128, z, pairs);
    ulong t_at = head_at(p, z.t, z), s_at = head_at(p, z.s, z);
    int want_k = dk != 0, want_v = dv != 0;
    AT(dk), AT(dv), AT(dout), AT(q), AT(k), AT(v), AT(lse), AT(delta);
    side qs = {q + t_at, 0, z.t}, ds = {dout + t_at, 0, z.t};
    side ks = {k + s_at, p.row, z.s}, vs = {v + s_at, p.row, z.s};
    backward_kv(qs, ks, vs, ds, lse, delta, p, z, want_k, want_v, sum_k, sum_v,
                128 / TILE, slice_a, slice_b, weights);
    if (want_k)
        give(dk + s_at, dk_add, sum_k, 128 / TILE, p, z.s, z.d);
    if (want_v)
        give(dv + s_at, dv_add, sum_v, 128 / TILE, p, z.s, z.d);
}
