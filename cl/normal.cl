/* normal: element i = mean + std * normal number first+i of a stream; a
 * work-item for each block of four. */

__kernel void normal_fill(OUT(y), ulong n, STREAM(s), float mean, float std)
{
    uint4 block = random_words(s_key, s_step, STREAM_BLOCK(s));
    float z[4];
    random_normals(block.x, block.y, &z[0], &z[1]);
    random_normals(block.z, block.w, &z[2], &z[3]);
    ulong first = STREAM_ELEMENT(s);
    AT(y);
    for (int j = 0; j < 4; j++)
        if (first + j < n)
            y[first + j] = mean + std * z[j];
}
