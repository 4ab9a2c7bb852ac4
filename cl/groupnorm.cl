/* groupnorm: y = f(u (1 + scale) + shift), u = (x - mean) rstd w + b: maps
 * [rows,c] of a sample each, whose groups are `per` neighbouring channels; mod
 * [n,2c] has shift, then scale. w, b, mod may be NULL.
 *
 * Three passes: moments of chunks of each channel (columns_moments); from them
 * mean and rstd of each group, and one affine map a channel; the maps applied.
 * The gradient has the same three with sums of dy instead. */

/* y = f((x - m) a + b) for four channels. */
typedef struct affine {
    float4 m, a, b;
} affine;

static affine affine_of(float4 mean, float4 rstd, ulong sample, ulong i,
                        ulong left, ulong c, __global const float *w,
                        __global const float *b, __global const float *mod)
{
    affine f = {mean, rstd, 0};
    if (b)
        f.b = load4(b + i, left);
    if (w)
        f.a *= load4(w + i, left);
    if (mod) {
        mod += 2 * sample * c + i;
        float4 scale = 1 + load4(mod + c, left);
        f.a *= scale;
        f.b = f.b * scale + load4(mod, left);
    }
    return f;
}

/* mean and rstd of row r, a group of a sample, from parts [n,chunks,3,c], and
 * lines [n,3,c] = m, a, b. The items of a row share its channels (ocl_rows). */
__kernel void groupnorm_statistics(OUT(lines), OUT(mean), OUT(rstd), IN(parts),
                                   IN(w), IN(b), IN(mod), ulong n, ulong groups,
                                   ulong per, ulong rows, ulong step,
                                   ulong chunks, float eps)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong lane = 4 * get_local_id(0), lanes = 4 * get_local_size(0);
    ulong c = groups * per, end = r < n * groups ? per : 0;
    ulong sample = r / groups, first = r % groups * per;
    float count = (float)rows * (float)per;
    float4 sum = 0;
    pair4 rest = {0, 0}, squares = {0, 0};
    AT(lines), AT(mean), AT(rstd), AT(parts), AT(w), AT(b), AT(mod);
    parts += sample * chunks * 3 * c + first;
    lines += sample * 3 * c + first;
    for (ulong chunk = 0; chunk < chunks; chunk++)
        for (ulong i = lane; i < end; i += lanes) {
            __global const float *p = parts + chunk * 3 * c + i;
            float many = (float)min(step, rows - chunk * step);
            sum += many * load4(p, per - i) + load4(p + c, per - i);
        }
    float m = row_sum(sum4(sum), sums) / count;
    /* Moved from each chunk's own m to this one; what the rounding of m costs
     * is known from the differences' sum. */
    for (ulong chunk = 0; chunk < chunks; chunk++)
        for (ulong i = lane; i < end; i += lanes) {
            __global const float *p = parts + chunk * 3 * c + i;
            float many = (float)min(step, rows - chunk * step);
            float4 d = load4(p, per - i) - keep4(m, per - i);
            float4 along = load4(p + c, per - i);
            pair4_add(&rest, along + many * d);
            pair4_add(&squares,
                      load4(p + 2 * c, per - i) + d * (2 * along + many * d));
        }
    float off = row_sum(sum4(pair4_value(rest)), sums) / count;
    float square = row_sum(sum4(pair4_value(squares)), sums) / count;
    float scale = 1 / sqrt(fmax(square - off * off, 0.0f) + eps);
    m += off;
    if (r < n * groups && lane == 0) {
        mean[r] = m;
        rstd[r] = scale;
    }
    for (ulong i = lane; i < end; i += lanes) {
        affine f =
            affine_of(m, scale, sample, first + i, per - i, c, w, b, mod);
        store4(lines + i, per - i, f.m);
        store4(lines + c + i, per - i, f.a);
        store4(lines + 2 * c + i, per - i, f.b);
    }
}

/* f and its slope, for four numbers. */
#define FOUR(f, u) ((float4)(f((u).x), f((u).y), f((u).z), f((u).w)))

static inline float4 activate(float4 u, int kind)
{
    switch (kind) {
    case ACT_SILU:
        return FOUR(act_silu, u);
    case ACT_GELU_ERF:
        return FOUR(act_gelu_erf, u);
    case ACT_GELU_TANH:
        return FOUR(act_gelu_tanh, u);
    case ACT_RELU:
        return FOUR(act_relu, u);
    case ACT_TANH:
        return FOUR(act_tanh, u);
    default:
        return u;
    }
}

static inline float4 slope(float4 u, int kind)
{
    switch (kind) {
    case ACT_SILU:
        return FOUR(act_silu_slope, u);
    case ACT_GELU_ERF:
        return FOUR(act_gelu_erf_slope, u);
    case ACT_GELU_TANH:
        return FOUR(act_gelu_tanh_slope, u);
    case ACT_RELU:
        return FOUR(act_relu_slope, u);
    case ACT_TANH:
        return FOUR(act_tanh_slope, u);
    default:
        return 1;
    }
}

__kernel void groupnorm_fwd(OUT(y), IN(x), IN(lines), ulong rows, ulong c,
                            ulong step, ulong chunks, int kind)
{
    columns s = columns_of(rows, c, step, chunks);
    AT(y), AT(x), AT(lines);
    lines += s.map * 3 * c + s.i;
    float4 m = load4(lines, s.left), a = load4(lines + c, s.left);
    float4 b = load4(lines + 2 * c, s.left);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        float4 u = (load4(x + at, s.left) - m) * a + b;
        store4(y + at, s.left, activate(u, kind));
    }
}

/* parts[n,chunk,.,c] = the sums over a chunk of du and du (x - mean), where du
 * is the gradient on the inner side of the activation. */
__kernel void groupnorm_bwd_sums(OUT(parts), IN(dy), IN(x), IN(w), IN(b),
                                 IN(mod), IN(mean), IN(rstd), ulong rows,
                                 ulong c, ulong step, ulong chunks,
                                 ulong groups, int kind)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, step, chunks);
    ulong per = c / groups;
    float m[4] = {0, 0, 0, 0}, scale[4] = {0, 0, 0, 0};
    float4 sum = 0, dot = 0;
    AT(parts), AT(dy), AT(x), AT(w), AT(b), AT(mod), AT(mean), AT(rstd);
    for (ulong k = 0; k < 4 && k < s.left; k++) {
        ulong group = s.map * groups + (s.i + k) / per;
        m[k] = mean[group];
        scale[k] = rstd[group];
    }
    affine f = affine_of(vload4(0, m), vload4(0, scale), s.map, s.i, s.left, c,
                         w, b, mod);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        float4 d = load4(x + at, s.left) - f.m;
        float4 du = load4(dy + at, s.left) * slope(d * f.a + f.b, kind);
        sum += du;
        dot += du * d;
    }
    sum = column_sum(sum, sums);
    dot = column_sum(dot, sums);
    if (get_local_id(1) == 0) {
        parts += (s.map * chunks + s.chunk) * 2 * c + s.i;
        store4(parts, s.left, sum);
        store4(parts + c, s.left, dot);
    }
}

/* From those, with n = (x - mean) rstd, v = w (1 + scale), a channel's S = sum
 * du, D = sum du n, and A = sum v S, B = sum v D over the channels of a group
 * of K numbers: dx = rstd (v du - A/K - n B/K) = a du + p (x - m) + q, and
 * lines [n,5,c] = m, a, b, p, q; dshift = S, dscale = D w + S b; and each
 * sample's share of dw and db is D (1 + scale) and S (1 + scale). The items of
 * row r, a group of a sample, share its channels (ocl_rows). */
__kernel void groupnorm_bwd_groups(OUT(lines), OUT(dw_rows), OUT(db_rows),
                                   GRADIENT(dmod), IN(parts), IN(w), IN(b),
                                   IN(mod), IN(mean), IN(rstd), ulong n,
                                   ulong groups, ulong per, ulong rows,
                                   ulong chunks)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong lane = 4 * get_local_id(0), lanes = 4 * get_local_size(0);
    ulong c = groups * per, sample = r / groups, first = r % groups * per;
    ulong end = r < n * groups ? per : 0;
    float count = (float)rows * (float)per;
    float4 all = 0, along = 0;
    AT(lines), AT(dw_rows), AT(db_rows), AT(dmod), AT(parts);
    AT(w), AT(b), AT(mod), AT(mean), AT(rstd);
    float m = r < n * groups ? mean[r] : 0;
    float scale = r < n * groups ? rstd[r] : 0;
    parts += sample * chunks * 2 * c + first;
    for (ulong k = lane; k < end; k += lanes) {
        ulong i = first + k, left = per - k, at = 2 * sample * c + i;
        float4 weight = w ? load4(w + i, left) : 1;
        float4 bias = b ? load4(b + i, left) : 0;
        float4 factor = mod ? 1 + load4(mod + at + c, left) : 1;
        pair4 sum = {0, 0}, dot = {0, 0};
        for (ulong chunk = 0; chunk < chunks; chunk++) {
            __global const float *p = parts + chunk * 2 * c + k;
            pair4_add(&sum, load4(p, left));
            pair4_add(&dot, load4(p + c, left));
        }
        float4 s = pair4_value(sum), d = (pair4_value(dot)) * scale;
        all += weight * factor * s;
        along += weight * factor * d;
        if (dw_rows)
            store4(dw_rows + sample * c + i, left, d * factor);
        if (db_rows)
            store4(db_rows + sample * c + i, left, s * factor);
        if (dmod) {
            GIVE4(dmod, at, s, left);
            GIVE4(dmod, at + c, d * weight + s * bias, left);
        }
    }
    float a_mean = row_sum(sum4(all), sums) / count;
    float b_mean = row_sum(sum4(along), sums) / count;
    lines += sample * 5 * c + first;
    for (ulong i = lane; i < end; i += lanes) {
        ulong left = per - i;
        affine f = affine_of(m, scale, sample, first + i, left, c, w, b, mod);
        store4(lines + i, left, f.m);
        store4(lines + c + i, left, f.a);
        store4(lines + 2 * c + i, left, f.b);
        store4(lines + 3 * c + i, left, -scale * scale * b_mean);
        store4(lines + 4 * c + i, left, -scale * a_mean);
    }
}

__kernel void groupnorm_bwd_x(GRADIENT(dx), IN(dy), IN(x), IN(lines),
                              ulong rows, ulong c, ulong step, ulong chunks,
                              int kind)
{
    columns s = columns_of(rows, c, step, chunks);
    AT(dx), AT(dy), AT(x), AT(lines);
    lines += s.map * 5 * c + s.i;
    float4 m = load4(lines, s.left), a = load4(lines + c, s.left);
    float4 b = load4(lines + 2 * c, s.left);
    float4 p = load4(lines + 3 * c, s.left);
    float4 q = load4(lines + 4 * c, s.left);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        float4 d = load4(x + at, s.left) - m;
        float4 du = load4(dy + at, s.left) * slope(d * a + b, kind);
        GIVE4(dx, at, du * a + d * p + q, s.left);
    }
}
