/* rmsnorm: y = x rstd w, rstd = 1 / sqrt(mean x^2 + eps), over the last c
 * numbers. A row has the items of one row of the group (ocl_rows); those
 * beyond the last row work on nothing. */

__kernel void rmsnorm_fwd(OUT(y), OUT(rstd), IN(x), IN(w), ulong rows, ulong c,
                          float eps)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong first = 4 * get_local_id(0), step = 4 * get_local_size(0);
    ulong end = r < rows ? c : 0;
    float4 squares = 0;
    AT(y), AT(rstd), AT(x), AT(w);
    x += r * c;
    y += r * c;
    for (ulong i = first; i < end; i += step) {
        float4 v = load4(x + i, c - i);
        squares += v * v;
    }
    float square = row_sum(sum4(squares), sums);
    float scale = 1 / sqrt(square / (float)c + eps);
    if (r < rows && first == 0)
        rstd[r] = scale;
    for (ulong i = first; i < end; i += step)
        store4(y + i, c - i, load4(x + i, c - i) * scale * load4(w + i, c - i));
}

/* dx += rstd w dy - x rstd^3 mean(w dy x) */
__kernel void rmsnorm_bwd_x(GRADIENT(dx), IN(dy), IN(x), IN(w), IN(rstd),
                            ulong rows, ulong c)
{
    __local float sums[GROUP];
    ulong r = get_group_id(0) * get_local_size(1) + get_local_id(1);
    ulong first = 4 * get_local_id(0), step = 4 * get_local_size(0);
    ulong end = r < rows ? c : 0;
    float4 dots = 0;
    AT(dx), AT(dy), AT(x), AT(w), AT(rstd);
    dx += r * c;
    dy += r * c;
    x += r * c;
    for (ulong i = first; i < end; i += step)
        dots +=
            load4(dy + i, c - i) * load4(w + i, c - i) * load4(x + i, c - i);
    float dot = row_sum(sum4(dots), sums);
    float scale = r < rows ? rstd[r] : 0;
    float slope = scale * scale * scale * (dot / (float)c);
    for (ulong i = first; i < end; i += step) {
        float4 g = load4(dy + i, c - i) * load4(w + i, c - i);
        GIVE4(dx, i, g * scale - load4(x + i, c - i) * slope, c - i);
    }
}

/* parts[chunk,c] = the sum of dy x rstd over a chunk of rows */
__kernel void rmsnorm_bwd_w(OUT(parts), IN(dy), IN(x), IN(rstd), ulong rows,
                            ulong c, ulong step, ulong chunks)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, step, chunks);
    float4 sum = 0;
    AT(parts), AT(dy), AT(x), AT(rstd);
    FOR_ROWS (s, r) {
        ulong at = r * c + s.i;
        sum += load4(dy + at, s.left) * (load4(x + at, s.left) * rstd[r]);
    }
    sum = column_sum(sum, sums);
    if (get_local_id(1) == 0)
        store4(parts + s.chunk * c + s.i, s.left, sum);
}
