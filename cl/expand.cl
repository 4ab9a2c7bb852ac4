/* expand: y[b,t,c] = x[b,c] for every t. */

__kernel void expand_fwd(OUT(y), IN(x), ulong n, ulong positions, ulong c)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c);
    next_digit(&d, positions);
    ulong b = last_digit(&d);
    if (i >= n)
        return;
    AT(y), AT(x);
    y[i] = x[b * c + k];
}

/* dx[b,c] += sum of dy over t. */
__kernel void expand_bwd(GRADIENT(dx), IN(dy), ulong positions, ulong c)
{
    __local float2 sums[GROUP];
    ulong b = column_sample(c), k = column_number(c);
    float2 sum = 0;
    AT(dx), AT(dy);
    dy += b * positions * c;
    for (ulong first = 0; first < positions; first += get_local_size(1)) {
        ulong t = first + get_local_id(1);
        if (t < positions && k < c)
            sum = pair_add(sum, dy[t * c + k]);
    }
    float total = column_sum(sum, sums);
    if (get_local_id(1) == 0 && k < c)
        GIVE(dx, b * c + k, total);
}
