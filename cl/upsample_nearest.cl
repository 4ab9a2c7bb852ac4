/* upsample_nearest: every location of x [n,h,w,c] repeated by the factors
 * `down` and `across`. */

__kernel void upsample_nearest_fwd(OUT(y), IN(x), ulong n, ulong w, ulong c,
                                   ulong down, ulong across)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c);
    next_digit(&d, across);
    ulong column = next_digit(&d, w);
    next_digit(&d, down);
    ulong row = last_digit(&d);
    if (i >= n)
        return;
    AT(y), AT(x);
    y[i] = x[(row * w + column) * c + k];
}

/* dx += the sum of dy over its copies. */
__kernel void upsample_nearest_bwd(GRADIENT(dx), IN(dy), ulong n, ulong w,
                                   ulong c, ulong down, ulong across)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c), column = next_digit(&d, w);
    ulong row = last_digit(&d);
    if (i >= n)
        return;
    AT(dx), AT(dy);
    float sum = 0;
    for (ulong p = 0; p < down; p++)
        for (ulong q = 0; q < across; q++)
            sum += dy[(((row * down + p) * w + column) * across + q) * c + k];
    GIVE(dx, i, sum);
}
