/* unpatchify: the reverse of patchify, and its gradient; items and arguments
 * are those of cl/patchify.cl. */

__kernel void unpatchify(GRADIENT(image), IN(tokens), ulong rows, ulong across,
                         ulong p, ulong c, int order)
{
    ulong x = get_global_id(0), patch = get_global_id(1), z = get_global_id(2);
    if (x >= p * c || patch >= across || z >= rows)
        return;
    ulong row = (uint)z / (uint)p, i = z - row * p;
    ulong j = (uint)x / (uint)c, k = x - j * c;
    ulong inside =
        order == PATCH_PIXEL_MAJOR ? i * p * c + x : (k * p + i) * p + j;
    ulong at = (z * across + patch) * p * c + x;
    AT(image), AT(tokens);
    GIVE(image, at, tokens[(row * across + patch) * p * p * c + inside]);
}
