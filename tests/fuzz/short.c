/* Fuzzing without libFuzzer: each reader gets the files of its corpus, changed
 * at random but the same at each run. Passing is not crashing (best under a
 * sanitizer), an error text for each refusal, and bounded memory.
 *
 *     short [READER [INPUTS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "readers.h"

#define ROOM       65536
#define MOST_FILES 32
#define MOST_BYTES ((size_t)1 << 30) /* resident, sanitizers' own included */

typedef struct corpus {
    file_view files[MOST_FILES];
    size_t count;
} corpus;

static uint64_t draws;

static uint32_t below(uint32_t n)
{
    return rng_below((rng_stream){1, RNG_TEST, 0}, draws++, n);
}

static void load_corpus(const char *reader, corpus *c)
{
    char folder[512], **names;
    size_t count;
    snprintf(folder, sizeof folder, DRIFT_SOURCE_DIR "/tests/fuzz/corpus/%s",
             reader);
    c->count = 0;
    if (file_list(NULL, folder, &names, &count) != DRIFT_OK)
        return;
    for (size_t i = 0; i < count && c->count < MOST_FILES; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (file_open_view(NULL, path, &c->files[c->count]) == DRIFT_OK)
            c->count++;
    }
    file_list_free(names, count);
}

/* Numbers at which sizes and offsets break. */
static void put_number(unsigned char *at, size_t left)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       0xffffffffffffffff};
    uint64_t v = numbers[below(sizeof numbers / sizeof *numbers)];
    size_t n = (size_t)1 << below(4);
    int big = (int)below(2);
    for (size_t i = 0; i < n && i < left; i++)
        at[i] = (unsigned char)(v >> (8 * (big ? n - 1 - i : i)));
}

static size_t change(unsigned char *p, size_t size, const corpus *c)
{
    uint32_t kind = below(8);
    size_t at = size ? below((uint32_t)size) : 0;
    size_t n = 1 + below(16);
    if (kind == 0 && size) /* a bit */
        p[at] ^= (unsigned char)(1u << below(8));
    else if (kind == 1 && size) /* a byte */
        p[at] = (unsigned char)below(256);
    else if (kind == 2 && size) /* a digit, for text headers */
        p[at] = (unsigned char)('0' + below(10));
    else if (kind == 3)
        put_number(p + at, size - at);
    else if (kind == 4) /* cut */
        size = at;
    else if (kind == 5 && at + n <= size) { /* take out */
        memmove(p + at, p + at + n, size - at - n);
        size -= n;
    } else if (kind == 6 && size + n <= ROOM) { /* double a part */
        n = n < size - at ? n : size - at;
        memmove(p + at + n, p + at, size - at);
        size += n;
    } else if (kind == 7 && c->count) { /* a part of another file */
        const file_view *f = &c->files[below((uint32_t)c->count)];
        size_t from = f->size ? below((uint32_t)f->size) : 0;
        n *= 8;
        n = n < f->size - from ? n : f->size - from;
        n = n < size - at ? n : size - at;
        memcpy(p + at, f->data + from, n);
    }
    return size;
}

static int run_reader(const fuzz_reader *r, int inputs)
{
    static unsigned char bytes[ROOM];
    corpus c;
    int accepted = 0, silent = 0;
    load_corpus(r->name, &c);
    if (!c.count) {
        printf("%s: no corpus\n", r->name);
        return 0;
    }
    double start = clock_seconds();
    for (int i = 0; i < inputs; i++) {
        const file_view *f = &c.files[(size_t)i % c.count];
        size_t size = f->size < ROOM ? f->size : ROOM;
        memcpy(bytes, f->data, size);
        /* The files themselves first. */
        uint32_t changes = (size_t)i < c.count ? 0 : 1 + below(4);
        for (uint32_t k = 0; k < changes; k++)
            size = change(bytes, size, &c);
        int result = r->run(bytes, size);
        accepted += result > 0;
        silent += result < 0;
    }
    printf("%-12s %6d inputs, %6d accepted, %d refused without a text, "
           "%.2f s\n",
           r->name, inputs, accepted, silent, clock_seconds() - start);
    for (size_t i = 0; i < c.count; i++)
        file_close_view(&c.files[i]);
    return silent == 0;
}

#ifdef __GNUC__
/* What the address sanitizer holds back of freed memory counts as in use: its
 * own 256 MB of it come to a gigabyte with what lies around them. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=32";
}
#endif

int main(int argc, char **argv)
{
    int good = 1, found = argc < 2;
    threads_set(1); /* inputs are too small to share */
    for (const fuzz_reader *r = fuzz_readers; r->name; r++)
        if (argc < 2 || !strcmp(r->name, argv[1])) {
            found = 1;
            good &= run_reader(r, argc > 2 ? atoi(argv[2]) : r->inputs);
        }
    if (memory_peak() > MOST_BYTES) {
        printf("%zu bytes of memory were in use\n", memory_peak());
        good = 0;
    }
    return !(good && found);
}
