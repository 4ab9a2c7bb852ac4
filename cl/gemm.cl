/* gemm: products are CLBlast's; here is what is left of one without terms. */

/* c[m,n] = beta c, its rows `row` numbers apart. */
__kernel void gemm_scale(OUT(c), ulong n, ulong m, ulong row, float beta)
{
    ulong j = get_global_id(0), i = get_global_id(1);
    if (j >= n || i >= m)
        return;
    AT(c);
    ulong at = i * row + j;
    c[at] = beta == 0 ? 0 : beta * c[at];
}
