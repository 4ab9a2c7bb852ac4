/* sinusoid: cosines, then sines, of x at the frequencies f. */

__kernel void sinusoid(OUT(y), IN(x), IN(f), ulong b, ulong h)
{
    ulong k = get_global_id(0), i = get_global_id(1);
    if (k >= h || i >= b)
        return;
    AT(y), AT(x), AT(f);
    float angle = x[i] * f[k];
    y[i * 2 * h + k] = cos(angle);
    y[i * 2 * h + h + k] = sin(angle);
}
