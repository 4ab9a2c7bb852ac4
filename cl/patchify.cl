/* patchify: tokens [b,down,across,p*p*c] of image [b,down*p,across*p,c]; the
 * numbers of a token in the order PATCH_*. Also unpatchify's gradient. Written
 * in the order of the tokens. */

__kernel void patchify(GRADIENT(tokens), IN(image), ulong n, ulong across,
                       ulong p, ulong c, int order)
{
    ulong at = get_global_id(0), i, j, k;
    digits d = digits_of_item();
    if (order == PATCH_PIXEL_MAJOR) {
        k = next_digit(&d, c);
        j = next_digit(&d, p);
        i = next_digit(&d, p);
    } else {
        j = next_digit(&d, p);
        i = next_digit(&d, p);
        k = next_digit(&d, c);
    }
    ulong column = next_digit(&d, across), row = last_digit(&d);
    if (at >= n)
        return;
    AT(tokens), AT(image);
    GIVE(tokens, at,
         image[((row * p + i) * across * p + column * p + j) * c + k]);
}
