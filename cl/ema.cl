/* ema: e = decay e + rate p, rate = 1 - decay. */

__kernel void ema(OUT(e), IN(p), ulong n, float decay, float rate)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(e), AT(p);
    e[i] = decay * e[i] + rate * p[i];
}
