/* expand: y[b,t,c] = x[b,c] for every t. */

__kernel void expand_fwd(OUT(y), IN(x), ulong samples, ulong positions, ulong c)
{
    ulong t = get_global_id(1), b = get_global_id(2);
    if (t >= positions || b >= samples)
        return;
    AT(y), AT(x);
    y += (b * positions + t) * c;
    x += b * c;
    EACH(k, c, y[k] = x[k])
}

/* dx[b,c] += sum of dy over t. */
__kernel void expand_bwd(GRADIENT(dx), IN(dy), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    columns s = columns_of(positions, c, positions, 1);
    pair4 sum = {0, 0};
    AT(dx), AT(dy);
    dy += s.map * positions * c + s.i;
    FOR_ROWS (s, t)
        pair4_add(&sum, load4(dy + t * c, s.left));
    float4 total = column_pair_sum(sum, sums);
    if (get_local_id(1) == 0 && s.left)
        GIVE4(dx, s.map * c + s.i, total, s.left);
}
