/* modulate: y[b,t,c] = x[b,t,c] (1 + scale[b,c]) + shift[b,c]. */

__kernel void modulate_fwd(OUT(y), IN(x), IN(shift), IN(scale), ulong n,
                           ulong positions, ulong c)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c);
    next_digit(&d, positions);
    ulong b = last_digit(&d);
    if (i >= n)
        return;
    AT(y), AT(x), AT(shift), AT(scale);
    y[i] = x[i] * (1.0f + scale[b * c + k]) + shift[b * c + k];
}

/* In one pass over dy: dx += dy (1 + scale), dshift += sum_t dy,
 * dscale += sum_t dy x; each of them may be NULL. */
__kernel void modulate_bwd(GRADIENT(dx), GRADIENT(dshift), GRADIENT(dscale),
                           IN(dy), IN(x), IN(scale), ulong positions, ulong c)
{
    __local float2 sums[GROUP];
    ulong b = column_sample(c), k = column_number(c);
    float2 sum = 0, dot = 0;
    AT(dx), AT(dshift), AT(dscale), AT(dy), AT(x), AT(scale);
    float factor = k < c ? 1.0f + scale[b * c + k] : 0;
    for (ulong first = 0; first < positions; first += get_local_size(1)) {
        ulong t = first + get_local_id(1);
        if (t < positions && k < c) {
            ulong i = (b * positions + t) * c + k;
            float dyi = dy[i];
            if (dx)
                GIVE(dx, i, dyi * factor);
            if (dshift)
                sum = pair_add(sum, dyi);
            if (dscale)
                dot = pair_add(dot, dyi * x[i]);
        }
    }
    float sum_total = column_sum(sum, sums);
    float dot_total = column_sum(dot, sums);
    if (get_local_id(1) == 0 && k < c) {
        if (dshift)
            GIVE(dshift, b * c + k, sum_total);
        if (dscale)
            GIVE(dscale, b * c + k, dot_total);
    }
}
