/* swap: y[a,c,b,d] = x[a,b,c,d]; items in the order of y. */

__kernel void swap_rows(GRADIENT(y), IN(x), ulong na, ulong nb, ulong nc,
                        ulong nd)
{
    ulong b = get_global_id(1), ac = get_global_id(2);
    if (b >= nb || ac >= na * nc)
        return;
    ulong a = (uint)ac / (uint)nc, c = ac - a * nc;
    AT(y), AT(x);
    y += (ac * nb + b) * nd;
    x += ((a * nb + b) * nc + c) * nd;
    EACH(d, nd, GIVE(y, d, x[d]))
}

/* d = 1, a transposition: neighbouring items read neighbours in x and write
 * neighbours in y, by way of a tile in local memory. Its rows have one number
 * more than they need, so that a column lies in different banks. */
__kernel void swap_tiles(GRADIENT(y), IN(x), ulong na, ulong nb, ulong nc)
{
    __local float tile[TILE][TILE + 1];
    uint i = (uint)get_local_id(0), j = (uint)get_local_id(1);
    ulong c = get_global_id(0), b = get_global_id(1), a = get_global_id(2);
    AT(y), AT(x);
    if (b < nb && c < nc && a < na)
        tile[j][i] = x[(a * nb + b) * nc + c];
    barrier(CLK_LOCAL_MEM_FENCE);
    b = b - j + i;
    c = c - i + j;
    ulong at = (a * nc + c) * nb + b;
    if (b < nb && c < nc && a < na)
        GIVE(y, at, tile[i][j]);
}
