/* A zip's directory: at the end of the file an end record (and before it, for
 * large files, one of 64 bits), which tells where a header of each entry lies;
 * that tells where the entry itself begins, with a second header. Sizes in
 * the latter may be missing. */
#include "formats/zip.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/array.h"

#define END       22 /* bytes of the records without their variable parts */
#define LOCATOR   20
#define END64     56
#define CENTRAL   46
#define LOCAL     30
#define ENCRYPTED 0x2041 /* flags: encrypted, strongly, with its header */
#define BEYOND32  0xffffffffu

typedef struct directory {
    drift_context *ctx;
    const unsigned char *bytes;
    size_t begin, end; /* of the entries' headers */
    uint64_t count;
} directory;

static drift_status bad(const directory *d, const char *what)
{
    return ERROR(d->ctx, DRIFT_ERROR_FORMAT, "zip: %s", what);
}

/* -- the end -------------------------------------------------------------- */

/* The end record's place: its comment goes to the end of the file. */
static int find_end(const unsigned char *p, size_t size, size_t *at)
{
    for (size_t comment = 0; comment <= UINT16_MAX; comment++) {
        if (size < END + comment)
            return 0;
        *at = size - END - comment;
        if (!memcmp(p + *at, "PK\5\6", 4) &&
            little_endian(p + *at + 20, 2) == comment)
            return 1;
    }
    return 0;
}

static drift_status read_end(directory *d, size_t size)
{
    const unsigned char *p = d->bytes, *e;
    size_t at;
    if (!find_end(p, size, &at))
        return bad(d, "the directory at its end is missing: the file is cut");
    e = p + at;
    uint64_t disks = little_endian(e + 4, 2) | little_endian(e + 6, 2);
    uint64_t here = little_endian(e + 8, 2);
    uint64_t bytes = little_endian(e + 12, 4), begin = little_endian(e + 16, 4);
    d->count = little_endian(e + 10, 2);
    if (at >= LOCATOR + END64 && !memcmp(e - LOCATOR, "PK\6\7", 4)) {
        uint64_t place = little_endian(e - LOCATOR + 8, 8);
        if (place > at - LOCATOR - END64 || memcmp(p + place, "PK\6\6", 4))
            return bad(d, "its end record of 64 bits is not where it should "
                          "be");
        at = (size_t)place;
        e = p + at;
        disks = little_endian(e + 16, 4) | little_endian(e + 20, 4);
        here = little_endian(e + 24, 8);
        d->count = little_endian(e + 32, 8);
        bytes = little_endian(e + 40, 8);
        begin = little_endian(e + 48, 8);
    }
    if (disks || here != d->count)
        return bad(d, "it is in several parts");
    if (begin > at || bytes != at - begin || d->count > bytes / CENTRAL)
        return bad(d, "its directory is not where the end record says");
    d->begin = (size_t)begin;
    d->end = at;
    return DRIFT_OK;
}

/* -- entries -------------------------------------------------------------- */

/* Numbers that 32 bits do not hold are in the extra field, in this order. */
static int widen(const unsigned char *extra, size_t left, uint64_t *value[3])
{
    while (left >= 4) {
        size_t n = (size_t)little_endian(extra + 2, 2);
        if (n > left - 4)
            return 0;
        if (little_endian(extra, 2) == 1) {
            const unsigned char *p = extra + 4;
            for (int i = 0; i < 3; i++) {
                if (*value[i] != BEYOND32)
                    continue;
                if (n < 8)
                    return 0;
                *value[i] = little_endian(p, 8);
                p += 8;
                n -= 8;
            }
            return 1;
        }
        extra += 4 + n;
        left -= 4 + n;
    }
    return *value[0] != BEYOND32 && *value[1] != BEYOND32 &&
           *value[2] != BEYOND32;
}

static int leads_upwards(const char *name, size_t n)
{
    for (size_t i = 0; i + 2 <= n; i++)
        if ((i == 0 || name[i - 1] == '/') && !memcmp(name + i, "..", 2) &&
            (i + 2 == n || name[i + 2] == '/'))
            return 1;
    return 0;
}

/* The entry whose header is at `at`; on to the next. */
static drift_status read_entry(const directory *d, size_t *at, zip_entry *e)
{
    const unsigned char *p = d->bytes + *at;
    size_t left = d->end - *at;
    if (left < CENTRAL || memcmp(p, "PK\1\2", 4))
        return bad(d, "its directory is damaged");
    uint64_t packed = little_endian(p + 20, 4), full = little_endian(p + 24, 4);
    uint64_t begin = little_endian(p + 42, 4);
    size_t name = (size_t)little_endian(p + 28, 2);
    size_t extra = (size_t)little_endian(p + 30, 2);
    size_t all = CENTRAL + name + extra + (size_t)little_endian(p + 32, 2);
    if (all > left || !widen(p + CENTRAL + name, extra,
                             (uint64_t *[]){&full, &packed, &begin}))
        return bad(d, "its directory is damaged");
    *at += all;
    *e = (zip_entry){.name = (const char *)p + CENTRAL, .length = name};
    if (little_endian(p + 34, 2) != 0)
        return bad(d, "it is in several parts");
    if (leads_upwards(e->name, name))
        return bad(d, "a name in it leads upwards");
    int plain =
        little_endian(p + 10, 2) == 0 && !(little_endian(p + 8, 2) & ENCRYPTED);
    const unsigned char *local =
        begin < d->begin && d->begin - begin >= LOCAL + name ? d->bytes + begin
                                                             : NULL;
    if (!local || memcmp(local, "PK\3\4", 4) ||
        little_endian(local + 26, 2) != name ||
        memcmp(local + LOCAL, e->name, name))
        return bad(d, "a file in it is not where the directory says");
    size_t data =
        (size_t)begin + LOCAL + name + (size_t)little_endian(local + 28, 2);
    if (data > d->begin || packed > d->begin - data ||
        (plain && packed != full))
        return bad(d, "a file in it is larger than the zip can hold");
    e->data = plain ? d->bytes + data : NULL;
    e->size = (size_t)packed;
    e->begin = (size_t)begin;
    e->end = data + (size_t)packed;
    return DRIFT_OK;
}

static int by_place(const void *a, const void *b)
{
    const zip_entry *x = a, *y = b;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : 0;
}

int zip_by_name(const void *a, const void *b)
{
    const zip_entry *x = a, *y = b;
    size_t n = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->name, y->name, n);
    return order                    ? order
           : x->length == y->length ? 0
           : x->length < y->length  ? -1
                                    : 1;
}

const zip_entry *zip_find(const zip_entry *list, size_t count, const char *name,
                          size_t length)
{
    zip_entry wanted = {.name = name, .length = length};
    return count ? bsearch(&wanted, list, count, sizeof *list, zip_by_name)
                 : NULL;
}

drift_status zip_list(drift_context *ctx, const unsigned char *bytes,
                      size_t size, zip_entry **out, size_t *count)
{
    drift_status status = DRIFT_OK;
    directory d = {.ctx = ctx, .bytes = bytes};
    zip_entry *list = NULL;
    *out = NULL;
    *count = 0;
    TRY(read_end(&d, size));
    list = mem_alloc(ctx, (size_t)d.count, sizeof *list);
    if (!list) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    size_t at = d.begin, n = (size_t)d.count;
    for (size_t i = 0; i < n; i++)
        TRY(read_entry(&d, &at, &list[i]));
    if (at != d.end)
        TRY(bad(&d, "its directory holds more than it counts"));
    qsort(list, n, sizeof *list, by_place);
    for (size_t i = 1; i < n; i++)
        if (list[i].begin < list[i - 1].end)
            TRY(bad(&d, "files in it overlap"));
    qsort(list, n, sizeof *list, zip_by_name);
    for (size_t i = 1; i < n; i++)
        if (!zip_by_name(&list[i - 1], &list[i]))
            TRY(bad(&d, "a name is in it twice"));
    *out = list;
    *count = n;
    list = NULL;
out:
    mem_free(list);
    return status;
}
