/* ema: e = decay e + rate p, rate = 1 - decay. */

__kernel void ema(OUT(e), IN(p), IN(scale), ulong n, float decay, float rate)
{
    AT(e), AT(p), AT(scale);
    if (scale && !isfinite(scale[0]))
        return;
    EACH(i, n, e[i] = decay * e[i] + rate * p[i])
}
