/* FNV-1a of the key, SplitMix64 of the index: README-formula.md. */
#include "formula.h"

#include <string.h>

#include "base/mem.h"

static uint64_t fnv1a64(uint64_t h, const char *s)
{
    for (; *s; s++) {
        h ^= (unsigned char)*s;
        h *= 0x100000001b3u;
    }
    return h;
}

uint64_t formula_key(const char *salt, const char *name)
{
    return fnv1a64(fnv1a64(0xcbf29ce484222325u, salt), name);
}

uint64_t formula_bits(uint64_t key, uint64_t i)
{
    uint64_t z = key + i + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

float formula_value(uint64_t key, uint64_t i, double lo, double hi)
{
    float u = (float)(formula_bits(key, i) >> 40) * 0x1p-24f;
    float from = (float)lo, width = (float)hi - from;
    return from + width * u;
}

size_t formula_probe(uint64_t i, size_t count)
{
    return (size_t)(formula_bits(formula_key("", "probe"), i) % count);
}

drift_status formula_add(drift_context *ctx, array_list *list, const char *salt,
                         const char *name, int ndim, const size_t *dim,
                         double lo, double hi)
{
    array a = {.type = ARRAY_F32, .ndim = ndim};
    uint64_t key = formula_key(salt, name);
    memcpy(a.dim, dim, (size_t)ndim * sizeof *dim);
    size_t count = array_count(&a);
    float *x = mem_alloc(ctx, count, sizeof *x);
    if (!x)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++)
        x[i] = formula_value(key, i, lo, hi);
    a.data = a.owned = x;
    return array_list_add(ctx, list, name, &a);
}
