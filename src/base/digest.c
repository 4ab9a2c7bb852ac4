/* 128-bit digests by xxHash's XXH3. */
#include "base/digest.h"

#include <stdio.h>

#include <xxhash.h>

static void write_text(XXH128_hash_t h, char text[DIGEST_TEXT])
{
    snprintf(text, DIGEST_TEXT, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

digest *digest_new(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state)
        XXH3_128bits_reset(state);
    return (digest *)state;
}

void digest_add(digest *d, const void *data, size_t size)
{
    XXH3_128bits_update((XXH3_state_t *)d, data, size);
}

void digest_finish(digest *d, char text[DIGEST_TEXT])
{
    write_text(XXH3_128bits_digest((XXH3_state_t *)d), text);
    XXH3_freeState((XXH3_state_t *)d);
}

void digest_of(const void *data, size_t size, char text[DIGEST_TEXT])
{
    write_text(XXH3_128bits(data, size), text);
}
