/* Reading archives through libarchive. Its gzip filter does not look at the
 * checksums: gzip is undone by zlib, which does, before libarchive sees it. */
#include "formats/unpack.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

#define BEST_RATIO 8192 /* xz on zeros; deflate has 1032 */
#define PIECE      ((size_t)1 << 16)
#define GZIP       31 /* inflateInit2's: the largest window, a gzip header */
#define MOST_IN    ((size_t)1 << 30) /* zlib counts in an unsigned int */
#define TAR_BLOCK  512

struct unpack {
    drift_context *ctx;
    char *name;
    size_t size;
    int folders;
    struct archive *archive;
    int begun;   /* there is an entry */
    char *entry; /* its name, "" before the first */
    z_stream gzip;
    const unsigned char *gzip_end; /* or NULL: not gzip */
    int gzip_done;                 /* read to the end and checked */
    unsigned char *piece;          /* PIECE bytes of what was in it */
};

static drift_status failed(unpack *u, const char *what)
{
    const char *text = archive_error_string(u->archive);
    return ERROR(u->ctx, DRIFT_ERROR_FORMAT, "'%s'%s%s: %s: %s", u->name,
                 u->entry[0] ? ": " : "", u->entry, what,
                 text ? text : "unknown format");
}

/* -- gzip --------------------------------------------------------------------
 */

static int is_gzip(const unsigned char *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* After one member comes another, or nothing but zeros. */
static int next_member(unpack *u)
{
    z_stream *z = &u->gzip;
    if (is_gzip(z->next_in, (size_t)(u->gzip_end - z->next_in)))
        return inflateReset(z);
    while (z->next_in < u->gzip_end)
        if (*z->next_in++)
            return Z_DATA_ERROR;
    u->gzip_done = 1;
    return Z_OK;
}

/* The next bytes, for libarchive; none at the end. */
static la_ssize_t inflate_piece(struct archive *a, void *data, const void **out)
{
    unpack *u = data;
    z_stream *z = &u->gzip;
    int code = Z_OK;
    *out = z->next_out = u->piece;
    z->avail_out = PIECE;
    while (code == Z_OK && !u->gzip_done && z->avail_out == PIECE) {
        size_t left = (size_t)(u->gzip_end - z->next_in);
        z->avail_in = (uInt)(left < MOST_IN ? left : MOST_IN);
        code = inflate(z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            code = next_member(u);
    }
    if (code == Z_OK)
        return (la_ssize_t)(PIECE - z->avail_out);
    archive_set_error(a, EINVAL, "gzip: %s",
                      code == Z_BUF_ERROR   ? "the file is cut"
                      : code == Z_MEM_ERROR ? "out of memory"
                      : z->msg              ? z->msg
                                            : "bytes after the end");
    return ARCHIVE_FATAL;
}

static drift_status open_gzip(unpack *u, const unsigned char *data, size_t size)
{
    u->piece = mem_alloc(u->ctx, PIECE, 1);
    if (!u->piece)
        return DRIFT_ERROR_MEMORY;
    if (inflateInit2(&u->gzip, GZIP) != Z_OK)
        return ERROR(u->ctx, DRIFT_ERROR_MEMORY, "out of memory in zlib");
    u->gzip.next_in = data;
    u->gzip_end = data + size;
    return archive_read_open(u->archive, u, NULL, inflate_piece, NULL) ==
                   ARCHIVE_OK
               ? DRIFT_OK
               : failed(u, "unable to read it");
}

/* -- archives ----------------------------------------------------------------
 */

/* libarchive can start programs for rarer filters; these it has inside. */
static int set_up(struct archive *a, int kinds)
{
    int bad = 0;
    bad |= archive_read_support_filter_none(a) != ARCHIVE_OK;
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
    u->folders = kinds & UNPACK_FOLDERS;
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
    if (is_gzip(data, size))
        TRY(open_gzip(u, data, size));
    else if (archive_read_open_memory(u->archive, data, size) != ARCHIVE_OK)
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
    (void)inflateEnd(&u->gzip);
    mem_free(u->piece);
    mem_free(u->name);
    mem_free(u->entry);
    mem_free(u);
}

/* After the last entry: nothing was cut off, the checksums of gzip hold. */
static drift_status check_end(unpack *u, la_int64_t last)
{
    int format = archive_format(u->archive) & ARCHIVE_FORMAT_BASE_MASK;
    if (format == ARCHIVE_FORMAT_TAR &&
        archive_filter_bytes(u->archive, 0) < last + TAR_BLOCK)
        return ERROR(u->ctx, DRIFT_ERROR_FORMAT,
                     "'%s' is cut: the empty block at the end of a tar is "
                     "missing",
                     u->name);
    while (u->gzip_end && !u->gzip_done) {
        const void *rest;
        if (inflate_piece(u->archive, u, &rest) < 0)
            return failed(u, "unable to read its end");
    }
    return DRIFT_OK;
}

/* The next entry of any kind, NULL after the last. */
static drift_status next_entry(unpack *u, struct archive_entry **entry)
{
    *entry = NULL;
    if (u->begun && archive_read_data_skip(u->archive) < ARCHIVE_WARN)
        return failed(u, "unable to unpack");
    u->begun = 1;
    la_int64_t last = archive_filter_bytes(u->archive, 0);
    int code = archive_read_next_header(u->archive, entry);
    if (code == ARCHIVE_EOF) {
        *entry = NULL;
        return check_end(u, last);
    }
    return code == ARCHIVE_OK || code == ARCHIVE_WARN
               ? DRIFT_OK
               : failed(u, "unable to read the next file");
}

drift_status unpack_next(unpack *u, const char **name)
{
    drift_status status = DRIFT_OK;
    struct archive_entry *entry;
    int folder;
    *name = NULL;
    do {
        TRY(next_entry(u, &entry));
        if (!entry)
            goto out;
        folder = u->folders && archive_entry_filetype(entry) == AE_IFDIR;
    } while (!folder && (archive_entry_filetype(entry) != AE_IFREG ||
                         archive_entry_hardlink(entry)));
    /* The first form needs the name in the locale's characters. */
    const char *found = archive_entry_pathname(entry);
    if (!found)
        found = archive_entry_pathname_utf8(entry);
    if (!found)
        found = "?";
    size_t n = strlen(found);
    int slash = folder && n && found[n - 1] != '/';
    char *copy = mem_printf(u->ctx, "%s%s", found, slash ? "/" : "");
    if (!copy) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    mem_free(u->entry);
    u->entry = copy;
    *name = copy;
out:
    return status;
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
