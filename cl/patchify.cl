/* patchify: tokens [b,down,across,p*p*c] of image [b,down*p,across*p,c]; the
 * numbers of a token in the order PATCH_*. Also unpatchify's gradient. Items
 * lie as the image does: number x of a patch's row, the patch, the image's
 * row z of all `rows`. */

__kernel void patchify(GRADIENT(tokens), IN(image), ulong rows, ulong across,
                       ulong p, ulong c, int order)
{
    ulong x = get_global_id(0), patch = get_global_id(1), z = get_global_id(2);
    if (x >= p * c || patch >= across || z >= rows)
        return;
    ulong row = (uint)z / (uint)p, i = z - row * p;
    ulong j = (uint)x / (uint)c, k = x - j * c;
    ulong inside =
        order == PATCH_PIXEL_MAJOR ? i * p * c + x : (k * p + i) * p + j;
    ulong at = (row * across + patch) * p * p * c + inside;
    AT(tokens), AT(image);
    GIVE(tokens, at, image[(z * across + patch) * p * c + x]);
}
