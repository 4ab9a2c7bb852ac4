/* split: a part of the whole along an axis; also concat's gradient. Rows of
 * `length` numbers lie `gap` apart in the whole, from `start` on, and without
 * a gap in the part, which has n numbers. */

__kernel void split(GRADIENT(part), IN(whole), ulong n, ulong length,
                    ulong gap, ulong start)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong at = next_digit(&d, length), row = last_digit(&d);
    if (i >= n)
        return;
    AT(part), AT(whole);
    GIVE(part, i, whole[row * gap + start + at]);
}
