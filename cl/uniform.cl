/* uniform: element i uniform in [low,low+width), from number first+i of a
 * stream; a work-item for each block of four. Rounding may go beyond `most`,
 * the largest number of the range. */

__kernel void uniform_fill(OUT(y), ulong n, STREAM(s), float low, float width,
                           float most)
{
    uint4 words = STREAM_WORDS(s);
    float4 v = (float4)(random_unit(words.x), random_unit(words.y),
                        random_unit(words.z), random_unit(words.w));
    ulong at = STREAM_AT(s);
    AT(y);
    v = fmin(low + width * v, most);
    STREAM_GIVE(y, n, at, v);
}
