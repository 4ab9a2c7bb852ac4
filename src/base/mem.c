/* Host memory with an allocation that a test can make fail. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE 64 /* cache line, and BLIS's alignment */
#define HUGE ((size_t)2 << 20)

static long fail_in; /* tests only: 0 = never */

long mem_fail_after(long n)
{
    long left = fail_in;
    fail_in = n;
    return left;
}

static size_t asked;

size_t mem_asked(void)
{
    return asked;
}

static int must_fail(size_t bytes)
{
#pragma omp atomic
    asked += bytes;
    return fail_in > 0 && --fail_in == 0;
}

static void out_of_memory(drift_context *ctx, size_t bytes)
{
    if (ctx)
        (void)ERROR(ctx, DRIFT_ERROR_MEMORY,
                    "out of memory: unable to get %zu bytes", bytes);
}

void *mem_alloc(drift_context *ctx, size_t count, size_t size)
{
    size_t bytes = size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    void *p = must_fail(bytes) || bytes == SIZE_MAX ? NULL
                                                    : calloc(1, bytes + !bytes);
    if (!p)
        out_of_memory(ctx, bytes);
    return p;
}

void *mem_resize(drift_context *ctx, void *old, size_t count, size_t size)
{
    size_t bytes = size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    void *p = must_fail(bytes) || bytes == SIZE_MAX
                  ? NULL
                  : realloc(old, bytes + !bytes);
    if (!p)
        out_of_memory(ctx, bytes);
    return p;
}

/* Large blocks lie on huge pages where the system has them for the asking: a
 * training step walks through gigabytes, and with small pages the table of
 * pages costs as much time as the memory itself. */
void *mem_alloc_aligned(drift_context *ctx, size_t bytes)
{
    void *p = NULL;
    size_t alignment = bytes >= HUGE ? HUGE : LINE;
    if (must_fail(bytes) || posix_memalign(&p, alignment, bytes + !bytes) != 0)
        p = NULL;
    if (!p)
        out_of_memory(ctx, bytes);
#ifdef MADV_HUGEPAGE
    else if (bytes >= HUGE)
        (void)madvise(p, bytes / HUGE * HUGE, MADV_HUGEPAGE);
#endif
    return p;
}

char *mem_strdup(drift_context *ctx, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = mem_alloc(ctx, n, 1);
    if (p)
        memcpy(p, s, n);
    return p;
}

char *mem_printf(drift_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    char *p = mem_alloc(ctx, (size_t)n + 1, 1);
    if (p) {
        va_start(ap, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}

void mem_free(void *p)
{
    free(p);
}
