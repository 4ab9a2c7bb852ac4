/* patchify: tokens [b,(h/p)(w/p),p*p*c] of image [b,h,w,c]; the numbers of a
 * token in order row, column, channel or channel, row, column. */
#include "cpu/patchify.h"

#include "cpu/row.h"

/* One row of patches of one image: where its first pixel and token begin. */
typedef struct patch_row {
    float *image, *tokens;
    size_t across, p, c, stride; /* patches; sizes; an image row's length */
} patch_row;

static patch_row find_row(const tensor *image, const tensor *tokens, int p,
                          size_t index)
{
    size_t side = (size_t)p, w = image->shape.dim[2], c = image->shape.dim[3];
    size_t count = side * w * c; /* images follow each other without a gap */
    return (patch_row){f32(image) + index * count,
                       f32(tokens) + index * count,
                       w / side,
                       side,
                       c,
                       w * c};
}

static void row_to_tokens(patch_row r, int order, int add)
{
    size_t p = r.p, c = r.c, size = p * p * c;
    for (size_t k = 0; k < r.across; k++)
        for (size_t i = 0; i < p; i++) {
            const float *from = r.image + i * r.stride + k * p * c;
            float *to = r.tokens + k * size;
            if (order == PATCH_PIXEL_MAJOR) {
                row_move(to + i * p * c, from, p * c, add);
                continue;
            }
            for (size_t j = 0; j < p; j++)
                for (size_t l = 0; l < c; l++) {
                    float *one = to + (l * p + i) * p + j;
                    *one = (add ? *one : 0) + from[j * c + l];
                }
        }
}

static void row_to_image(patch_row r, int order, int add)
{
    size_t p = r.p, c = r.c, size = p * p * c;
    for (size_t k = 0; k < r.across; k++)
        for (size_t i = 0; i < p; i++) {
            float *to = r.image + i * r.stride + k * p * c;
            const float *from = r.tokens + k * size;
            if (order == PATCH_PIXEL_MAJOR) {
                row_move(to, from + i * p * c, p * c, add);
                continue;
            }
            for (size_t j = 0; j < p; j++)
                for (size_t l = 0; l < c; l++)
                    to[j * c + l] =
                        (add ? to[j * c + l] : 0) + from[(l * p + i) * p + j];
        }
}

void patches_from_image(tensor *tokens, const tensor *image, int p, int order,
                        int add)
{
    size_t rows = image->shape.dim[0] * (image->shape.dim[1] / (size_t)p);
#pragma omp parallel for if (tensor_count(image) > CPU_SMALL)
    for (size_t r = 0; r < rows; r++)
        row_to_tokens(find_row(image, tokens, p, r), order, add);
}

void image_from_patches(tensor *image, const tensor *tokens, int p, int order,
                        int add)
{
    size_t rows = image->shape.dim[0] * (image->shape.dim[1] / (size_t)p);
#pragma omp parallel for if (tensor_count(image) > CPU_SMALL)
    for (size_t r = 0; r < rows; r++)
        row_to_image(find_row(image, tokens, p, r), order, add);
}

drift_status cpu_patchify_fwd(drift_context *ctx, tensor *tokens,
                              const tensor *image, int p, int order)
{
    (void)ctx;
    patches_from_image(tokens, image, p, order, 0);
    return DRIFT_OK;
}

drift_status cpu_patchify_bwd(drift_context *ctx, tensor *dimage,
                              const tensor *dtokens, int p, int order)
{
    (void)ctx;
    if (dimage)
        image_from_patches(dimage, dtokens, p, order, !dimage->fresh);
    return DRIFT_OK;
}
