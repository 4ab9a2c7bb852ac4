/* How far a misspelt word is from a known one. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* Insertions, deletions, substitutions and exchanges of two neighbours that
 * turn a into b; only the first 63 bytes of each count. */
size_t edit_distance(const char *a, const char *b);

#endif
