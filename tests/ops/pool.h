/* Windows of pools over a map: what the tests of maxpool and avgpool share. */
#ifndef TESTS_OPS_POOL_H
#define TESTS_OPS_POOL_H

#include "harness.h"

typedef struct sizes {
    size_t n, h, w, c;
    int kernel, stride, pad;
} sizes;

static size_t pooled(size_t size, const sizes *s)
{
    return (size + 2 * (size_t)s->pad - (size_t)s->kernel) / (size_t)s->stride +
           1;
}

static shape input(const sizes *s)
{
    return SHAPE(s->n, s->h, s->w, s->c);
}

static shape output(const sizes *s)
{
    return SHAPE(s->n, pooled(s->h, s), pooled(s->w, s), s->c);
}

static pool_args args_of(const sizes *s)
{
    return (pool_args){s->kernel, s->stride, s->pad};
}

/* The place in x of place `at` of the window of output i; -1: in the padding.
 */
static long place(const sizes *s, size_t i, int at)
{
    size_t oh = pooled(s->h, s), ow = pooled(s->w, s), o = i / s->c;
    long line = (long)(o / ow % oh) * s->stride - s->pad + at / s->kernel;
    long column = (long)(o % ow) * s->stride - s->pad + at % s->kernel;
    if (line < 0 || line >= (long)s->h || column < 0 || column >= (long)s->w)
        return -1;
    long row = (long)(o / ow / oh * s->h) + line;
    return (row * (long)s->w + column) * (long)s->c + (long)(i % s->c);
}

#endif
