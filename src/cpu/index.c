/* index: element i uniform in 0 ... n-1, the same as rng_below of number
 * first+i of the stream. */
#include "cpu/cpu.h"

#define CHUNK 1024 /* elements a call works on */

drift_status cpu_index(drift_context *ctx, tensor *y, rng_stream stream,
                       uint64_t first, int n)
{
    (void)ctx;
    size_t count = tensor_count(y);
    int *yp = i32(y);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK) {
        uint32_t words[CHUNK + 8];
        size_t part = count - i < CHUNK ? count - i : CHUNK;
        size_t skip = (size_t)((first + i) % 4);
        rng_words(stream, (first + i) / 4, (skip + part + 3) / 4, words);
        for (size_t j = 0; j < part; j++)
            yp[i + j] = (int)(((uint64_t)words[skip + j] * (uint32_t)n) >> 32);
    }
    return DRIFT_OK;
}
