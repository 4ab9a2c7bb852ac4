/* fill: y = value. */
__kernel void fill(OUT(y), ulong n, float value)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(y);
    y[i] = value;
}
