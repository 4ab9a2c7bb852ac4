/* swiglu: y = silu(a) b. */

__kernel void swiglu_fwd(OUT(y), IN(a), IN(b), ulong n)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(y), AT(a), AT(b);
    y[i] = act_silu(a[i]) * b[i];
}

/* Both gradients in one pass: they share the exponential. da or db may be
 * NULL. */
__kernel void swiglu_bwd(GRADIENT(da), GRADIENT(db), IN(dy), IN(a), IN(b),
                         ulong n)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(dy), AT(a), AT(b);
    float rest;
    float s = act_sigmoids(a[i], &rest);
    if (da) {
        AT(da);
        GIVE(da, i, dy[i] * b[i] * (s * (1.0f + a[i] * rest)));
    }
    if (db) {
        AT(db);
        GIVE(db, i, dy[i] * (a[i] * s));
    }
}
