/* What the shared formulas need by one name in C and in OpenCL C. */
#ifndef CL_SHARED_PORTABLE_H
#define CL_SHARED_PORTABLE_H

#ifdef __OPENCL_VERSION__

#pragma OPENCL FP_CONTRACT OFF

/* A loop over a formula vectorises only when it is no call; compilers leave
 * long ones as calls. */
#define SHARED_INLINE inline __attribute__((always_inline))
/* At the head of a function: products and sums may be one operation. */
#define SHARED_FUSED _Pragma("OPENCL FP_CONTRACT ON")

#define shared_sqrt(x)  sqrt(x)
#define shared_bits(x)  as_uint(x)
#define shared_float(x) as_float(x)

#else

#include <math.h>
#include <string.h>

#define SHARED_INLINE inline
#define SHARED_FUSED

static inline float shared_sqrt(float x)
{
    return sqrtf(x);
}

static inline unsigned int shared_bits(float x)
{
    unsigned int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float shared_float(unsigned int bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif

#endif
