/* Reading archives through libarchive. */
#include "formats/unpack.h"

#include <stdint.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/mem.h"

#define BEST_RATIO 8192 /* xz on zeros; deflate has 1032 */
#define PIECE      ((size_t)1 << 16)

struct unpack {
    drift_context *ctx;
    char *name;
    size_t size;
    struct archive *archive;
    char *entry; /* "" before the first */
};

static drift_status failed(unpack *u, const char *what)
{
    const char *text = archive_error_string(u->archive);
    return ERROR(u->ctx, DRIFT_ERROR_FORMAT, "'%s'%s%s: %s: %s", u->name,
                 u->entry[0] ? ": " : "", u->entry, what,
                 text ? text : "unknown format");
}

/* libarchive can start programs for rarer filters; these it has inside. */
static int set_up(struct archive *a, int kinds)
{
    int bad = 0;
    bad |= archive_read_support_filter_none(a) != ARCHIVE_OK;
    bad |= archive_read_support_filter_gzip(a) != ARCHIVE_OK;
    bad |= archive_read_support_filter_bzip2(a) != ARCHIVE_OK;
    bad |= archive_read_support_filter_xz(a) != ARCHIVE_OK;
    if (kinds & UNPACK_TAR)
        bad |= archive_read_support_format_tar(a) != ARCHIVE_OK;
    if (kinds & UNPACK_ZIP)
        bad |= archive_read_support_format_zip_seekable(a) != ARCHIVE_OK;
    if (kinds & UNPACK_GZ)
        bad |= archive_read_support_format_raw(a) != ARCHIVE_OK;
    return bad;
}

drift_status unpack_open(drift_context *ctx, const char *name,
                         const unsigned char *data, size_t size, int kinds,
                         unpack **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    unpack *u = mem_alloc(ctx, 1, sizeof *u);
    if (!u)
        return DRIFT_ERROR_MEMORY;
    u->ctx = ctx;
    u->size = size;
    u->name = mem_strdup(ctx, name);
    u->entry = mem_strdup(ctx, "");
    if (!u->name || !u->entry) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    u->archive = archive_read_new();
    if (!u->archive)
        FAIL(ctx, DRIFT_ERROR_MEMORY, "out of memory in libarchive");
    if (set_up(u->archive, kinds))
        FAIL(ctx, DRIFT_ERROR_UNAVAILABLE,
             "this libarchive lacks tar, zip or a decompressor");
    if (size == 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "'%s' is empty", name);
    if (archive_read_open_memory(u->archive, data, size) != ARCHIVE_OK)
        TRY(failed(u, "unable to read it"));
    *out = u;
    u = NULL;
out:
    unpack_close(u);
    return status;
}

void unpack_close(unpack *u)
{
    if (!u)
        return;
    if (u->archive)
        archive_read_free(u->archive);
    mem_free(u->name);
    mem_free(u->entry);
    mem_free(u);
}

drift_status unpack_next(unpack *u, const char **name)
{
    struct archive_entry *entry;
    *name = NULL;
    for (;;) {
        int code = archive_read_next_header(u->archive, &entry);
        if (code == ARCHIVE_EOF)
            return DRIFT_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return failed(u, "unable to read the next file");
        if (archive_entry_filetype(entry) == AE_IFREG &&
            !archive_entry_hardlink(entry))
            break;
    }
    /* The first form needs the name in the locale's characters. */
    const char *found = archive_entry_pathname(entry);
    if (!found)
        found = archive_entry_pathname_utf8(entry);
    char *copy = mem_strdup(u->ctx, found ? found : "?");
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    mem_free(u->entry);
    u->entry = copy;
    *name = copy;
    return DRIFT_OK;
}

drift_status unpack_read(unpack *u, void *out, size_t size, size_t *got)
{
    unsigned char *p = out;
    *got = 0;
    while (*got < size) {
        la_ssize_t n = archive_read_data(u->archive, p + *got, size - *got);
        if (n == ARCHIVE_RETRY)
            continue;
        if (n < 0)
            return failed(u, "unable to unpack");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return DRIFT_OK;
}

drift_status unpack_read_all(unpack *u, size_t limit, unsigned char **data,
                             size_t *size)
{
    drift_status status = DRIFT_OK;
    unsigned char *p = NULL;
    size_t room = 0, used = 0, got = 0;
    do {
        room = room ? 2 * room : PIECE;
        unsigned char *more = mem_resize(u->ctx, p, room, 1);
        if (!more) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        p = more;
        TRY(unpack_read(u, p + used, room - used, &got));
        used += got;
        if (used > limit)
            FAIL(u->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': %s: more than the %zu bytes allowed", u->name, u->entry,
                 limit);
    } while (used == room);
    *data = p;
    *size = used;
    p = NULL;
out:
    mem_free(p);
    return status;
}

size_t unpack_limit(const unpack *u)
{
    return u->size > SIZE_MAX / BEST_RATIO ? SIZE_MAX : u->size * BEST_RATIO;
}
