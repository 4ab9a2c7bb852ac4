/* Facts of the DiT that its loader and tests need too. */
#ifndef NN_DIT_H
#define NN_DIT_H

#include "nn/generator.h"

/* Width inside SwiGLU: mlp_hidden, or the release's rounding. */
size_t dit_mlp_hidden(const generator_config *c);

/* cosine, sine [tokens,half] of the rotary embedding; rounded = as the release
 * makes them in bfloat16. */
void dit_rope_tables(size_t tokens, size_t half, int rounded, float *cosine,
                     float *sine);

#endif
