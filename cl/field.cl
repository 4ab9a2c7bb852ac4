/* field: the drifting field, method.md section 2; src/ocl/field.c says in
 * which order these kernels run.
 *
 * The t targets of a group are counted gen, neg, pos; the first `neg` of them
 * are side 0, the negatives. A chunk is `rows` rows (queries) from row `first`
 * of all on: whole groups, or a part of one; row `base` is where its first
 * group begins. Per chunk there are dist [rows][t] and the coefficients
 * c [rows][nR][t]; per group of the chunk w [t], row [n][nR][2] and
 * col [nR][t], what is subtracted from the logits of rows and columns.
 *
 * Distances and forces are sums over differences x - y, so that neither points
 * far from the origin nor near pairs lose digits. */
#pragma OPENCL FP_CONTRACT ON

#define CHUNK ulong n, ulong t, ulong neg, ulong base, ulong first, ulong rows
#define SETS  IN(x), IN(gen), IN(extra), IN(pos), ulong k, ulong d

/* Tiles of WIDE x WIDE: an item has 4 rows and 4 columns, as a float16. */
#define WIDE      (4u * TILE)
#define LINE      (WIDE + 4) /* keeps banks and float4 apart */
#define DOWN(a)   a.s0000111122223333
#define ACROSS(a) a.s0123012301230123
/* Coordinates and targets of a step: the tiles stay below 16 KB. */
#define DEPTH 16u
#define STEP  (TILE > 8 ? 8u : 16u)

/* What is known after the first pass lies in `state`. */
#define UNIT   0 /* distances are divided by it */
#define PER_S  1 /* 1/s, s: features are divided by it */
#define MASKED 2 /* distance of the self pair */
#define C1     4 /* logit = -d (c1 + c2 d), of each temperature */
#define C2     (C1 + FIELD_MAX_R)
#define FACTOR (C2 + FIELD_MAX_R) /* 1/sqrt(m_R) */

/* Shift of a row or column without any target: no affinity is left. */
#define NONE 1e30f

/* Squares of small affinities would underflow; those that are nothing beside
 * any other are 0. */
#define LIFT    0x1p40f
#define NOTHING 1e-30f

/* Where a force goes. */
#define NOWHERE 0
#define KEPT    1 /* each temperature's by itself, the last in v */
#define SUMMED  2

/* a / b, and what is left. */
static inline ulong parts(ulong a, ulong b, ulong *rest)
{
    ulong whole = a / b;
    *rest = a - whole * b;
    return whole;
}

/* -- sums ------------------------------------------------------------------ */

/* y[s apart] = by * sum of x[s] of [segments][n], cut into `slices`, each by
 * a group. Compensated, so that long sums are as good as short ones. */
__kernel void field_sum(OUT(y), IN(x), ulong n, ulong segments, ulong slices,
                        ulong apart, float by)
{
    __local float sums[GROUP];
    ulong slice, segment = parts(get_group_id(0), slices, &slice);
    if (segment >= segments)
        return;
    AT(y), AT(x);
    ulong size = (n + slices - 1) / slices;
    ulong end = min((slice + 1) * size, n);
    float sum = 0, lost = 0;
    for (ulong i = slice * size + get_local_id(0); i < end; i += GROUP) {
        float a = x[segment * n + i];
        float next = sum + a;
        float back = next - sum;
        lost += (sum - (next - back)) + (a - back);
        sum = next;
    }
    float total = group_sum(sum, sums);
    total += group_sum(lost, sums);
    if (get_local_id(0) == 0)
        y[segment * apart + slice] = by * total;
}

/* What is left of n from `at` on. */
static inline ulong rest_of(ulong n, ulong at)
{
    return n - min(at, n);
}

/* Down a column of a tile. */
static inline void store_down(__local float *tile, float4 x)
{
    tile[0] = x.s0;
    tile[LINE] = x.s1;
    tile[2 * LINE] = x.s2;
    tile[3 * LINE] = x.s3;
}

/* Sum and maximum over the items that share a row in a group of TILE x TILE:
 * those with the same local id 1. For each of them. */
static inline float lane_sum(float value, __local float *shares)
{
    uint lx = (uint)get_local_id(0), at = (uint)get_local_id(1) * TILE;
    barrier(CLK_LOCAL_MEM_FENCE);
    shares[at + lx] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = 0;
    for (uint o = 0; o < TILE; o++)
        sum += shares[at + o];
    return sum;
}

static inline float lane_max(float value, __local float *shares)
{
    uint lx = (uint)get_local_id(0), at = (uint)get_local_id(1) * TILE;
    barrier(CLK_LOCAL_MEM_FENCE);
    shares[at + lx] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    float most = value;
    for (uint o = 0; o < TILE; o++)
        most = fmax(most, shares[at + o]);
    return most;
}

/* -- weights, distances, scale --------------------------------------------- */

/* w [groups][t] of the groups from g on, and total [groups][2], its sums over
 * both sides. A group each. */
__kernel void field_weights(OUT(w), OUT(total), IN(w_gen), IN(w_neg), IN(w_pos),
                            ulong g, ulong groups, ulong t, ulong neg, ulong k)
{
    __local float sums[GROUP];
    ulong here = get_group_id(0);
    if (here >= groups)
        return;
    AT(w), AT(total), AT(w_gen), AT(w_neg), AT(w_pos);
    g += here;
    float all[2] = {0, 0};
    for (ulong i = get_local_id(0); i < t; i += GROUP) {
        float value = 1;
        if (i < k)
            value = w_gen ? w_gen[g * k + i] : 1;
        else if (i < neg)
            value = w_neg ? w_neg[g * (neg - k) + i - k] : 1;
        else if (w_pos)
            value = w_pos[g * (t - neg) + i - neg];
        w[here * t + i] = value;
        all[0] += i < neg ? value : 0;
        all[1] += i < neg ? 0 : value;
    }
    for (int side = 0; side < 2; side++) {
        float sum = group_sum(all[side], sums);
        if (get_local_id(0) == 0)
            total[2 * here + side] = sum;
    }
}

static inline __global const float *target(__global const float *gen,
                                           __global const float *extra,
                                           __global const float *pos, ulong g,
                                           ulong i, ulong k, ulong neg, ulong t,
                                           ulong d)
{
    if (i < k)
        return gen + (g * k + i) * d;
    if (i < neg)
        return extra + (g * (neg - k) + i - k) * d;
    return pos + (g * (t - neg) + i - neg) * d;
}

/* Step 1. Groups are tiles: of targets, of rows of a group, and groups. */
__kernel void field_distances(OUT(dist), SETS, CHUNK, float least, int self)
{
    __local float xs[DEPTH * LINE], ys[DEPTH * LINE];
    uint lx = (uint)get_local_id(0), ly = (uint)get_local_id(1);
    uint me = ly * TILE + lx;
    ulong each = min(rows, n), here = get_group_id(2);
    ulong r0 = get_group_id(1) * WIDE, t0 = get_group_id(0) * WIDE;
    ulong g = base / n + here, from = first - base;
    if (here * each >= rows)
        return;
    AT(dist), AT(x), AT(gen), AT(extra), AT(pos);
    x += (g * n + from) * d;
    float16 sum = 0;
    for (ulong at = 0; at < d; at += DEPTH) {
        uint depth = (uint)min((ulong)DEPTH, d - at);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint e = me; e < WIDE * DEPTH / 4; e += TILE * TILE) {
            uint c = e % (DEPTH / 4) * 4, o = e / (DEPTH / 4);
            ulong r = r0 + o, i = t0 + o, left = rest_of(d, at + c);
            float4 a = 0, b = 0;
            if (r < each)
                a = load4(x + r * d + at + c, left);
            if (i < t)
                b = load4(target(gen, extra, pos, g, i, k, neg, t, d) + at + c,
                          left);
            store_down(xs + c * LINE + o, a);
            store_down(ys + c * LINE + o, b);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        /* Sums of sums round less. */
        float16 part = 0;
        for (uint c = 0; c < depth; c++) {
            float4 a = vload4(ly, xs + c * LINE), b = vload4(lx, ys + c * LINE);
            float16 e = DOWN(a) - ACROSS(b);
            part += e * e;
        }
        sum += part;
    }
    ulong i = t0 + lx * 4, left = rest_of(t, i);
    float four[16];
    vstore16(sum, 0, four);
    for (uint o = 0; o < 4; o++) {
        ulong r = r0 + ly * 4 + o;
        float4 square = vload4(o, four);
        square = square < least ? (float4)least : square; /* NaN stays */
        if (self) {
            int4 at = (int)(i - from - r) + (int4)(0, 1, 2, 3);
            square = at == 0 ? (float4)least : square;
        }
        if (r < each)
            store4(dist + (here * each + r) * t + i, left, sqrt(square));
    }
}

/* sum over t of dist w, of each row of the chunk; TILE items each. */
__kernel void field_row_sums(OUT(y), IN(dist), IN(w), CHUNK)
{
    __local float shares[TILE * TILE];
    uint lx = (uint)get_local_id(0);
    ulong r = get_group_id(0) * TILE + get_local_id(1);
    ulong end = r < rows ? t : 0;
    AT(y), AT(dist), AT(w);
    dist += r * t;
    w += (first + r - base) / n * t;
    float sum = 0;
    for (ulong i = lx; i < end; i += TILE)
        sum += dist[i] * w[i];
    sum = lane_sum(sum, shares);
    if (lx == 0 && r < rows)
        y[first + r] = sum;
}

/* Steps 2 and 3, and all that follows from the scale: sums has the sums of
 * dist w and of w. The release adds 100 to the normalised distance of the self
 * pair, the others more than any distance is. */
__kernel void field_scale(OUT(state), OUT(stats), IN(sums), field_args args,
                          ulong n, ulong d)
{
    if (get_global_id(0) > 0)
        return;
    AT(state), AT(stats), AT(sums);
    float scale = sums[1] > 0 ? sums[0] / (float)n / sums[1] : 0;
    int scaled = args.variant != FIELD_TOY && args.scale_features;
    float s = scale / sqrt((float)d), unit = scale;
    unit = !scaled ? 1 : unit < 1e-3f ? 1e-3f : unit;
    s = !scaled ? 1 : s < 1e-3f ? 1e-3f : s;
    int release = args.variant == FIELD_RELEASE &&
                  args.normalization != FIELD_SEPARATE &&
                  args.normalization != FIELD_SINKHORN;
    stats[0] = scale;
    state[UNIT] = unit;
    state[PER_S] = 1 / s;
    state[MASKED] = release ? 1e-4f + 100 * unit : 1e12f * unit;
    for (int j = 0; j < args.temperatures; j++) {
        float by = 1 / (unit * args.r[j]);
        int laplace = args.shape == FIELD_LAPLACE;
        state[C1 + j] = laplace ? by : 0;
        state[C2 + j] = laplace ? 0 : .5f * by * by;
    }
}

/* -- what the normalisation subtracts from the logits ----------------------
 *
 * Logits fall with the distance, so the largest of a row or column is at its
 * smallest distance, `near`, whatever the temperature. Logits less that one are
 * taken from the difference of the distances, which loses no digits. Only
 * sinkhorn's, which are less other shifts, are as they are: near is 0. */

/* logit(d) - logit(near) */
static inline float relative(float d, float near, float c1, float c2)
{
    return -(d - near) * (c1 + c2 * (d + near));
}

/* Logits below this are those of the masked self pair alone. */
static inline float unreachable(float masked, float c1, float c2)
{
    return .1f * relative(masked, 0, c1, c2);
}

/* near [n][2] and log-sum-exps over the targets of a row, by side; sinkhorn's
 * logits are less the shifts of the columns. Groups are: TILE rows of the
 * chunk, each with TILE items; temperatures. */
__kernel void field_rows(OUT(near), OUT(row), IN(dist), IN(w), IN(col),
                         IN(state), field_args args, CHUNK)
{
    __local float shares[TILE * TILE];
    uint lx = (uint)get_local_id(0), nr = args.temperatures;
    ulong r = get_group_id(0) * TILE + get_local_id(1), j = get_group_id(1);
    AT(near), AT(row), AT(dist), AT(w), AT(col), AT(state);
    int norm = args.normalization;
    int weighted = norm == FIELD_SEPARATE, sinkhorn = norm == FIELD_SINKHORN;
    ulong here = first + r - base, i, g = parts(here, n, &i);
    ulong self = args.queries_are_targets ? i : t;
    float c1 = state[C1 + j], c2 = state[C2 + j], masked = state[MASKED];
    float least[2], top[2], sum[2];
    dist += r * t;
    w += g * t;
    if (sinkhorn)
        col += (g * nr + j) * t;
    for (int side = 0; side < 2; side++) {
        ulong begin = side ? neg : 0, end = side ? t : neg;
        end = r < rows ? end : 0;
        float most = -INFINITY, all = 0;
        for (ulong at = begin + lx; at < end; at += TILE) {
            float d = at == self ? masked : dist[at];
            float z = sinkhorn ? relative(d, 0, c1, c2) - col[at] : -d;
            /* A target of weight 0 may be the nearest: it has no say. */
            most = z > most && !(weighted && !(w[at] > 0)) ? z : most;
        }
        most = lane_max(most, shares);
        least[side] = sinkhorn ? 0 : -most;
        top[side] = sinkhorn ? most : 0;
        for (ulong at = begin + lx; at < end; at += TILE) {
            float d = at == self ? masked : dist[at];
            float z = relative(d, least[side], c1, c2) - top[side];
            if (sinkhorn)
                all += exp(z - col[at]);
            else if (!weighted)
                all += exp(z);
            else if (!(w[at] <= 0))
                all += w[at] * exp(z);
        }
        sum[side] = lane_sum(all, shares);
    }
    if (lx > 0 || r >= rows)
        return;
    near += here * 2;
    row += (here * nr + j) * 2;
    if (!weighted && !sinkhorn) {
        float both = fmin(least[0], least[1]);
        float all = sum[1] * exp(relative(least[1], both, c1, c2));
        if (neg > 0)
            all += sum[0] * exp(relative(least[0], both, c1, c2));
        least[0] = least[1] = both;
        sum[0] = sum[1] = all;
    }
    for (int side = 0; side < 2; side++) {
        int none = sinkhorn   ? top[side] < unreachable(masked, c1, c2)
                   : weighted ? least[side] >= .1f * masked
                              : 0;
        row[side] = none ? NONE : top[side] + log(sum[side]);
        if (j == 0)
            near[side] = none ? 0 : least[side];
    }
}

/* The same over the rows of a column; sinkhorn's logits are less the shifts of
 * the rows where `shifted`. What the blocks before have found lies in near
 * (sinkhorn: the largest logit) and col (the sum) when they have `begun`; after
 * the last of them col has the shift. Groups are: TILE targets, each with TILE
 * items that share the rows; temperatures; groups. */
__kernel void field_columns(OUT(near), OUT(col), IN(dist), IN(w), IN(total),
                            IN(row), IN(state), field_args args, CHUNK,
                            int shifted, int begun, int last)
{
    __local float shares[TILE * TILE];
    int lx = (int)get_local_id(0), ly = (int)get_local_id(1);
    int nr = args.temperatures, j = (int)get_group_id(1);
    ulong each = min(rows, n), g = get_group_id(2);
    ulong at = get_group_id(0) * TILE + lx, from = first - base;
    if (g * each >= rows)
        return;
    AT(near), AT(col), AT(dist), AT(w), AT(total), AT(row), AT(state);
    float c1 = state[C1 + j], c2 = state[C2 + j], masked = state[MASKED];
    int sinkhorn = args.normalization == FIELD_SINKHORN;
    int side = at < neg ? 0 : 1;
    ulong self = args.queries_are_targets ? at - from : each;
    ulong end = at < t ? each : 0;
    dist += g * each * t + at;
    row += ((g * n + from) * nr + j) * 2 + side;
    float most = -INFINITY, all = 0;
    for (ulong i = ly; i < end; i += TILE) {
        float z = i == self ? masked : dist[i * t];
        z = sinkhorn ? relative(z, 0, c1, c2) : -z;
        z -= shifted ? row[i * nr * 2] : 0;
        most = z > most ? z : most;
    }
    shares[ly * TILE + lx] = most;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int o = 0; o < TILE; o++)
        most = fmax(most, shares[o * TILE + lx]);
    for (ulong i = ly; i < end; i += TILE) {
        float z = i == self ? masked : dist[i * t];
        z = relative(z, sinkhorn ? 0 : -most, c1, c2);
        z -= shifted ? row[i * nr * 2] : 0;
        all += exp(z - (sinkhorn ? most : 0));
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    shares[ly * TILE + lx] = all;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (ly > 0 || at >= t)
        return;
    all = 0;
    for (int o = 0; o < TILE; o++)
        all += shares[o * TILE + lx];
    ulong place = (g * nr + j) * t + at;
    if (begun) {
        float old = sinkhorn ? near[place] : -near[place];
        float both = fmax(old, most);
        float from_old = old - both, from_new = most - both;
        if (!sinkhorn) {
            from_old = relative(-old, -both, c1, c2);
            from_new = relative(-most, -both, c1, c2);
        }
        all = col[place] * exp(from_old) + all * exp(from_new);
        most = both;
    }
    near[place] = sinkhorn ? most : -most;
    float weight = w[g * t + at];
    if (!last)
        col[place] = all;
    else if (!sinkhorn)
        col[place] = log(all);
    else if (!(weight > 0) || most < unreachable(masked, c1, c2))
        col[place] = NONE;
    else /* to sums of n w/sum(w) */
        col[place] =
            most + (log(all) - log((float)n * (weight / total[2 * g + side])));
}

/* -- affinities ------------------------------------------------------------ */

/* a = max(exp(logit - row - column), least) w. Near and shift of row and
 * column are those of field_rows and field_columns, where they are used. */
static inline float affinity(const field_args *args, float d, float w,
                             float near, float row, float col_near, float col,
                             float c1, float c2)
{
    int xy = args->normalization == FIELD_XY;
    int sinkhorn = args->normalization == FIELD_SINKHORN;
    float e = relative(d, near, c1, c2) - row;
    if (xy)
        e = .5f * (e + (relative(d, col_near, c1, c2) - col));
    else if (sinkhorn)
        e -= col;
    if (xy && args->variant == FIELD_TOY) {
        /* The product of the sums is at least 1e-12. */
        float half_sum = .5f * (row + relative(near, 0, c1, c2) + col +
                                relative(col_near, 0, c1, c2));
        if (half_sum < -13.8155106f)
            e = relative(d, 0, c1, c2) + 13.8155106f;
    }
    float a = exp(e);
    a = a < NOTHING ? 0 : a;
    if (xy && args->variant == FIELD_RELEASE)
        a = a < 1e-3f ? 1e-3f : a;
    /* Sinkhorn's weights are in the column sums; where others are 0 a may be
     * infinite. */
    if (sinkhorn)
        return a;
    return w == 0 ? 0 : a * w;
}

/* The coefficients of F = sum c (y - x), from the affinities and their sums
 * over the sides, Sn and Sp; and the ESS, [nR][all]. Combined, c is the sum
 * over the temperatures that V needs. Groups are: TILE rows of the chunk, each
 * with TILE items; temperatures, or (combined) one for all. */
__kernel void field_affinities(OUT(c), OUT(ess), IN(dist), IN(w), IN(near),
                               IN(row), IN(col_near), IN(col), IN(state),
                               field_args args, CHUNK, ulong all, int combined)
{
    __local float shares[TILE * TILE];
    uint lx = (uint)get_local_id(0), nr = args.temperatures;
    ulong r = get_group_id(0) * TILE + get_local_id(1), j = get_group_id(1);
    ulong stop = r < rows ? t : 0;
    AT(c), AT(ess), AT(dist), AT(w), AT(near), AT(row), AT(col_near), AT(col);
    AT(state);
    int norm = args.normalization;
    int columns = norm == FIELD_XY || norm == FIELD_SINKHORN;
    int cross = norm != FIELD_SEPARATE && norm != FIELD_SINKHORN;
    ulong here = first + r - base, i, g = parts(here, n, &i);
    ulong self = args.queries_are_targets ? i : t;
    float masked = state[MASKED], per_s = state[PER_S];
    dist += r * t;
    w += g * t;
    c += (combined ? r : r * nr + j) * t;
    for (ulong end = combined ? nr : j + 1; j < end; j++) {
        float c1 = state[C1 + j], c2 = state[C2 + j];
        float least[2] = {0, 0}, shift[2] = {0, 0}, total[2] = {0, 0};
        float squares = 0;
        ulong above = (g * nr + j) * t;
        int shifted = norm != FIELD_NONE && r < rows;
        for (int side = 0; shifted && side < 2; side++) {
            least[side] = norm == FIELD_SINKHORN ? 0 : near[here * 2 + side];
            shift[side] = row[(here * nr + j) * 2 + side];
        }
        for (ulong at = lx; at < stop; at += TILE) {
            int side = at < neg ? 0 : 1;
            float d = at == self ? masked : dist[at];
            float a = affinity(&args, d, w[at], least[side], shift[side],
                               columns ? col_near[above + at] : 0,
                               columns ? col[above + at] : 0, c1, c2);
            total[0] += side ? 0 : a;
            total[1] += side ? a : 0;
            squares += side ? (LIFT * a) * (LIFT * a) : 0;
            if (!combined)
                c[at] = a;
        }
        for (int side = 0; side < 2; side++)
            total[side] = lane_sum(total[side], shares);
        float by = combined ? per_s * state[FACTOR + j] : per_s;
        float pull = args.attraction * (cross ? total[0] : 1) * by;
        float push = -args.repulsion * (cross ? total[1] : 1) * by;
        for (ulong at = lx; at < stop; at += TILE) {
            int side = at < neg ? 0 : 1;
            if (!combined) {
                c[at] *= side ? pull : push;
                continue;
            }
            float d = at == self ? masked : dist[at];
            float a = affinity(&args, d, w[at], least[side], shift[side],
                               columns ? col_near[above + at] : 0,
                               columns ? col[above + at] : 0, c1, c2);
            c[at] = (side ? pull : push) * a + (j > 0 ? c[at] : 0);
        }
        squares = lane_sum(squares, shares);
        float lifted = LIFT * total[1];
        if (lx == 0 && r < rows && !combined)
            ess[j * all + first + r] =
                squares > 0 ? lifted / squares * lifted : 0;
    }
}

/* -- forces ---------------------------------------------------------------- */

/* F of `count` temperatures (1 or 3) from j0 on, and the sums of their squares
 * over the rows of the tile, [nR][rows][tiles]. */
static inline void force_tile(int count, __local float *ys, __local float *cs,
                              __local float *sums, __global float *force,
                              __global float *v, __global float *squares,
                              __global const float *c, __global const float *x,
                              __global const float *gen,
                              __global const float *extra,
                              __global const float *pos, ulong k, ulong d,
                              CHUNK, ulong all, int j0, int nr, int where)
{
    uint lx = (uint)get_local_id(0), ly = (uint)get_local_id(1);
    uint me = ly * TILE + lx;
    ulong each = min(rows, n), here = get_group_id(2);
    ulong r0 = get_group_id(1) * WIDE, d0 = get_group_id(0) * WIDE;
    ulong g = base / n + here, row = g * n + first - base;
    ulong at = d0 + lx * 4, left = rest_of(d, at);
    float points[16] = {0};
    for (uint o = 0; o < 4; o++) {
        ulong r = r0 + ly * 4 + o;
        if (r < each)
            vstore4(load4(x + (row + r) * d + at, left), o, points);
    }
    float16 xs = vload16(0, points);
    float16 f0 = 0, f1 = 0, f2 = 0;
    /* Both sides pull much harder than they differ: in turns, so that the sums
     * stay small and round less. */
    ulong steps = (neg + STEP - 1) / STEP;
    ulong all_steps = steps + (t - neg + STEP - 1) / STEP;
    for (ulong turn = 0; turn < all_steps; turn++) {
        ulong before = turn * steps / all_steps; /* of side 0 */
        int side = (turn + 1) * steps / all_steps == before;
        ulong t0 = side ? neg + (turn - before) * STEP : before * STEP;
        uint step = (uint)min((ulong)STEP, (side ? t : neg) - t0);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint e = me; e < WIDE * STEP / 4; e += TILE * TILE) {
            uint o = e % TILE * 4, i = e / TILE;
            float4 y = 0;
            if (i < step)
                y = load4(target(gen, extra, pos, g, t0 + i, k, neg, t, d) +
                              d0 + o,
                          rest_of(d, d0 + o));
            vstore4(y, 0, ys + i * LINE + o);
        }
        for (uint e = me; e < WIDE * STEP / 4; e += TILE * TILE) {
            uint i = e % (STEP / 4) * 4, o = e / (STEP / 4);
            ulong at = (here * each + r0 + o) * nr + j0;
            for (int j = 0; j < count; j++) {
                float4 a = 0;
                if (r0 + o < each)
                    a = load4(c + (at + j) * t + t0 + i, rest_of(step, i));
                store_down(cs + (j * STEP + i) * LINE + o, a);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = 0; i < step; i++) {
            float4 y = vload4(lx, ys + i * LINE);
            float16 e = ACROSS(y) - xs;
            float4 a = vload4(ly, cs + i * LINE);
            f0 += DOWN(a) * e;
            if (count > 1) {
                a = vload4(ly, cs + (STEP + i) * LINE);
                f1 += DOWN(a) * e;
                a = vload4(ly, cs + (2 * STEP + i) * LINE);
                f2 += DOWN(a) * e;
            }
        }
    }
    for (int j = 0; j < count; j++) {
        float four[16];
        vstore16(j == 0 ? f0 : j == 1 ? f1 : f2, 0, four);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint o = 0; o < 4; o++)
            sums[(ly * 4 + o) * TILE + lx] =
                dot(vload4(o, four), vload4(o, four));
        barrier(CLK_LOCAL_MEM_FENCE);
        if (squares && me < WIDE && r0 + me < each) {
            float square = 0;
            for (int o = 0; o < TILE; o++)
                square += sums[me * TILE + o];
            ulong place = (j0 + j) * rows + here * each + r0 + me;
            squares[place * get_num_groups(0) + get_group_id(0)] = square;
        }
        __global float *to = v;
        if (where == KEPT && j0 + j + 1 < nr)
            to = force + (j0 + j) * all * d;
        for (uint o = 0; where && o < 4; o++) {
            ulong r = r0 + ly * 4 + o, place = (row + r) * d + at;
            float4 value = vload4(o, four);
            if (r >= each)
                continue;
            if (where == SUMMED && j0 + j > 0)
                value += load4(to + place, left);
            store4(to + place, left, value);
        }
    }
}

#define FORCE                                                                  \
    OUT(force), OUT(v), OUT(squares), IN(c), SETS, CHUNK, ulong all, int j0,   \
        int nr, int where

/* Groups are tiles: of coordinates, of rows of a group, and groups. */
__kernel void field_force_one(FORCE)
{
    __local float ys[STEP * LINE], cs[STEP * LINE], sums[WIDE * TILE];
    if (get_group_id(2) * min(rows, n) >= rows)
        return;
    AT(force), AT(v), AT(squares), AT(c), AT(x), AT(gen), AT(extra), AT(pos);
    force_tile(1, ys, cs, sums, force, v, squares, c, x, gen, extra, pos, k, d,
               n, t, neg, base, first, rows, all, j0, nr, where);
}

/* The differences serve three temperatures. */
__kernel void field_force_three(FORCE)
{
    __local float ys[STEP * LINE], cs[3 * STEP * LINE], sums[WIDE * TILE];
    if (get_group_id(2) * min(rows, n) >= rows)
        return;
    AT(force), AT(v), AT(squares), AT(c), AT(x), AT(gen), AT(extra), AT(pos);
    force_tile(3, ys, cs, sums, force, v, squares, c, x, gen, extra, pos, k, d,
               n, t, neg, base, first, rows, all, j0, nr, where);
}

/* Few coordinates: a group for each row, all temperatures. */
__kernel void field_force_thin(FORCE)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0);
    int me = (int)get_local_id(0);
    if (r >= rows)
        return;
    AT(force), AT(v), AT(squares), AT(c), AT(x), AT(gen), AT(extra), AT(pos);
    ulong g = (first + r) / n;
    x += (first + r) * d;
    for (int j = j0; j < nr; j++) {
        __global float *to = v;
        float square = 0;
        if (where == KEPT && j + 1 < nr)
            to = force + j * all * d;
        to += (first + r) * d;
        for (ulong e = 0; e < d; e++) {
            float sum = 0;
            for (ulong at = me; at < t; at += GROUP) {
                float y = target(gen, extra, pos, g, at, k, neg, t, d)[e];
                sum += c[(r * nr + j) * t + at] * (y - x[e]);
            }
            sum = group_sum(sum, sums);
            square += sum * sum;
            if (me == 0 && where)
                to[e] = where == SUMMED && j > 0 ? to[e] + sum : sum;
        }
        if (me == 0 && squares)
            squares[j * rows + r] = square;
    }
}

/* m_R from the sums of F^2, and what F is multiplied with. */
__kernel void field_drift(OUT(state), OUT(stats), IN(sums), int nr, float by,
                          int normalise)
{
    int j = (int)get_global_id(0);
    if (j >= nr)
        return;
    AT(state), AT(stats), AT(sums);
    float raw = by * sums[j];
    float keep = normalise ? 1 / sqrt(raw < 1e-8f ? 1e-8f : raw) : 1;
    state[FACTOR + j] = keep;
    stats[1 + j] = raw;
    stats[1 + nr + j] = raw * keep * keep;
}

/* v = sum of F/sqrt(m_R) where they were kept, and the sum of v^2 of each row.
 * A group for each row of the chunk. */
__kernel void field_last(OUT(v), OUT(squares), IN(force), IN(state), ulong d,
                         ulong first, ulong rows, ulong all, int nr, int kept)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0);
    if (r >= rows)
        return;
    AT(v), AT(squares), AT(force), AT(state);
    v += (first + r) * d;
    force += (first + r) * d;
    float sum = 0;
    for (ulong e = get_local_id(0); e < d; e += GROUP) {
        float value = v[e];
        if (kept) {
            value *= state[FACTOR + nr - 1];
            for (int j = 0; j + 1 < nr; j++)
                value += state[FACTOR + j] * force[j * all * d + e];
            v[e] = value;
        }
        sum += value * value;
    }
    sum = group_sum(sum, sums);
    if (get_local_id(0) == 0)
        squares[first + r] = sum;
}
