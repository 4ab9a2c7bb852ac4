/* add: y = alpha a + beta b, b's m elements repeated `times` times. */

__kernel void add_fwd(OUT(y), IN(a), IN(b), ulong m, ulong times, float alpha,
                      float beta)
{
    ulong first = get_global_id(1) * m;
    if (get_global_id(1) >= times)
        return;
    AT(y), AT(a), AT(b);
    y += first;
    a += first;
    EACH(i, m, y[i] = b ? alpha * a[i] + beta * b[i] : alpha * a[i])
}

/* da += alpha dy */
__kernel void add_bwd_a(GRADIENT(da), IN(dy), ulong n, float alpha)
{
    AT(da), AT(dy);
    EACH(i, n, GIVE(da, i, alpha * dy[i]))
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
