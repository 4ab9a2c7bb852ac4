/* concat: a part put into the whole along an axis; also split's gradient.
 * The arguments are those of cl/split.cl. */

__kernel void concat(GRADIENT(whole), IN(part), ulong rows, ulong length,
                     ulong gap, ulong start)
{
    ulong row = get_global_id(1);
    if (row >= rows)
        return;
    AT(whole), AT(part);
    whole += row * gap + start;
    part += row * length;
    EACH(i, length, GIVE(whole, i, part[i]))
}
