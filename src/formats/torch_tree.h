/* What the pickle of a torch file means: tensors on storages. */
#ifndef FORMATS_TORCH_TREE_H
#define FORMATS_TORCH_TREE_H

#include "formats/array.h"
#include "formats/pickle.h"
#include "formats/zip.h"

/* The storages of a file by their keys, ordered by name. */
typedef struct torch_storages {
    zip_entry *items;
    size_t count;
} torch_storages;

typedef struct torch_storage {
    const char *key;
    size_t length;
    array_type type;
    size_t count; /* elements */
} torch_storage;

/* What a persistent id says; 0 when it is no whole storage of a known type. */
int torch_storage_of(const pickle_node *id, torch_storage *out);

/* "torch\nFloatStorage"; NULL for types that torch has none for. */
const char *torch_storage_class(array_type type);

/* Append all tensors to *out. What must be copied (what is not row-major, or a
 * NumPy array) is bounded by the size of the file. */
drift_status torch_tree(drift_context *ctx, const pickle *p,
                        const torch_storages *storages, size_t file_size,
                        array_list *out) DRIFT_MUST_CHECK;

#endif
