/* Where the windows of maxpool and avgpool lie on a map. */
#ifndef CPU_POOL_H
#define CPU_POOL_H

#include <stddef.h>

#include "cpu/cpu.h"

/* The places of a window that begins at `start` which lie in 0 ... size-1. */
typedef struct pool_span {
    int first, end;
} pool_span;

static inline pool_span pool_inside(ptrdiff_t start, size_t size, int window)
{
    ptrdiff_t left = (ptrdiff_t)size - start;
    return (pool_span){start < 0 ? (int)-start : 0,
                       left < window ? (int)left : window};
}

static inline ptrdiff_t pool_start(size_t output, pool_args args)
{
    return (ptrdiff_t)(output * (size_t)args.stride) - args.pad;
}

/* Windows overlap, so a backward's task owns a row of dx and goes through the
 * windows that reach it, [first,end) of `outputs`; `reach` is the row, counted
 * from the padding on. */
static inline void pool_reaching(size_t reach, size_t outputs, pool_args args,
                                 size_t *first, size_t *end)
{
    size_t stride = (size_t)args.stride, window = (size_t)args.size;
    *first = reach < window ? 0 : (reach - window) / stride + 1;
    *end = least(reach / stride + 1, outputs);
}

#endif
