/* From Philox words to numbers; the same formulas in C and OpenCL. */
#ifndef CL_SHARED_RANDOM_H
#define CL_SHARED_RANDOM_H

/* 24 high bits of a word: exact in f32, in [0,1). */
static inline float random_unit(unsigned int word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

#endif
