/* The move between an image [b,h,w,c] and its tokens, both ways: patchify and
 * unpatchify are each other's gradient. `add`: to what is there. */
#ifndef OCL_PATCHIFY_H
#define OCL_PATCHIFY_H

#include "ocl/ocl.h"

drift_status ocl_patches_from_image(drift_context *ctx, tensor *tokens,
                                    const tensor *image, int p, int order,
                                    int add) DRIFT_MUST_CHECK;
drift_status ocl_image_from_patches(drift_context *ctx, tensor *image,
                                    const tensor *tokens, int p, int order,
                                    int add) DRIFT_MUST_CHECK;

#endif
