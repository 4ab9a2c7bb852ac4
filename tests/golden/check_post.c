/* post: from pixels in [-1,1] to bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"

/* Bytes of the images x [b,h,w,c], in the file's order [b,c,h,w]. */
static drift_status check_bytes(golden *g, const tensor *shaped, const float *x,
                                const char *name)
{
    drift_status status = DRIFT_OK;
    size_t count = tensor_count(shaped), c = shaped->shape.dim[3];
    size_t pixels = shaped->shape.dim[1] * shaped->shape.dim[2];
    unsigned char *bytes = calloc(count + 1, 1);
    double *numbers = calloc(count + 1, sizeof *numbers);
    if (!bytes || !numbers)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    drift_to_bytes(x, count, bytes);
    for (size_t i = 0; i < count; i++) {
        size_t b = i / c / pixels, at = i / c % pixels;
        numbers[(b * c + i % c) * pixels + at] = bytes[i];
    }
    TRY(golden_absolute(g, numbers, count, 0, "%s", name));
out:
    free(bytes);
    free(numbers);
    return status;
}

static drift_status check_file(golden *g)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    drift_status status = DRIFT_OK;
    tensor *x;
    float *host = NULL;
    TRY(golden_load(g, &x, NULL, "x"));
    if (x->shape.ndim != 4 || x->shape.dim[0] < 2 || x->shape.dim[2] < 3)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'x' is too small");
    size_t image = tensor_count(x) / x->shape.dim[0], c = x->shape.dim[3];
    host = calloc(tensor_count(x), sizeof *host);
    if (!host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, x, host));
    TRY(check_bytes(g, x, host, "u8_plain"));
    for (size_t i = 0; i < 3; i++) /* [1,0,0,i] of the file's order */
        host[image + i * c] = odd[i];
    TRY(check_bytes(g, x, host, "u8"));
    golden_todo(g, "y");
    golden_todo(g, "y_noclip"); /* the encoders' input */
    golden_todo(g, "z_finite");
out:
    free(host);
    return status;
}

const golden_family check_post[] = {{"post.safetensors", check_file, 0}, {0}};
