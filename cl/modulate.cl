/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */

__kernel void modulate_fwd(OUT(y), IN(x), IN(shift), IN(scale), ulong samples,
                           ulong positions, ulong c)
{
    ulong t = get_global_id(1), b = get_global_id(2);
    if (t >= positions || b >= samples)
        return;
    AT(y), AT(x), AT(shift), AT(scale);
    ulong first = (b * positions + t) * c;
    y += first;
    x += first;
    shift += b * c;
    scale += b * c;
    EACH(k, c, y[k] = x[k] * (1.0f + scale[k]) + shift[k])
}

/* In one pass over dy: dx += dy (1 + scale), dshift += sum_t dy,
 * dscale += sum_t dy x; each of them may be NULL. */
__kernel void modulate_bwd(GRADIENT(dx), GRADIENT(dshift), GRADIENT(dscale),
                           IN(dy), IN(x), IN(scale), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    columns s = columns_of(positions, c, positions, 1);
    ulong k = s.map * c + s.i;
    pair4 sum = {0, 0}, dot = {0, 0};
    float4 factor = 0;
    AT(dx), AT(dshift), AT(dscale), AT(dy), AT(x), AT(scale);
    if (s.left)
        factor = 1.0f + load4(scale + k, s.left);
    FOR_ROWS (s, t) {
        ulong i = (s.map * positions + t) * c + s.i;
        float4 value = load4(dy + i, s.left);
        if (dx)
            GIVE4(dx, i, value * factor, s.left);
        if (dshift)
            pair4_add(&sum, value);
        if (dscale)
            pair4_add(&dot, value * load4(x + i, s.left));
    }
    float4 sum_total = column_pair_sum(sum, sums);
    float4 dot_total = column_pair_sum(dot, sums);
    if (get_local_id(1) == 0 && s.left) {
        if (dshift)
            GIVE4(dshift, k, sum_total, s.left);
        if (dscale)
            GIVE4(dscale, k, dot_total, s.left);
    }
}
