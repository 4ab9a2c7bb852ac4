/* mul: y = a b, b's m elements repeated `times` times. */

__kernel void mul_fwd(OUT(y), IN(a), IN(b), ulong m, ulong times)
{
    ulong first = get_global_id(1) * m;
    if (get_global_id(1) >= times)
        return;
    AT(y), AT(a), AT(b);
    y += first;
    a += first;
    EACH(i, m, y[i] = a[i] * b[i])
}

/* da += dy b */
__kernel void mul_bwd_a(GRADIENT(da), IN(dy), IN(b), ulong m, ulong times)
{
    ulong first = get_global_id(1) * m;
    if (get_global_id(1) >= times)
        return;
    AT(da), AT(dy), AT(b);
    da += first;
    dy += first;
    EACH(i, m, GIVE(da, i, dy[i] * b[i]))
}

/* parts[chunk,m] = the sum of dy a over a chunk of the repetitions */
__kernel void mul_bwd_b(OUT(parts), IN(dy), IN(a), ulong m, ulong times,
                        ulong step, ulong chunks)
{
    __local float4 sums[GROUP];
    columns s = columns_of(times, m, step, chunks);
    float4 sum = 0;
    AT(parts), AT(dy), AT(a);
    FOR_ROWS (s, r) {
        ulong at = r * m + s.i;
        sum += load4(dy + at, s.left) * load4(a + at, s.left);
    }
    sum = column_sum(sum, sums);
    if (get_local_id(1) == 0)
        store4(parts + s.chunk * m + s.i, s.left, sum);
}
