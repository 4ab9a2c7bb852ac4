/* unpatchify: the reverse of patchify, and its gradient; items and arguments
 * are those of cl/patchify.cl. */

/* Where number x of row i of a patch is in its token. */
static inline ulong channel_major(ulong x, ulong i, ulong p, ulong c)
{
    ulong j = (uint)x / (uint)c, k = x - j * c;
    return (k * p + i) * p + j;
}

__kernel void unpatchify(GRADIENT(image), IN(tokens), ulong rows, ulong across,
                         ulong p, ulong c, int order)
{
    ulong patch = get_global_id(1), z = get_global_id(2);
    if (patch >= across || z >= rows)
        return;
    ulong row = (uint)z / (uint)p, i = z - row * p;
    AT(image), AT(tokens);
    tokens += (row * across + patch) * p * p * c;
    image += (z * across + patch) * p * c;
    if (order == PATCH_PIXEL_MAJOR) {
        tokens += i * p * c;
        EACH(x, p * c, GIVE(image, x, tokens[x]))
    } else {
        EACH(x, p * c, GIVE(image, x, tokens[channel_major(x, i, p, c)]))
    }
}
