/* Sums along the columns of maps [rows,c] that several ops need
 * (src/ocl/map.h). */

/* out[c] += the sum over the rows; one group a slice of columns. */
__kernel void columns_add(GRADIENT(out), IN(parts), ulong rows, ulong c)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, rows, 1);
    pair4 p = {0, 0};
    AT(out), AT(parts);
    for (ulong r = s.row; r < s.end; r += get_local_size(1))
        pair4_add(&p, load4(parts + r * c + s.i, s.left));
    float4 sum = column_sum(pair4_value(p), sums);
    if (get_local_id(1) == 0)
        GIVE4(out, s.i, sum, s.left);
}

/* parts[map,chunk,.,c] = m, sum of x - m, sum of (x - m)^2. m is the mean of a
 * quarter of the chunk's rows: it is at most 2 standard deviations off, so no
 * digits are lost, and the second number corrects it: in pairs, as it grows with
 * the rows where that quarter is unlike the others. */
__kernel void columns_moments(OUT(parts), IN(x), ulong rows, ulong c,
                              ulong step, ulong chunks)
{
    __local float4 sums[GROUP];
    columns s = columns_of(rows, c, step, chunks);
    ulong lanes = get_local_size(1), count = s.end - s.chunk * step;
    ulong some = count / (4 * lanes) * lanes + min(count % (4 * lanes), lanes);
    float4 sum = 0, squares = 0;
    pair4 off = {0, 0};
    AT(parts), AT(x);
    x += s.map * rows * c + s.i;
    for (ulong r = s.row; r < s.end; r += 4 * lanes)
        sum += load4(x + r * c, s.left);
    float4 m = column_sum(sum, sums) / (float)some;
    for (ulong r = s.row; r < s.end; r += lanes) {
        float4 d = load4(x + r * c, s.left) - m;
        pair4_add(&off, d);
        squares += d * d;
    }
    float4 rest = column_sum(pair4_value(off), sums);
    squares = column_sum(squares, sums);
    if (get_local_id(1) == 0) {
        parts += (s.map * chunks + s.chunk) * 3 * c + s.i;
        store4(parts, s.left, m);
        store4(parts + c, s.left, rest);
        store4(parts + 2 * c, s.left, squares);
    }
}
