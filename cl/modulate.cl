/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */

__kernel void modulate_fwd(OUT(y), IN(x), IN(shift), IN(scale), ulong samples,
                           ulong positions, ulong c)
{
    ulong k = get_global_id(0), t = get_global_id(1), b = get_global_id(2);
    if (k >= c || t >= positions || b >= samples)
        return;
    AT(y), AT(x), AT(shift), AT(scale);
    ulong i = (b * positions + t) * c + k;
    y[i] = x[i] * (1.0f + scale[b * c + k]) + shift[b * c + k];
}

/* In one pass over dy: dx += dy (1 + scale), dshift += sum_t dy,
 * dscale += sum_t dy x; each of them may be NULL. */
__kernel void modulate_bwd(GRADIENT(dx), GRADIENT(dshift), GRADIENT(dscale),
                           IN(dy), IN(x), IN(scale), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    ulong b = column_sample(c), k = column_first(c), count = c - k;
    pair4 sum = {0, 0}, dot = {0, 0};
    float4 factor = 0;
    AT(dx), AT(dshift), AT(dscale), AT(dy), AT(x), AT(scale);
    if (k < c)
        factor = 1.0f + load4(scale + b * c + k, count);
    for (ulong t = get_local_id(1); k < c && t < positions;
         t += get_local_size(1)) {
        ulong i = (b * positions + t) * c + k;
        float4 value = load4(dy + i, count);
        if (dx)
            GIVE4(dx, i, value * factor, count);
        if (dshift)
            pair4_add(&sum, value);
        if (dscale)
            pair4_add(&dot, value * load4(x + i, count));
    }
    float4 sum_total = column_sums(sum, sums);
    float4 dot_total = column_sums(dot, sums);
    if (get_local_id(1) == 0 && k < c) {
        if (dshift)
            GIVE4(dshift, b * c + k, sum_total, count);
        if (dscale)
            GIVE4(dscale, b * c + k, dot_total, count);
    }
}
