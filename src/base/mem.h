/* Host memory. All of the library's allocations go through here, so that a
 * test can make the n-th one fail (mem_fail_after). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/error.h"

/* Zeroed memory for count * size bytes; the product is checked. A count of 0
 * gives a valid pointer. NULL on failure, with the error set (ctx may be NULL,
 * then silently). */
void *mem_alloc(drift_context *ctx, size_t count, size_t size);

/* Resize to count * size bytes; on failure NULL, and `p` stays valid. */
void *mem_resize(drift_context *ctx, void *p, size_t count, size_t size);

/* Cache-line aligned and NOT zeroed, for tensor blocks; free with mem_free. */
void *mem_alloc_aligned(drift_context *ctx, size_t bytes);

char *mem_strdup(drift_context *ctx, const char *s);
/* printf into fresh memory. */
char *mem_printf(drift_context *ctx, const char *fmt, ...) DRIFT_PRINTF(2, 3);
void mem_free(void *p);

/* Tests only: the n-th allocation from now (1 = the next) fails, once;
 * 0 switches this off. Returns what was left of the count before: 0 when that
 * allocation has failed. */
long mem_fail_after(long n);
/* Tests only: bytes asked for since the program began. */
size_t mem_asked(void);

#endif
