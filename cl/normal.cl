/* normal: element i = mean + std * normal number first+i of a stream; a
 * work-item for each block of four. */

__kernel void normal_fill(OUT(y), ulong n, STREAM(s), float mean, float std)
{
    uint4 words = STREAM_WORDS(s);
    float z0, z1, z2, z3;
    random_normals(words.x, words.y, &z0, &z1);
    random_normals(words.z, words.w, &z2, &z3);
    float4 v = mean + std * (float4)(z0, z1, z2, z3);
    ulong at = STREAM_AT(s);
    AT(y);
    STREAM_GIVE(y, n, at, v);
}
