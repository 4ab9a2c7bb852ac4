/* embedding: y[b,c] = sum_j table[j stride + index[b,j],c]. Indices that are
 * not in 0 ... limit-1 add nothing, and the first one seen is written into
 * `fault`. */

__kernel void embedding_fwd(OUT(y), IN(table), IN_INDEX(index),
                            __global int *fault, ulong samples, ulong each,
                            ulong c, ulong stride, ulong limit)
{
    ulong k = get_global_id(0), b = get_global_id(1);
    if (k >= c || b >= samples)
        return;
    float sum = 0;
    AT(y), AT(table), AT(index);
    for (ulong j = 0; j < each; j++) {
        int at = index[b * each + j];
        if (at >= 0 && (ulong)at < limit) {
            sum += table[(j * stride + (ulong)at) * c + k];
        } else if (k == 0 && atomic_cmpxchg(fault, 0, FAULT_INDEX) == 0) {
            fault[1] = at;
            fault[2] = (int)(b * each + j);
            fault[3] = (int)limit;
        }
    }
    y[b * c + k] = sum;
}

/* The places i of `index` in the order of the rows they name, for each row in
 * their own order: order[begin[r] ... begin[r+1]) names row r. An item has a
 * row. Indices out of range are in no row. */
static inline int row_named(__global const int *index, ulong i, ulong each,
                            ulong stride, ulong limit)
{
    int at = index[i];
    return at >= 0 && (ulong)at < limit ? (int)(i % each * stride) + at : -1;
}

__kernel void embedding_sort(OUT_INDEX(order), OUT_INDEX(begin),
                             IN_INDEX(index), ulong n, ulong rows, ulong each,
                             ulong stride, ulong limit)
{
    ulong row = get_global_id(0);
    AT(order), AT(begin), AT(index);
    if (row >= rows)
        return;
    int me = (int)row, before = 0, mine = 0;
    for (ulong i = 0; i < n; i++) {
        int named = row_named(index, i, each, stride, limit);
        before += named >= 0 && named < me;
        mine += named == me;
    }
    begin[row] = before;
    if (row == rows - 1)
        begin[rows] = before + mine;
    for (ulong i = 0; mine > 0 && i < n; i++)
        if (row_named(index, i, each, stride, limit) == me) {
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
