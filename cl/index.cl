/* index: element i uniform in 0 ... range-1, from number first+i of a
 * stream; a work-item for each block of four. */

__kernel void index_fill(OUT_INDEX(y), ulong n, STREAM(s), uint range)
{
    uint4 block = random_words(s_key, s_step, STREAM_BLOCK(s));
    uint words[4] = {block.x, block.y, block.z, block.w};
    ulong first = STREAM_ELEMENT(s);
    AT(y);
    for (int j = 0; j < 4; j++)
        if (first + j < n)
            y[first + j] = (int)mul_hi(words[j], range);
}
