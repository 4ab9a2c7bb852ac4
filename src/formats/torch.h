/* PyTorch's files (torch.save: .pth, .pt, .th, .ckpt), in the zip form and in
 * the older one of before torch 1.6, with tensors or NumPy arrays in nested
 * dictionaries and lists. Nothing in them is run. */
#ifndef FORMATS_TORCH_H
#define FORMATS_TORCH_H

#include "base/file.h"
#include "formats/array.h"

typedef struct torch_file {
    file_view view;
    array_list arrays; /* data points into view where it is row-major there */
} torch_file;

/* Tensors are named by their path (keys of dictionaries, numbers in lists)
 * joined by '.', sorted by name. All else is left out: numbers, texts, objects
 * of classes that are not read; but a file without a tensor is an error. */
drift_status torch_open(drift_context *ctx, const char *path,
                        torch_file *out) DRIFT_MUST_CHECK;
/* The same from memory that stays in place until the close. On failure *out
 * must still be closed. */
drift_status torch_parse(drift_context *ctx, const unsigned char *bytes,
                         size_t size, torch_file *out) DRIFT_MUST_CHECK;
void torch_close(torch_file *f);

/* Write arrays as a dictionary of tensors by their names, in the zip form and
 * atomically. U16, U32 and U64 are refused: torch's files have none. */
drift_status torch_write(drift_context *ctx, const char *path,
                         const array_list *arrays) DRIFT_MUST_CHECK;

#endif
