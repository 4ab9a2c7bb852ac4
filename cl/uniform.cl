/* uniform: element i uniform in [low,low+width), from number first+i of a
 * stream; a work-item for each block of four. Rounding may go beyond `most`,
 * the largest number of the range. */

__kernel void uniform_fill(OUT(y), ulong n, STREAM(s), float low, float width,
                           float most)
{
    uint4 block = random_words(s_key, s_step, STREAM_BLOCK(s));
    uint words[4] = {block.x, block.y, block.z, block.w};
    ulong first = STREAM_ELEMENT(s);
    AT(y);
    for (int j = 0; j < 4; j++) {
        float v = low + width * random_unit(words[j]);
        if (first + j < n)
            y[first + j] = v < most ? v : most;
    }
}
