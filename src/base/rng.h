/* Counter-based random numbers: Philox 4x32-10, keyed by (seed, purpose) and
 * counted by (step, index). The same numbers on every device and for every
 * thread count; no state to save. Element i of a stream is word i%4 of block
 * i/4; normals come from pairs of words by Box-Muller (cl/shared/random.h). */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>
#include <stddef.h>

/* What a stream is for. Append only: the values are part of what a
 * checkpoint promises. */
typedef enum rng_purpose {
    RNG_INIT = 1,   /* parameters; step = parameter's index */
    RNG_NOISE,      /* generator input of a training step */
    RNG_STYLE,      /* style indices */
    RNG_ALPHA,      /* guidance draw */
    RNG_LABEL,      /* classes of a step */
    RNG_POSITIVE,   /* positives of a step */
    RNG_NEGATIVE,   /* unconditional negatives */
    RNG_LOADER,     /* order of the data: step = epoch */
    RNG_AUGMENT,    /* flips */
    RNG_TOY,        /* toy data points */
    RNG_PREVIEW,    /* fixed noise of the preview grids */
    RNG_SAMPLE,     /* drift-sample */
    RNG_TEST,       /* tests and benchmarks */
    RNG_CROP,       /* crops and shifts of training images */
    RNG_MASK,       /* what is hidden from an mae */
    RNG_GRAIN       /* noise on training images */
} rng_purpose;

typedef struct rng_stream {
    uint64_t seed;
    uint32_t purpose;
    uint64_t step;
} rng_stream;

/* Word i of a stream; all other draws are made from it. */
uint32_t rng_u32(rng_stream s, uint64_t i);
/* Words 4 * block, ... of a stream, four a block. */
void rng_words(rng_stream s, uint64_t block, size_t blocks, uint32_t *out);
/* Uniform in [0,1): 24 bits, exact in f32. */
float rng_uniform(rng_stream s, uint64_t i);
/* Uniform integer in [0,n), n <= 2^32. */
uint32_t rng_below(rng_stream s, uint64_t i, uint32_t n);
/* Standard normal; the same as the backend's normal fill to the bit on the
 * CPU. */
float rng_normal(rng_stream s, uint64_t i);
/* Fisher-Yates permutation of 0..n-1 into out. */
void rng_permutation(rng_stream s, uint32_t n, uint32_t *out);

#endif
