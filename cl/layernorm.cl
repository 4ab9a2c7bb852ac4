/* layernorm: y = (x - mean) rstd w + b over the last c numbers. A row has the
 * items of one row of the group (ocl_rows); those beyond the last row work on
 * nothing. w, b may be NULL. */

__kernel void layernorm_fwd(OUT(y), OUT(mean), OUT(rstd), IN(x), IN(w), IN(b),
                            ulong rows, ulong c, float eps, float eps_std)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong first = 4 * get_local_id(0), step = 4 * get_local_size(0);
    ulong end = r < rows ? c : 0;
    float4 sum = 0, rest = 0, squares = 0;
    AT(y), AT(mean), AT(rstd), AT(x), AT(w), AT(b);
    x += r * c;
    y += r * c;
    for (ulong i = first; i < end; i += step)
        sum += load4(x + i, c - i);
    float m = row_sum(sum4(sum), sums) / (float)c;
    /* The differences' own sum corrects the rounded mean. Missing columns of
     * the last four are not at 0 - m but at 0. */
    for (ulong i = first; i < end; i += step) {
        float4 d = load4(x + i, c - i) - keep4(m, c - i);
        rest += d;
        squares += d * d;
    }
    float off = row_sum(sum4(rest), sums) / (float)c;
    float square = row_sum(sum4(squares), sums) / (float)c - off * off;
    float scale = 1 / (sqrt(fmax(square, 0.0f) + eps) + eps_std);
    m += off;
    if (r < rows && first == 0) {
        mean[r] = m;
        rstd[r] = scale;
    }
    for (ulong i = first; i < end; i += step) {
        float4 v = (load4(x + i, c - i) - m) * scale;
        if (w)
            v *= load4(w + i, c - i);
        if (b)
            v += load4(b + i, c - i);
        store4(y + i, c - i, v);
    }
}

/* n = (x - mean) rstd, s = sqrt(variance + eps): dx += rstd (w dy - mean(w dy)
 * - n mean(w dy n) (s + eps_std) / s), where s / (s + eps_std) is 1 - eps_std
 * rstd; at s = 0 the last term is 0. */
__kernel void layernorm_bwd_x(GRADIENT(dx), IN(dy), IN(x), IN(w), IN(mean),
                              IN(rstd), ulong rows, ulong c, float eps_std)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong first = 4 * get_local_id(0), step = 4 * get_local_size(0);
    ulong end = r < rows ? c : 0;
    float4 gs = 0, dots = 0;
    AT(dx), AT(dy), AT(x), AT(w), AT(mean), AT(rstd);
    dx += r * c;
    dy += r * c;
    x += r * c;
    float m = r < rows ? mean[r] : 0, scale = r < rows ? rstd[r] : 0;
    for (ulong i = first; i < end; i += step) {
        float4 g = load4(dy + i, c - i);
        if (w)
            g *= load4(w + i, c - i);
        gs += g;
        dots += g * (load4(x + i, c - i) - m);
    }
    float shift = scale * (row_sum(sum4(gs), sums) / (float)c);
    float dot = row_sum(sum4(dots), sums) / (float)c;
    float part = 1 - eps_std * scale;
    float slope = part > 0 ? scale * scale * scale * dot / part : 0;
    for (ulong i = first; i < end; i += step) {
        float4 g = load4(dy + i, c - i);
        if (w)
            g *= load4(w + i, c - i);
        float4 d = load4(x + i, c - i) - m;
        GIVE4(dx, i, g * scale - shift - d * slope, c - i);
    }
}

/* parts[.,chunk,c] = the sums of dy n and of dy over a chunk of rows */
__kernel void layernorm_bwd_w(OUT(parts), IN(dy), IN(x), IN(mean), IN(rstd),
                              ulong rows, ulong c, ulong step, ulong chunks)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, step, chunks);
    float4 dw = 0, db = 0;
    AT(parts), AT(dy), AT(x), AT(mean), AT(rstd);
    FOR_ROWS (s, r) {
        ulong at = r * c + s.i;
        float4 g = load4(dy + at, s.left);
        db += g;
        dw += g * ((load4(x + at, s.left) - mean[r]) * rstd[r]);
    }
    dw = column_sum(dw, sums);
    db = column_sum(db, sums);
    if (get_local_id(1) == 0) {
        store4(parts + s.chunk * c + s.i, s.left, dw);
        store4(parts + (chunks + s.chunk) * c + s.i, s.left, db);
    }
}
