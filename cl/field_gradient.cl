/* field_gradient: y = factor v / s; s by the scale, stats[0], where features
 * are scaled. */

__kernel void field_gradient(OUT(y), IN(v), IN(stats), ulong n, int nr,
                             float root, int scaled, float factor)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(y), AT(v), AT(stats);
    float s = stats[0] / root;
    s = !scaled ? 1 : s < 1e-3f ? 1e-3f : s;
    for (int j = 0; j <= nr; j++) /* the scale, the raw drifts */
        if (!isfinite(stats[j]))
            s = NAN;
    y[i] = v[i] * (factor / s);
}
