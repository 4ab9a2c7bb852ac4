/* normal: element i = mean + std * normal number first+i of the stream, the
 * same bits as rng_normal. The words come one by one, the Box-Muller step is
 * vectorised. */
#include "cpu/cpu.h"
#include "shared/random.h"

#define CHUNK 1024 /* elements a call works on */

static CPU_SIMD void box_muller(float *restrict z,
                                const uint32_t *restrict words, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++)
        random_normals(words[2 * i], words[2 * i + 1], z + 2 * i,
                       z + 2 * i + 1);
}

static CPU_SIMD void scale(float *restrict y, const float *restrict z, size_t n,
                           float mean, float std)
{
    for (size_t i = 0; i < n; i++)
        y[i] = mean + std * z[i];
}

drift_status cpu_normal(drift_context *ctx, tensor *y, rng_stream stream,
                        uint64_t first, float mean, float std)
{
    (void)ctx;
    size_t count = tensor_count(y);
#pragma omp parallel for if (count > CPU_SMALL)
    for (size_t i = 0; i < count; i += CHUNK) {
        uint32_t words[CHUNK + 8];
        float z[CHUNK + 8];
        size_t n = count - i < CHUNK ? count - i : CHUNK;
        size_t skip = (size_t)((first + i) % 4);
        size_t blocks = (skip + n + 3) / 4;
        rng_words(stream, (first + i) / 4, blocks, words);
        box_muller(z, words, 2 * blocks);
        scale(f32(y) + i, z + skip, n, mean, std);
    }
    return DRIFT_OK;
}
