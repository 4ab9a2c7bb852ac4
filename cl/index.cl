/* index: element i uniform in 0 ... range-1, from number first+i of a
 * stream; a work-item for each block of four. */

__kernel void index_fill(OUT_INDEX(y), ulong n, STREAM(s), uint range)
{
    int4 v = as_int4(mul_hi(STREAM_WORDS(s), (uint4)(range)));
    ulong at = STREAM_AT(s);
    AT(y);
    STREAM_GIVE(y, n, at, v);
}
