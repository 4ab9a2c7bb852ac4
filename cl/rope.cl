/* rope: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), the halves of each
 * head's 2 `pairs` numbers, by sequence index; x [rows,heads,2 pairs], rows =
 * b t. An item has a pair; the gradient turns back (way = -1). */

static inline void turn(__global float *y, int y_add, float x1, float x2,
                        float co, float si, ulong one, ulong two)
{
    GIVE(y, one, x1 * co - x2 * si);
    GIVE(y, two, x2 * co + x1 * si);
}

__kernel void rope(GRADIENT(y), IN(x), IN(cosine), IN(sine), ulong rows,
                   ulong length, ulong heads, ulong pairs, float way)
{
    ulong h = get_global_id(1), row = get_global_id(2);
    if (h >= heads || row >= rows)
        return;
    ulong t = (uint)row % (uint)length, first = (row * heads + h) * 2 * pairs;
    AT(y), AT(x), AT(cosine), AT(sine);
    y += first;
    x += first;
    cosine += t * pairs;
    sine += t * pairs;
    EACH(k, pairs,
         turn(y, y_add, x[k], x[pairs + k], cosine[k], way * sine[k], k,
              pairs + k))
}
