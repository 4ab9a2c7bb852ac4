/* The draw of alpha, method.md section 4: density alpha^-k on [min,max]. */
#include "drift/guidance.h"

#include <math.h>

#include "base/rng.h"

float guidance_alpha(const guidance_config *c, float u, float u2)
{
    double least = (double)c->alpha_min, most = (double)c->alpha_max;
    double k = (double)c->power, at = (double)u;
    if (u2 < c->no_cfg_frac)
        return 1;
    if (k == 1) /* the limit of the other form */
        return (float)exp(log(least) + at * log(most / least));
    double a = pow(least, 1 - k), b = pow(most, 1 - k);
    return (float)pow(a + at * (b - a), 1 / (1 - k));
}

float guidance_draw(const guidance_config *c, uint64_t seed, uint64_t step,
                    size_t slot)
{
    rng_stream s = {seed, RNG_ALPHA, step};
    return guidance_alpha(c, rng_uniform(s, 2 * slot),
                          rng_uniform(s, 2 * slot + 1));
}

float guidance_weight(float alpha, size_t n, size_t m)
{
    double count = m ? (double)m : 1;
    return (float)(((double)alpha - 1) * ((double)n - 1) / count);
}
