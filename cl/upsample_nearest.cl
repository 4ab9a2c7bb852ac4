/* upsample_nearest: every location of x [n,h,w,c], rows = n h, repeated by the
 * factors `down` and `across`. */

__kernel void upsample_nearest_fwd(OUT(y), IN(x), ulong rows, ulong w, ulong c,
                                   ulong down, ulong across)
{
    ulong column = get_global_id(1), row = get_global_id(2);
    if (column >= w * across || row >= rows * down)
        return;
    ulong from_row = (uint)row / (uint)down;
    ulong from_column = (uint)column / (uint)across;
    AT(y), AT(x);
    y += (row * w * across + column) * c;
    x += (from_row * w + from_column) * c;
    EACH(k, c, y[k] = x[k])
}

/* dx += the sum of dy over its copies. */
__kernel void upsample_nearest_bwd(GRADIENT(dx), IN(dy), ulong rows, ulong w,
                                   ulong c, ulong down, ulong across)
{
    ulong k = get_global_id(0), column = get_global_id(1);
    ulong row = get_global_id(2);
    if (k >= c || column >= w || row >= rows)
        return;
    float sum = 0;
    AT(dx), AT(dy);
    for (ulong p = 0; p < down; p++)
        for (ulong q = 0; q < across; q++)
            sum += dy[(((row * down + p) * w + column) * across + q) * c + k];
    ulong i = (row * w + column) * c + k;
    GIVE(dx, i, sum);
}
