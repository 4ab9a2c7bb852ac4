/* expand: y[b,t,c] = x[b,c] for every t. */

__kernel void expand_fwd(OUT(y), IN(x), ulong samples, ulong positions,
                         ulong c)
{
    ulong k = get_global_id(0), t = get_global_id(1), b = get_global_id(2);
    if (k >= c || t >= positions || b >= samples)
        return;
    AT(y), AT(x);
    y[(b * positions + t) * c + k] = x[b * c + k];
}

/* dx[b,c] += sum of dy over t. */
__kernel void expand_bwd(GRADIENT(dx), IN(dy), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    ulong b = column_sample(c), k = column_first(c);
    pair4 sum = {0, 0};
    AT(dx), AT(dy);
    dy += b * positions * c;
    for (ulong t = get_local_id(1); k < c && t < positions;
         t += get_local_size(1))
        pair4_add(&sum, load4(dy + t * c + k, c - k));
    float4 total = column_sums(sum, sums);
    if (get_local_id(1) == 0 && k < c)
        GIVE4(dx, b * c + k, total, c - k);
}
