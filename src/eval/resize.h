/* Images to the numbers that the network of the Frechet inception distance
 * takes, by the ways in which its scores are published
 * (networks-and-formats 4.1). They are not interchangeable. */
#ifndef EVAL_RESIZE_H
#define EVAL_RESIZE_H

#include "ops/ops.h"

typedef enum resize_mode {
    RESIZE_LEGACY_TENSORFLOW, /* of the first network, the release, ADM:
                                 bilinear, corners of pixels for centres */
    RESIZE_PYTORCH,           /* pytorch-fid's: bilinear */
    RESIZE_CLEAN,             /* clean-fid's: bicubic, antialiased */
    RESIZE_MODES
} resize_mode;

/* "legacy-tensorflow", "pytorch", "clean" */
extern const char *const resize_modes[RESIZE_MODES];

typedef struct resizer resizer;

/* From images [h,w,c] to [to_h,to_w,c]. */
drift_status resizer_new(drift_context *ctx, resize_mode mode, size_t h,
                         size_t w, size_t c, size_t to_h, size_t to_w,
                         resizer **out) DRIFT_MUST_CHECK;
void resizer_free(resizer *r); /* NULL is fine */
/* pixels [count,h,w,c] in [-1,1], x/127.5 - 1 of a byte x, to
 * [count,to_h,to_w,c]: x/127.5 - 1 or, but for PyTorch's, (x - 128)/128. */
drift_status resizer_run(const resizer *r, const float *pixels, size_t count,
                         float *out) DRIFT_MUST_CHECK;

#endif
