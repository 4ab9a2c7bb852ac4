/* grn: y = w (x N) + b + x, N = G / (mean_c G + GRN_EPS), G the norm of a
 * channel over the positions of a sample: maps [rows,c] of a sample each.
 *
 * Three passes: moments of chunks of each channel (columns_moments); from them
 * the norms and one factor a channel, 1 + w N; the maps applied. The gradient
 * has the same three with sums of dy and dy x instead. */

/* norm and factor [n,c] from parts [n,chunks,3,c]. Row r is a sample, whose
 * channels the items of a row of the group share (ocl_rows). */
__kernel void grn_norms(OUT(factor), OUT(norm), IN(parts), IN(w), ulong n,
                        ulong rows, ulong c, ulong step, ulong chunks,
                        float eps)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong lane = 4 * get_local_id(0), lanes = 4 * get_local_size(0);
    ulong end = r < n ? c : 0;
    float4 total = 0;
    AT(factor), AT(norm), AT(parts), AT(w);
    parts += r * chunks * 3 * c;
    factor += r * c;
    norm += r * c;
    for (ulong i = lane; i < end; i += lanes) {
        pair4 squares = {0, 0};
        for (ulong chunk = 0; chunk < chunks; chunk++) {
            __global const float *p = parts + chunk * 3 * c + i;
            float many = (float)min(step, rows - chunk * step);
            float4 m = load4(p, c - i), along = load4(p + c, c - i);
            pair4_add(&squares,
                      load4(p + 2 * c, c - i) + m * (2 * along + many * m));
        }
        float4 g = sqrt(fmax(pair4_value(squares), 0.0f) + eps);
        store4(norm + i, c - i, g);
        total += keep4(g, c - i);
    }
    float mean = row_sum(sum4(total), sums) / (float)c + GRN_EPS;
    for (ulong i = lane; i < end; i += lanes)
        store4(factor + i, c - i,
               1 + load4(w + i, c - i) * (load4(norm + i, c - i) / mean));
}

__kernel void grn_fwd(OUT(y), IN(x), IN(factor), IN(b), ulong rows, ulong c,
                      ulong step, ulong chunks)
{
    columns s = columns_of(rows, c, step, chunks);
    AT(y), AT(x), AT(factor), AT(b);
    float4 a = load4(factor + s.map * c + s.i, s.left);
    float4 shift = load4(b + s.i, s.left);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        store4(y + at, s.left, load4(x + at, s.left) * a + shift);
    }
}

/* parts[n,chunk,.,c] = the sums over a chunk of dy and dy x */
__kernel void grn_bwd_sums(OUT(parts), IN(dy), IN(x), ulong rows, ulong c,
                           ulong step, ulong chunks)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, step, chunks);
    float4 sum = 0, dot = 0;
    AT(parts), AT(dy), AT(x);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        float4 g = load4(dy + at, s.left);
        sum += g;
        dot += g * load4(x + at, s.left);
    }
    sum = column_sum(sum, sums);
    dot = column_sum(dot, sums);
    if (get_local_id(1) == 0) {
        parts += (s.map * chunks + s.chunk) * 2 * c + s.i;
        store4(parts, s.left, sum);
        store4(parts + c, s.left, dot);
    }
}

/* From those, a channel's D = sum dy x, M = mean G + GRN_EPS and the gradient
 * of G, (w D - mean_c(w D N)) / M: lines [n,2,c] = 1 + w N and that / G, and
 * each sample's share of dw and db is D N and the sum of dy. */
__kernel void grn_bwd_norms(OUT(lines), OUT(dw_rows), OUT(db_rows), IN(parts),
                            IN(w), IN(norm), ulong n, ulong c, ulong chunks)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong lane = 4 * get_local_id(0), lanes = 4 * get_local_size(0);
    ulong end = r < n ? c : 0;
    float4 total = 0, back = 0;
    AT(lines), AT(dw_rows), AT(db_rows), AT(parts), AT(w), AT(norm);
    parts += r * chunks * 2 * c;
    lines += r * 2 * c;
    norm += r * c;
    for (ulong i = lane; i < end; i += lanes)
        total += load4(norm + i, c - i);
    float mean = row_sum(sum4(total), sums) / (float)c + GRN_EPS;
    for (ulong i = lane; i < end; i += lanes) {
        ulong left = c - i;
        pair4 sum = {0, 0}, dot = {0, 0};
        for (ulong chunk = 0; chunk < chunks; chunk++) {
            __global const float *p = parts + chunk * 2 * c + i;
            pair4_add(&sum, load4(p, left));
            pair4_add(&dot, load4(p + c, left));
        }
        float4 share = load4(norm + i, left) / mean;
        float4 d = pair4_value(dot), weight = load4(w + i, left);
        store4(dw_rows + r * c + i, left, d * share);
        store4(db_rows + r * c + i, left, pair4_value(sum));
        store4(lines + i, left, 1 + weight * share);
        store4(lines + c + i, left, weight * d);
        back += weight * d * share;
    }
    float less = row_sum(sum4(back), sums) / (float)c;
    for (ulong i = lane; i < end; i += lanes) {
        float4 g = load4(norm + i, c - i);
        float4 slope = (load4(lines + c + i, c - i) - less) / mean / g;
        store4(lines + c + i, c - i,
               select((float4)(0.0f), slope, isgreater(g, (float4)(0.0f))));
    }
}

__kernel void grn_bwd_x(GRADIENT(dx), IN(dy), IN(x), IN(lines), ulong rows,
                        ulong c, ulong step, ulong chunks)
{
    columns s = columns_of(rows, c, step, chunks);
    AT(dx), AT(dy), AT(x), AT(lines);
    lines += s.map * 2 * c + s.i;
    float4 a = load4(lines, s.left), p = load4(lines + c, s.left);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        ulong at = (s.map * rows + r) * c + s.i;
        float4 value = load4(dy + at, s.left) * a + load4(x + at, s.left) * p;
        GIVE4(dx, at, value, s.left);
    }
}
