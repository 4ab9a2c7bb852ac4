/* embedding: y[b,c] = sum_j table[index[b,j],c]. Indices out of range are an
 * error that src/ocl/embedding.c finds. */

__kernel void embedding_fwd(OUT(y), IN(table), IN_INDEX(index), ulong samples,
                            ulong each, ulong c)
{
    ulong k = get_global_id(0), b = get_global_id(1);
    if (k >= c || b >= samples)
        return;
    float sum = 0;
    AT(y), AT(table), AT(index);
    for (ulong j = 0; j < each; j++)
        sum += table[(ulong)index[b * each + j] * c + k];
    y[b * c + k] = sum;
}

/* The places i of `index` in the order of the rows they name, for each row in
 * their own order: order[begin[r] ... begin[r+1]) names row r. An item has a
 * row. Indices out of range are in no row. */
__kernel void embedding_sort(OUT_INDEX(order), OUT_INDEX(begin),
                             IN_INDEX(index), ulong n, ulong rows)
{
    ulong row = get_global_id(0);
    AT(order), AT(begin), AT(index);
    if (row >= rows)
        return;
    int me = (int)row, before = 0, mine = 0;
    for (ulong i = 0; i < n; i++) {
        before += index[i] >= 0 && index[i] < me;
        mine += index[i] == me;
    }
    begin[row] = before;
    if (row == rows - 1)
        begin[rows] = before + mine;
    for (ulong i = 0; mine > 0 && i < n; i++)
        if (index[i] == me) {
            order[before++] = (int)i;
            mine--;
        }
}

/* dtable[r,k] += sum of dy[i/each,k] over the places i that name r; an item
 * has four neighbours. */
__kernel void embedding_bwd(GRADIENT(dtable), IN(dy), IN_INDEX(order),
                            IN_INDEX(begin), ulong rows, ulong each, ulong c)
{
    ulong k = 4 * get_global_id(0), row = get_global_id(1), count = c - k;
    if (k >= c || row >= rows)
        return;
    AT(dtable), AT(dy), AT(order), AT(begin);
    pair4 sum = {0, 0};
    int end = begin[row + 1];
    for (int at = begin[row]; at < end; at++) {
        ulong b = (uint)order[at] / (uint)each;
        pair4_add(&sum, load4(dy + b * c + k, count));
    }
    GIVE4(dtable, row * c + k, pair4_value(sum), count);
}
