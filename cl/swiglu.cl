/* swiglu: y = silu(a) b. */

__kernel void swiglu_fwd(OUT(y), IN(a), IN(b), ulong n)
{
    AT(y), AT(a), AT(b);
    EACH(i, n, y[i] = act_silu(a[i]) * b[i])
}

static SHARED_INLINE void both_slopes(__global float *da, int da_add,
                               __global float *db, int db_add, float dy,
                               float a, float b, ulong i)
{
    float rest;
    float s = act_sigmoids(a, &rest);
    if (da)
        GIVE(da, i, dy * b * (s * (1.0f + a * rest)));
    if (db)
        GIVE(db, i, dy * (a * s));
}

/* Both gradients in one pass: they share the exponential. da or db may be
 * NULL. */
__kernel void swiglu_bwd(GRADIENT(da), GRADIENT(db), IN(dy), IN(a), IN(b),
                         ulong n)
{
    AT(da), AT(db), AT(dy), AT(a), AT(b);
    EACH(i, n, both_slopes(da, da_add, db, db_add, dy[i], a[i], b[i], i))
}
