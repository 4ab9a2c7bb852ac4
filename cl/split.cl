/* split: a part of the whole along an axis; also concat's gradient. Rows of
 * `length` numbers lie `gap` apart in the whole, from `start` on, and without
 * a gap in the part. */

__kernel void split(GRADIENT(part), IN(whole), ulong rows, ulong length,
                    ulong gap, ulong start)
{
    ulong at = get_global_id(0), row = get_global_id(1);
    if (at >= length || row >= rows)
        return;
    AT(part), AT(whole);
    ulong i = row * length + at;
    GIVE(part, i, whole[row * gap + start + at]);
}
