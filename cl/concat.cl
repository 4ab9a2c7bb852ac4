/* concat: a part put into the whole along an axis; also split's gradient.
 * The arguments are those of cl/split.cl. */

__kernel void concat(GRADIENT(whole), IN(part), ulong n, ulong length,
                     ulong gap, ulong start)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong at = next_digit(&d, length), row = last_digit(&d);
    if (i >= n)
        return;
    AT(whole), AT(part);
    ulong to = row * gap + start + at;
    GIVE(whole, to, part[i]);
}
