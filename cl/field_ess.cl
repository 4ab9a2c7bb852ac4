/* field: the 10th percentile of the ESS over all rows, by digits of 4 bits, the
 * highest first (numbers >= 0 are ordered as their bits are): how many of those
 * that begin with the digits found so far have which digit next. Number 2 j + o
 * is the one of rank + o of temperature j; found has its bits, and its rank
 * among those that begin with them. */

/* counts [2 nR][slices][16]. A group for each number and slice, of at most
 * 65535 numbers an item. */
__kernel void field_count(OUT_INDEX(counts), IN(ess), IN_INDEX(found), ulong n,
                          ulong slices, int nr, int shift)
{
    __local ushort mine[16 * GROUP];
    int me = (int)get_local_id(0);
    ulong number = get_group_id(0) / slices;
    ulong slice = get_group_id(0) - number * slices;
    if (number >= 2 * (ulong)nr)
        return;
    AT(counts), AT(ess), AT(found);
    uint known = shift < 28 ? 0xffffffffu << (shift + 4) : 0;
    uint bits = known ? (uint)found[2 * number] : 0;
    ulong size = (n + slices - 1) / slices, end = min((slice + 1) * size, n);
    for (int digit = 0; digit < 16; digit++)
        mine[me * 16 + digit] = 0;
    ess += number / 2 * n;
    for (ulong i = slice * size + me; i < end; i += GROUP) {
        uint value = as_uint(ess[i]);
        if (((value ^ bits) & known) == 0)
            mine[me * 16 + ((value >> shift) & 15)]++;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (me >= 16)
        return;
    int count = 0;
    for (int i = 0; i < GROUP; i++)
        count += mine[i * 16 + me];
    counts[get_group_id(0) * 16 + me] = count;
}

/* The digit. A group for each number. */
__kernel void field_pick(OUT_INDEX(found), IN_INDEX(counts), ulong n,
                         ulong slices, ulong rank, int nr, int shift)
{
    __local int total[16];
    int me = (int)get_local_id(0);
    ulong number = get_group_id(0);
    if (number >= 2 * (ulong)nr)
        return;
    AT(found), AT(counts);
    if (me < 16) {
        int count = 0;
        for (ulong i = 0; i < slices; i++)
            count += counts[(number * slices + i) * 16 + me];
        total[me] = count;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (me > 0)
        return;
    int begun = shift < 28, digit = 0;
    uint bits = begun ? (uint)found[2 * number] : 0;
    int left =
        begun ? found[2 * number + 1] : (int)min(rank + number % 2, n - 1);
    while (digit < 15 && left >= total[digit])
        left -= total[digit++];
    found[2 * number] = (int)(bits | (uint)digit << shift);
    found[2 * number + 1] = left;
}

/* Linear between the two. */
__kernel void field_percentile(OUT(stats), IN_INDEX(found), int nr, float part)
{
    int j = (int)get_global_id(0);
    if (j >= nr)
        return;
    AT(stats), AT(found);
    float a = as_float(found[4 * j]), b = as_float(found[4 * j + 2]);
    stats[1 + 3 * nr + j] = a + part * (b - a);
}
