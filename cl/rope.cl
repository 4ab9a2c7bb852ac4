/* rope: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the halves of each
 * head's 2 `pairs` numbers, by sequence index; x [rows,heads,2 pairs], rows =
 * b t. An item has a pair; the gradient turns back (way = -1). */

__kernel void rope(GRADIENT(y), IN(x), IN(cosine), IN(sine), ulong rows,
                   ulong length, ulong heads, ulong pairs, float way)
{
    ulong k = get_global_id(0), h = get_global_id(1), row = get_global_id(2);
    if (k >= pairs || h >= heads || row >= rows)
        return;
    ulong t = (uint)row % (uint)length;
    AT(y), AT(x), AT(cosine), AT(sine);
    float co = cosine[t * pairs + k], si = way * sine[t * pairs + k];
    ulong one = (row * heads + h) * 2 * pairs + k, two = one + pairs;
    float x1 = x[one], x2 = x[two];
    GIVE(y, one, x1 * co - x2 * si);
    GIVE(y, two, x2 * co + x1 * si);
}
