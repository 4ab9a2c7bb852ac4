/* concat: a part put into the whole along an axis; also split's gradient.
 * The arguments are those of cl/split.cl. */

__kernel void concat(GRADIENT(whole), IN(part), ulong rows, ulong length,
                     ulong gap, ulong start)
{
    ulong at = get_global_id(0), row = get_global_id(1);
    if (at >= length || row >= rows)
        return;
    AT(whole), AT(part);
    ulong i = row * gap + start + at;
    GIVE(whole, i, part[row * length + at]);
}
