/* A named host array, as all checkpoint formats give and take them:
 * safetensors, npy/npz, Flax msgpack, torch files. */
#ifndef FORMATS_ARRAY_H
#define FORMATS_ARRAY_H

#include <stdint.h>

#include "base/error.h"

#define ARRAY_DIMS 8
#define ARRAY_NAME 4096 /* bytes of the longest name */

typedef enum array_type {
    ARRAY_F32,
    ARRAY_F64,
    ARRAY_F16,
    ARRAY_BF16,
    ARRAY_I8,
    ARRAY_I16,
    ARRAY_I32,
    ARRAY_I64,
    ARRAY_U8,
    ARRAY_U16,
    ARRAY_U32,
    ARRAY_U64,
    ARRAY_BOOL,
    ARRAY_TYPES
} array_type;

typedef struct array {
    char *name; /* parts of a path joined by '.' */
    array_type type;
    int ndim;
    size_t dim[ARRAY_DIMS];
    const void *data; /* little-endian row-major, perhaps unaligned */
    void *owned;      /* data's own memory, or NULL when it lies in a view */
} array;

typedef struct array_list {
    array *items;
    size_t count, room;
} array_list;

size_t array_type_size(array_type type);
const char *array_type_name(array_type type); /* "F32", as in safetensors */
int array_type_find(const char *name);        /* the reverse, -1 when unknown */
size_t array_count(const array *a);           /* elements */
/* Bytes of an array of this type and shape; 0 on overflow, else 1. For
 * readers, before they trust or allocate anything. */
int array_size(array_type type, int ndim, const size_t *dim, size_t *bytes);

/* `key` after the path in name, with a '.' between: the length of the path
 * before, to cut it back to; -1 when it is too long or holds a NUL. */
long array_name_join(char name[ARRAY_NAME + 1], const char *key, size_t size);

/* Append a copy of *a's fields under a copied name; takes over a->owned, and
 * frees it on failure. */
drift_status array_list_add(drift_context *ctx, array_list *list,
                            const char *name, const array *a) DRIFT_MUST_CHECK;
void array_list_free(array_list *list);
const array *array_list_find(const array_list *list, const char *name);
/* A name that occurs twice, or NULL; the list is sorted by name after it. */
const char *array_list_sort(array_list *list);

/* Whether these strides (in elements) are those of a row-major array. */
int array_is_dense(const array *a, const size_t *stride);
/* The strides of a column-major array of a's shape. */
void array_columns(const array *a, size_t *stride);
/* Give a its own memory with the elements at `from`, where they lie by
 * strides. */
drift_status array_gather(drift_context *ctx, array *a, const void *from,
                          const size_t *stride) DRIFT_MUST_CHECK;

/* Convert all elements (from any type) to f32 / i32 in out. An integer that
 * i32 cannot hold is an error. */
void array_to_f32(const array *a, float *out);
void array_to_f64(const array *a, double *out);
drift_status array_to_i32(drift_context *ctx, const array *a,
                          int32_t *out) DRIFT_MUST_CHECK;

/* The unsigned number in `size` bytes, at most 8, the lowest first. */
uint64_t little_endian(const unsigned char *p, size_t size);

#endif
