/* fill: y = value. */
__kernel void fill(OUT(y), ulong n, float value)
{
    AT(y);
    EACH(i, n, y[i] = value)
}
