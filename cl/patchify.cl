/* patchify: tokens [b,down,across,p*p*c] of image [b,down*p,across*p,c]; the
 * numbers of a token in the order PATCH_*. Also unpatchify's gradient. Items
 * lie as the image does: number x of a patch's row, the patch, the image's
 * row z of all `rows`. */

/* Where number x of row i of a patch is in its token. */
static inline ulong channel_major(ulong x, ulong i, ulong p, ulong c)
{
    ulong j = (uint)x / (uint)c, k = x - j * c;
    return (k * p + i) * p + j;
}

__kernel void patchify(GRADIENT(tokens), IN(image), ulong rows, ulong across,
                       ulong p, ulong c, int order)
{
    ulong patch = get_global_id(1), z = get_global_id(2);
    if (patch >= across || z >= rows)
        return;
    ulong row = (uint)z / (uint)p, i = z - row * p;
    AT(tokens), AT(image);
    tokens += (row * across + patch) * p * p * c;
    image += (z * across + patch) * p * c;
    if (order == PATCH_PIXEL_MAJOR) {
        tokens += i * p * c;
        EACH(x, p * c, GIVE(tokens, x, image[x]))
    } else {
        EACH(x, p * c, GIVE(tokens, channel_major(x, i, p, c), image[x]))
    }
}
