/* rope: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the halves of each
 * head's 2 `pairs` numbers, by sequence index; x [b,t,h,2 pairs]. An item has
 * one of the n pairs; the gradient turns back (turn = -1). */

__kernel void rope(GRADIENT(y), IN(x), IN(cosine), IN(sine), ulong n,
                   ulong length, ulong heads, ulong pairs, float turn)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, pairs), h = next_digit(&d, heads);
    ulong t = next_digit(&d, length), b = last_digit(&d);
    if (i >= n)
        return;
    AT(y), AT(x), AT(cosine), AT(sine);
    float co = cosine[t * pairs + k], si = turn * sine[t * pairs + k];
    ulong one = ((b * length + t) * heads + h) * 2 * pairs + k;
    ulong two = one + pairs;
    float x1 = x[one], x2 = x[two];
    GIVE(y, one, x1 * co - x2 * si);
    GIVE(y, two, x2 * co + x1 * si);
}
