/* Numbers by formula (README-formula.md): weights and inputs of networks of
 * full size, for which no file is kept. The key of a tensor is a salt followed
 * by its name. */
#ifndef TESTS_GOLDEN_FORMULA_H
#define TESTS_GOLDEN_FORMULA_H

#include "formats/array.h"

uint64_t formula_key(const char *salt, const char *name);
uint64_t formula_bits(uint64_t key, uint64_t i); /* h(i) */
/* Element i of [lo,hi). */
float formula_value(uint64_t key, uint64_t i, double lo, double hi);
/* What element i of a probe is, of a tensor of `count` numbers. */
size_t formula_probe(uint64_t i, size_t count);

/* An f32 array of this name and shape, filled, at the end of the list. */
drift_status formula_add(drift_context *ctx, array_list *list, const char *salt,
                         const char *name, int ndim, const size_t *dim,
                         double lo, double hi) DRIFT_MUST_CHECK;
#endif
