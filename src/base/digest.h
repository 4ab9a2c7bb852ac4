/* 128-bit XXH3 digests of data, configurations, kernels. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_TEXT 33 /* 32 hexadecimal digits and the end */

typedef struct digest digest; /* running state */
digest *digest_new(void);     /* NULL when out of memory */
void digest_add(digest *d, const void *data, size_t size);
void digest_finish(digest *d, char text[DIGEST_TEXT]); /* frees d */
void digest_of(const void *data, size_t size, char text[DIGEST_TEXT]);

#endif
