/* Other people's weights: the authors' release (a Flax tree,
 * networks-and-formats section 7) and the PyTorch re-implementations (a state
 * dict, golden/torch/dit_torch) into the parameters of a dit. */
#ifndef NN_FOREIGN_H
#define NN_FOREIGN_H

#include "formats/array.h"
#include "nn/encoder.h"

typedef enum foreign_kind { FOREIGN_FLAX, FOREIGN_TORCH } foreign_kind;

/* One array of theirs is `rows` rows of one parameter of ours. */
#define FOREIGN_NAME 128
typedef struct foreign_piece {
    char name[FOREIGN_NAME]; /* without any wrapper in front of it */
    int param;
    size_t first, rows; /* along the parameter's first dimension */
    int transposed;     /* theirs is [out,in] */
} foreign_piece;

/* All arrays that theirs must have; free with mem_free. */
drift_status foreign_pieces(const generator *g, foreign_kind kind,
                            foreign_piece **out,
                            size_t *count) DRIFT_MUST_CHECK;
/* The piece's place in a flat tensor of g's parameters. */
tensor foreign_view(const generator *g, const tensor *flat,
                    const foreign_piece *piece);

/* Copy arrays into `flat`, by name and shape. Wrappers around the tree
 * ("params.", "module.", "state_dict.", "ema.", ...) are found by themselves;
 * of several trees the averaged one is taken. Anything missing, left over or
 * of another shape is an error that lists it; the log has the whole list. */
drift_status foreign_load(generator *g, foreign_kind kind,
                          const array_list *arrays,
                          tensor *flat) DRIFT_MUST_CHECK;

/* The configuration that metadata.json beside a release file describes. */
drift_status foreign_flax_config(drift_context *ctx, const char *json,
                                 size_t size, generator_config *config,
                                 sample_shape *sample) DRIFT_MUST_CHECK;
/* Channels and patches of the images that an mae of the release is for; the
 * other sizes in *config are those of its arrays. */
drift_status foreign_mae_config(drift_context *ctx, const char *json,
                                size_t size,
                                encoder_config *config) DRIFT_MUST_CHECK;
/* The configuration that a state dict's shapes tell; the size of the picture
 * is not among them. */
drift_status foreign_torch_config(drift_context *ctx, const array_list *arrays,
                                  int image_size, generator_config *config,
                                  sample_shape *sample) DRIFT_MUST_CHECK;

#endif
