/* ema: e = decay e + rate p, rate = 1 - decay. */

__kernel void ema(OUT(e), IN(p), ulong n, float decay, float rate)
{
    AT(e), AT(p);
    EACH(i, n, e[i] = decay * e[i] + rate * p[i])
}
