/* uniform: element i uniform in [low,high), from number first+i of the
 * stream. */
#include "cpu/cpu.h"
#include "shared/random.h"

#include <math.h>

#define CHUNK 1024 /* elements a call works on */

/* Rounding may reach `high`, which is not in the range. */
static CPU_SIMD void chunk(float *restrict y, const uint32_t *restrict words,
                           size_t n, float low, float width, float most)
{
    for (size_t i = 0; i < n; i++) {
        float v = low + width * random_unit(words[i]);
        y[i] = v < most ? v : most;
    }
}

drift_status cpu_uniform(drift_context *ctx, tensor *y, rng_stream stream,
                         uint64_t first, float low, float high)
{
    (void)ctx;
    size_t count = tensor_count(y);
    float most = nextafterf(high, low);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK) {
        uint32_t words[CHUNK + 8];
        size_t n = count - i < CHUNK ? count - i : CHUNK;
        size_t skip = (size_t)((first + i) % 4);
        rng_words(stream, (first + i) / 4, (skip + n + 3) / 4, words);
        chunk(f32(y) + i, words + skip, n, low, high - low, most);
    }
    return DRIFT_OK;
}
