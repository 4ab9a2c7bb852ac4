/* swap: y[a,c,b,d] = x[a,b,c,d]; y is written in its order. */

__kernel void swap_rows(GRADIENT(y), IN(x), ulong n, ulong nb, ulong nc,
                        ulong nd)
{
    ulong i = get_global_id(0);
    digits at = digits_of_item();
    ulong d = next_digit(&at, nd), b = next_digit(&at, nb);
    ulong c = next_digit(&at, nc), a = last_digit(&at);
    if (i >= n)
        return;
    AT(y), AT(x);
    GIVE(y, i, x[((a * nb + b) * nc + c) * nd + d]);
}

/* d = 1, a transposition: neighbouring items read neighbours in x and write
 * neighbours in y, by way of a tile in local memory. Its rows have one number
 * more than they need, so that a column lies in different banks. */
__kernel void swap_tiles(GRADIENT(y), IN(x), ulong nb, ulong nc)
{
    __local float tile[TILE][TILE + 1];
    ulong across = (nc + TILE - 1) / TILE, down = (nb + TILE - 1) / TILE;
    ulong group = get_group_id(0);
    ulong c0 = group % across * TILE, b0 = group / across % down * TILE;
    ulong image = group / across / down * nb * nc;
    uint i = (uint)get_local_id(0), j = (uint)get_local_id(1);
    AT(y), AT(x);
    if (b0 + j < nb && c0 + i < nc)
        tile[j][i] = x[image + (b0 + j) * nc + c0 + i];
    barrier(CLK_LOCAL_MEM_FENCE);
    ulong to = image + (c0 + j) * nb + b0 + i;
    if (b0 + i < nb && c0 + j < nc)
        GIVE(y, to, tile[i][j]);
}
