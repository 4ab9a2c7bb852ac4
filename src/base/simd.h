/* Plain loops as SIMD: one source, the instruction set chosen at run time. */
#ifndef BASE_SIMD_H
#define BASE_SIMD_H

/* A leaf function (one row or chunk, no OpenMP inside) that the compiler is to
 * vectorise for several instruction sets, the best one chosen at run time. */
#ifdef HAVE_TARGET_CLONES
#define CPU_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CPU_SIMD
#endif

/* For bodies of loops that must become part of their caller's clone. */
#ifdef __GNUC__
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE static inline
#endif

#endif
