/* adamw: p, m, v updated in place; the formula is in cl/shared/adamw.h. */

__kernel void adamw(OUT(p), OUT(m), OUT(v), IN(g), IN(scale), ulong n,
                    adamw_args args)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(p), AT(m), AT(v), AT(g), AT(scale);
    float by = scale ? scale[0] : 1;
    if (!isfinite(by))
        return;
    float mi = m[i], vi = v[i];
    p[i] = adamw_step(p[i], &mi, &vi, by * g[i], args);
    m[i] = mi;
    v[i] = vi;
}
