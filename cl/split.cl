/* split: a part of the whole along an axis; also concat's gradient. Rows of
 * `length` numbers lie `gap` apart in the whole, from `start` on, and without
 * a gap in the part. */

__kernel void split(GRADIENT(part), IN(whole), ulong rows, ulong length,
                    ulong gap, ulong start)
{
    ulong row = get_global_id(1);
    if (row >= rows)
        return;
    AT(part), AT(whole);
    part += row * length;
    whole += row * gap + start;
    EACH(i, length, GIVE(part, i, whole[i]))
}
