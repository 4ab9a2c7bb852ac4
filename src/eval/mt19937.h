/* NumPy's legacy generator (RandomState), whose permutations published scores
 * are computed with. */
#ifndef EVAL_MT19937_H
#define EVAL_MT19937_H

#include <stddef.h>
#include <stdint.h>

typedef struct mt19937 {
    uint32_t word[624];
    size_t at;
} mt19937;

void mt19937_seed(mt19937 *r, uint32_t seed);
uint32_t mt19937_next(mt19937 *r);

/* RandomState.permutation(n) into out [n], n < 2^32; its first m are
 * choice(n, m, replace=False). */
void mt19937_permutation(mt19937 *r, size_t n, uint32_t *out);

#endif
