/* linear: the bias, and sums over rows for gradients; products are gemm's. */

/* y[rows,n] += b */
__kernel void add_bias(OUT(y), IN(b), ulong rows, ulong n)
{
    if (get_global_id(1) >= rows)
        return;
    AT(y), AT(b);
    y += get_global_id(1) * n;
    EACH(j, n, y[j] += b[j])
}

/* sum[i] (+)= x[i] + x[i + stride] + ... up to x[n]: with rows of n numbers
 * and a stride of p n, the p sums of every p-th row. */
__kernel void sum_strided(GRADIENT(sum), IN(x), ulong n, ulong stride)
{
    ulong i = get_global_id(0);
    if (i >= stride)
        return;
    AT(sum), AT(x);
    float total = 0;
    for (ulong at = i; at < n; at += stride)
        total += x[at];
    GIVE(sum, i, total);
}
