/* unpatchify: image [b,down*p,across*p,c] of tokens, the reverse of patchify
 * and its gradient. Written in the order of the image. */

__kernel void unpatchify(GRADIENT(image), IN(tokens), ulong n, ulong across,
                         ulong p, ulong c, int order)
{
    ulong at = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c), j = next_digit(&d, p);
    ulong column = next_digit(&d, across), i = next_digit(&d, p);
    ulong row = last_digit(&d);
    if (at >= n)
        return;
    AT(image), AT(tokens);
    ulong inside = order == PATCH_PIXEL_MAJOR ? (i * p + j) * c + k
                                              : (k * p + i) * p + j;
    GIVE(image, at, tokens[(row * across + column) * p * p * c + inside]);
}
