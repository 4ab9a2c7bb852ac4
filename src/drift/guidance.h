/* Guidance at training time: the draw of alpha and the weight of the
 * unconditional negatives that makes it true. method.md section 4. */
#ifndef DRIFT_GUIDANCE_H
#define DRIFT_GUIDANCE_H

#include <stddef.h>
#include <stdint.h>

#include "drift/config.h"

/* alpha for uniform u, u2 in [0,1): 1 where u2 < no_cfg_frac, else the
 * inverse distribution function of alpha^-k at u. */
float guidance_alpha(const guidance_config *config, float u, float u2);

/* alpha of class entry `slot` of a step, from stream RNG_ALPHA. */
float guidance_draw(const guidance_config *config, uint64_t seed, uint64_t step,
                    size_t slot);

/* Weight of each of the m unconditional negatives beside n generated:
 * (alpha - 1)(n - 1)/max(1, m). */
float guidance_weight(float alpha, size_t n, size_t m);

#endif
