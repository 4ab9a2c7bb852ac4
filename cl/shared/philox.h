/* Philox 4x32-10 (Salmon et al. 2011), the generator of src/base/rng.h: the
 * same words as Random123 gives the CPU. Compiled by OpenCL alone. */
#ifndef CL_SHARED_PHILOX_H
#define CL_SHARED_PHILOX_H

/* A stream and its first number: the arguments set by ocl_stream. */
#define STREAM(s) uint2 s##_key, ulong s##_step, ulong s##_first

/* Scalars and an unrolled loop, so that CPUs make vectors of work-items. */
static inline uint4 philox(uint4 counter, uint2 key)
{
    uint x = counter.x, y = counter.y, z = counter.z, w = counter.w;
    uint one = key.x, two = key.y;
#pragma unroll
    for (int round = 0; round < 10; round++) {
        ulong a = (ulong)0xD2511F53u * x, b = (ulong)0xCD9E8D57u * z;
        x = (uint)(b >> 32) ^ y ^ one;
        y = (uint)b;
        z = (uint)(a >> 32) ^ w ^ two;
        w = (uint)a;
        one += 0x9E3779B9u;
        two += 0xBB67AE85u;
    }
    return (uint4)(x, y, z, w);
}

/* The four words of a block: numbers 4 block ... 4 block + 3. */
static inline uint4 random_words(uint2 key, ulong stream_step, ulong block)
{
    return philox((uint4)((uint)block, (uint)(block >> 32), (uint)stream_step,
                          (uint)(stream_step >> 32)),
                  key);
}

/* A work-item makes one block: its words, and what they belong to, elements
 * STREAM_AT ... STREAM_AT + 3 of n; before the first element this is negative,
 * hence beyond every n as ulong. */
#define STREAM_WORDS(s)                                                        \
    random_words(s##_key, s##_step, s##_first / 4 + get_global_id(0))
#define STREAM_AT(s) (4 * (ulong)get_global_id(0) - s##_first % 4)

/* Those of a block's elements that there are. */
#define STREAM_GIVE(y, n, at, v)                                               \
    do {                                                                       \
        if ((at) < (n) && (n) - (at) >= 4) {                                   \
            vstore4(v, 0, (y) + (at));                                         \
        } else {                                                               \
            if ((at) < (n))                                                    \
                (y)[at] = (v).x;                                               \
            if ((at) + 1 < (n))                                                \
                (y)[(at) + 1] = (v).y;                                         \
            if ((at) + 2 < (n))                                                \
                (y)[(at) + 2] = (v).z;                                         \
            if ((at) + 3 < (n))                                                \
                (y)[(at) + 3] = (v).w;                                         \
        }                                                                      \
    } while (0)

#endif
