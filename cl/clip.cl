/* clip: the factor that bounds the norm of a gradient; one item. */

__kernel void clip(OUT(scale), IN(squares), ulong n, float max)
{
    pair4 sum = {0, 0};
    AT(scale), AT(squares);
    for (ulong i = 0; i < n; i++)
        pair4_add(&sum, (float4)(squares[i], 0, 0, 0));
    float norm = sqrt(pair4_value(sum).x), by = 1;
    if (max > 0 && norm >= max)
        by = max / norm;
    if (!isfinite(norm))
        by = NAN;
    scale[0] = by;
}
