/* add: y = alpha a + beta b, b repeated every m elements. */

__kernel void add_fwd(OUT(y), IN(a), IN(b), ulong n, ulong m, float alpha,
                      float beta)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(y), AT(a), AT(b);
    y[i] = b ? alpha * a[i] + beta * b[i % m] : alpha * a[i];
}

/* da += alpha dy */
__kernel void add_bwd_a(GRADIENT(da), IN(dy), ulong n, float alpha)
{
    ulong i = get_global_id(0);
    if (i >= n)
        return;
    AT(da), AT(dy);
    GIVE(da, i, alpha * dy[i]);
}

/* db += beta sum of dy over its n/m repetitions */
__kernel void add_bwd_b(GRADIENT(db), IN(dy), ulong n, ulong m, float beta)
{
    ulong i = get_global_id(0);
    if (i >= m)
        return;
    AT(db), AT(dy);
    float sum = 0;
    for (ulong at = i; at < n; at += m)
        sum += dy[at];
    GIVE(db, i, beta * sum);
}
