/* The move between an image [b,h,w,c] and its tokens, both ways: patchify and
 * unpatchify are each other's gradient. */
#ifndef CPU_PATCHIFY_H
#define CPU_PATCHIFY_H

#include "cpu/cpu.h"

void patches_from_image(tensor *tokens, const tensor *image, int p, int order,
                        int add);
void image_from_patches(tensor *image, const tensor *tokens, int p, int order,
                        int add);

#endif
