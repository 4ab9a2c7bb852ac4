/* Named host arrays: types, lists, conversion. */
#include "formats/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
    const char *name;
    size_t size;
} types[ARRAY_TYPES] = {
    [ARRAY_F32] = {"F32", 4},   [ARRAY_F64] = {"F64", 8},
    [ARRAY_F16] = {"F16", 2},   [ARRAY_BF16] = {"BF16", 2},
    [ARRAY_I8] = {"I8", 1},     [ARRAY_I16] = {"I16", 2},
    [ARRAY_I32] = {"I32", 4},   [ARRAY_I64] = {"I64", 8},
    [ARRAY_U8] = {"U8", 1},     [ARRAY_U16] = {"U16", 2},
    [ARRAY_U32] = {"U32", 4},   [ARRAY_U64] = {"U64", 8},
    [ARRAY_BOOL] = {"BOOL", 1},
};

size_t array_type_size(array_type type)
{
    return types[type].size;
}

const char *array_type_name(array_type type)
{
    return types[type].name;
}

int array_type_find(const char *name)
{
    for (int t = 0; t < ARRAY_TYPES; t++)
        if (!strcmp(types[t].name, name))
            return t;
    return -1;
}

size_t array_count(const array *a)
{
    size_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->dim[i];
    return n;
}

int array_size(array_type type, int ndim, const size_t *dim, size_t *bytes)
{
    size_t n = types[type].size;
    /* The product of the dimensions that are not 0 must fit, too: others
     * multiply dimensions in another order. */
    int empty = 0;
    for (int i = 0; i < ndim; i++) {
        if (dim[i] == 0)
            empty = 1;
        else if (n > SIZE_MAX / 2 / dim[i])
            return 0;
        else
            n *= dim[i];
    }
    *bytes = empty ? 0 : n;
    return 1;
}

long array_name_join(char name[ARRAY_NAME + 1], const char *key, size_t size)
{
    size_t used = strlen(name);
    if (size > ARRAY_NAME - 1 || used > ARRAY_NAME - 1 - size ||
        memchr(key, '\0', size))
        return -1;
    snprintf(name + used, ARRAY_NAME + 1 - used, "%s%.*s", used ? "." : "",
             (int)size, key);
    return (long)used;
}

drift_status array_list_add(drift_context *ctx, array_list *list,
                            const char *name, const array *a)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        array *more = mem_resize(ctx, list->items, room, sizeof *more);
        if (!more) {
            mem_free(a->owned);
            return DRIFT_ERROR_MEMORY;
        }
        list->items = more;
        list->room = room;
    }
    array *item = &list->items[list->count];
    *item = *a;
    item->name = mem_strdup(ctx, name);
    if (!item->name) {
        mem_free(a->owned);
        return DRIFT_ERROR_MEMORY;
    }
    list->count++;
    return DRIFT_OK;
}

void array_list_free(array_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i].name);
        mem_free(list->items[i].owned);
    }
    mem_free(list->items);
    *list = (array_list){0};
}

const array *array_list_find(const array_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].name, name))
            return &list->items[i];
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const array *)a)->name, ((const array *)b)->name);
}

const char *array_list_sort(array_list *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_name);
    for (size_t i = 1; i < list->count; i++)
        if (!strcmp(list->items[i - 1].name, list->items[i].name))
            return list->items[i].name;
    return NULL;
}

int array_is_dense(const array *a, const size_t *stride)
{
    size_t step = 1;
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (a->dim[d] != 1 && stride[d] != step)
            return 0;
        step *= a->dim[d];
    }
    return 1;
}

void array_columns(const array *a, size_t *stride)
{
    size_t step = 1;
    for (int d = 0; d < a->ndim; d++) {
        stride[d] = step;
        step *= a->dim[d];
    }
}

/* The last index runs fastest in what is made, an odometer over the indices
 * finds the place in `from`. */
drift_status array_gather(drift_context *ctx, array *a, const void *from,
                          const size_t *stride)
{
    size_t index[ARRAY_DIMS] = {0}, place = 0;
    size_t count = array_count(a), size = types[a->type].size;
    const unsigned char *in = from;
    unsigned char *out = mem_alloc(ctx, count, size);
    if (!out)
        return DRIFT_ERROR_MEMORY;
    a->data = a->owned = out;
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * size, in + place * size, size);
        for (int d = a->ndim - 1; d >= 0; d--) {
            place += stride[d];
            if (++index[d] < a->dim[d])
                break;
            place -= stride[d] * a->dim[d];
            index[d] = 0;
        }
    }
    return DRIFT_OK;
}

uint64_t little_endian(const unsigned char *p, size_t size)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static float float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static double double_of_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static double half_of_bits(uint32_t bits)
{
    int exponent = (int)(bits >> 10) & 31;
    double fraction = bits & 1023;
    double value = exponent == 31 ? (fraction > 0 ? NAN : INFINITY)
                   : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                  : ldexp(fraction, -24);
    return bits & 0x8000 ? -value : value;
}

static int is_integer(array_type type)
{
    return type >= ARRAY_I8;
}

/* Two's complement of a type's own width; U64 has its own path. */
static int64_t integer_at(array_type type, const unsigned char *p)
{
    uint64_t v = little_endian(p, types[type].size);
    switch (type) {
    case ARRAY_I8:
        return (int64_t)(v ^ 0x80) - 0x80;
    case ARRAY_I16:
        return (int64_t)(v ^ 0x8000) - 0x8000;
    case ARRAY_I32:
        return (int64_t)(v ^ 0x80000000) - 0x80000000;
    case ARRAY_BOOL:
        return v != 0;
    default: /* I64: the bits themselves */
        return v > INT64_MAX ? -(int64_t)~v - 1 : (int64_t)v;
    }
}

static double value_at(array_type type, const unsigned char *p)
{
    switch (type) {
    case ARRAY_F32:
        return float_of_bits((uint32_t)little_endian(p, 4));
    case ARRAY_F64:
        return double_of_bits(little_endian(p, 8));
    case ARRAY_F16:
        return half_of_bits((uint32_t)little_endian(p, 2));
    case ARRAY_BF16:
        return float_of_bits((uint32_t)little_endian(p, 2) << 16);
    case ARRAY_U64:
        return (double)little_endian(p, 8);
    default:
        return (double)integer_at(type, p);
    }
}

void array_to_f32(const array *a, float *out)
{
    size_t n = array_count(a), size = types[a->type].size;
    const unsigned char *p = a->data;
    if (a->type == ARRAY_F32)
        for (size_t i = 0; i < n; i++)
            out[i] = float_of_bits((uint32_t)little_endian(p + 4 * i, 4));
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (float)value_at(a->type, p + size * i);
}

void array_to_f64(const array *a, double *out)
{
    size_t n = array_count(a), size = types[a->type].size;
    const unsigned char *p = a->data;
    for (size_t i = 0; i < n; i++)
        out[i] = value_at(a->type, p + size * i);
}

drift_status array_to_i32(drift_context *ctx, const array *a, int32_t *out)
{
    size_t n = array_count(a), size = types[a->type].size;
    const unsigned char *p = a->data;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *at = p + size * i;
        /* A double is exact for all that fits. */
        double v = value_at(a->type, at);
        int fits = v >= INT32_MIN && v <= INT32_MAX;
        if (!fits || (!is_integer(a->type) && v != floor(v)))
            return ERROR(ctx, DRIFT_ERROR_FORMAT,
                         "array '%s': element %zu is %.17g; allowed are "
                         "integers from %ld to %ld",
                         a->name ? a->name : "", i, v, (long)INT32_MIN,
                         (long)INT32_MAX);
        out[i] = (int32_t)v;
    }
    return DRIFT_OK;
}
