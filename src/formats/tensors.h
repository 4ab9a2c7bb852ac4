/* A file of named arrays in any container, told by its content: safetensors,
 * Flax, PyTorch. */
#ifndef FORMATS_TENSORS_H
#define FORMATS_TENSORS_H

#include "formats/flax.h"
#include "formats/safetensors.h"
#include "formats/torch.h"

typedef struct tensors {
    file_view view;
    const array_list *arrays; /* of one of these */
    safetensors safetensors;
    flax flax;
    torch_file torch;
} tensors;

drift_status tensors_open(drift_context *ctx, const char *path,
                          tensors *out) DRIFT_MUST_CHECK;
void tensors_close(tensors *t);
/* As safetensors_metadata; other containers have none: NULL. */
const char *tensors_metadata(const tensors *t, const char *key);

#endif
