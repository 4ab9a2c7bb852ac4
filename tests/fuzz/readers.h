/* The readers under fuzzing: each takes any bytes as its file. */
#ifndef TESTS_FUZZ_READERS_H
#define TESTS_FUZZ_READERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_reader {
    const char *name; /* and its folder in corpus/ */
    /* 1: the bytes were accepted (and all data used); 0: refused with an
     * error text; -1: refused without one. */
    int (*run)(const uint8_t *data, size_t size);
    int inputs; /* of the short run in `make check` */
} fuzz_reader;

extern const fuzz_reader fuzz_readers[]; /* up to a NULL name */

#endif
