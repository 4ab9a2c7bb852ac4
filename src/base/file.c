/* Files: mapped reading, atomic writing, folders. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* Pipes and other unmappable files are read in pieces of this size. */
#define PIECE (1u << 16)
/* Symbolic links in a row; the kernels' own limits are about this. */
#define MOST_LINKS 40

struct file_writer {
    drift_context *ctx;
    char *path;
    char *temporary; /* "" when written straight away, and once renamed */
    int fd;
    unsigned char *map; /* of file_map, or NULL */
    size_t map_size;
};

static drift_status read_stream(drift_context *ctx, const char *path, int fd,
                                file_view *out)
{
    drift_status status = DRIFT_OK;
    unsigned char *data = NULL;
    size_t size = 0, room = 0;
    for (;;) {
        if (room - size < PIECE) {
            room = room ? 2 * room : PIECE;
            unsigned char *more = mem_resize(ctx, data, room, 1);
            if (!more) {
                status = DRIFT_ERROR_MEMORY;
                goto out;
            }
            data = more;
        }
        ssize_t n = read(fd, data + size, room - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL(ctx, DRIFT_ERROR_IO, "unable to read '%s': %s", path,
                 strerror(errno));
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *out = (file_view){.data = data, .size = size};
    data = NULL;
out:
    mem_free(data);
    return status;
}

drift_status file_open_view(drift_context *ctx, const char *path,
                            file_view *out)
{
    drift_status status = DRIFT_OK;
    struct stat info;
    *out = (file_view){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0)
        FAIL(ctx, DRIFT_ERROR_IO, "unable to open '%s': %s", path,
             strerror(errno));
    if (S_ISDIR(info.st_mode))
        FAIL(ctx, DRIFT_ERROR_IO, "unable to open '%s': %s", path,
             strerror(EISDIR));
    if (S_ISREG(info.st_mode) && info.st_size > 0) {
        void *p =
            mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p != MAP_FAILED) {
            *out = (file_view){p, (size_t)info.st_size, 1};
            goto out;
        }
    }
    TRY(read_stream(ctx, path, fd, out));
out:
    if (fd >= 0)
        close(fd);
    return status;
}

void file_close_view(file_view *view)
{
    if (view->mapped)
        munmap((void *)(uintptr_t)view->data, view->size);
    else
        mem_free((void *)(uintptr_t)view->data);
    *view = (file_view){0};
}

/* Advice: where the system does not take it, nothing is lost but time. */
static void advise(const file_view *view, size_t at, size_t size, int advice)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = at % page;
    if (view->mapped)
        (void)posix_madvise((void *)(uintptr_t)(view->data + at - before),
                            size + before, advice);
}

void file_scattered(const file_view *view)
{
    advise(view, 0, view->size, POSIX_MADV_RANDOM);
}

void file_expect(const file_view *view, size_t at, size_t size)
{
    advise(view, at, size, POSIX_MADV_WILLNEED);
}

/* Where a path leads by symbolic links; nothing need be there yet. A rename
 * to the path itself would put the file in the place of the link. */
static drift_status follow_links(drift_context *ctx, const char *path,
                                 char **out)
{
    drift_status status = DRIFT_OK;
    char link[4096], *at = mem_strdup(ctx, path);
    for (int left = MOST_LINKS; at; left--) {
        ssize_t n = readlink(at, link, sizeof link - 1);
        if (n < 0)
            break;
        if (!left || (size_t)n == sizeof link - 1)
            FAIL(ctx, DRIFT_ERROR_IO, "unable to create '%s': %s", path,
                 strerror(left ? ENAMETOOLONG : ELOOP));
        link[n] = '\0';
        char *slash = link[0] == '/' ? NULL : strrchr(at, '/');
        char *next = mem_printf(ctx, "%.*s%s",
                                slash ? (int)(slash - at + 1) : 0, at, link);
        mem_free(at);
        at = next;
    }
    status = at ? DRIFT_OK : DRIFT_ERROR_MEMORY;
    *out = at;
    at = NULL;
out:
    mem_free(at);
    return status;
}

/* What error texts call it. */
static const char *name_of(const file_writer *w)
{
    return w->temporary[0] ? w->temporary : w->path;
}

drift_status file_create(drift_context *ctx, const char *path,
                         file_writer **out)
{
    drift_status status = DRIFT_OK;
    struct stat info;
    file_writer *w = mem_alloc(ctx, 1, sizeof *w);
    *out = NULL;
    if (!w)
        return DRIFT_ERROR_MEMORY;
    w->ctx = ctx;
    w->fd = -1;
    int is_stdout = !strcmp(path, "-");
    /* A pipe or a device is written to, not replaced by a file. */
    int straight =
        is_stdout || (stat(path, &info) == 0 && !S_ISREG(info.st_mode));
    if (straight)
        w->path = mem_strdup(ctx, is_stdout ? "standard output" : path);
    else
        TRY(follow_links(ctx, path, &w->path));
    if (w->path)
        w->temporary =
            straight ? mem_strdup(ctx, "")
                     : mem_printf(ctx, "%s.tmp-%ld", w->path, (long)getpid());
    if (!w->temporary) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    int flags = O_CLOEXEC | (straight ? O_WRONLY : O_RDWR | O_CREAT | O_TRUNC);
    w->fd = is_stdout ? dup(STDOUT_FILENO) : open(name_of(w), flags, 0666);
    if (w->fd < 0)
        FAIL(ctx, DRIFT_ERROR_IO, "unable to create '%s': %s", name_of(w),
             strerror(errno));
    *out = w;
    w = NULL;
out:
    file_abort(w);
    return status;
}

drift_status file_write(file_writer *w, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t n = write(w->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERROR(w->ctx, DRIFT_ERROR_IO, "unable to write '%s': %s",
                         name_of(w), strerror(errno));
        p += n;
        size -= (size_t)n;
    }
    return DRIFT_OK;
}

/* Space on the disk for a file that is empty: by the system, or, where it or
 * the file system cannot, by zeros. */
static drift_status take_space(file_writer *w, size_t size)
{
    static const unsigned char zeros[PIECE];
    drift_status status = DRIFT_OK;
#ifdef HAVE_POSIX_FALLOCATE
    int failed;
    do
        failed = posix_fallocate(w->fd, 0, (off_t)size);
    while (failed == EINTR);
    if (!failed)
        return DRIFT_OK;
    if (failed != EINVAL && failed != EOPNOTSUPP)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to take %zu bytes for '%s': %s",
             size, name_of(w), strerror(failed));
#endif
    for (size_t at = 0; at < size; at += PIECE)
        TRY(file_write(w, zeros, size - at < PIECE ? size - at : PIECE));
out:
    return status;
}

drift_status file_map(file_writer *w, size_t size, unsigned char **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    TRY(take_space(w, size));
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
    if (map == MAP_FAILED)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to map '%s': %s", name_of(w),
             strerror(errno));
    *out = w->map = map;
    w->map_size = size;
out:
    return status;
}

/* The rename itself is only safe once its folder is on disk. Best effort: not
 * every file system lets a folder be synced. */
static void sync_folder(const char *path)
{
    char *copy = mem_strdup(NULL, path);
    if (!copy)
        return;
    char *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    int fd = open(slash ? copy : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    mem_free(copy);
}

drift_status file_commit(file_writer *w)
{
    drift_status status = DRIFT_OK;
    int straight = !w->temporary[0];
    if (w->map && msync(w->map, w->map_size, MS_SYNC) != 0)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to write '%s': %s", name_of(w),
             strerror(errno));
    if (!straight && fsync(w->fd) != 0 && errno != EINVAL)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to write '%s': %s", name_of(w),
             strerror(errno));
    int failed = close(w->fd);
    w->fd = -1;
    if (failed)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to write '%s': %s", name_of(w),
             strerror(errno));
    if (straight)
        goto out;
    if (rename(w->temporary, w->path) != 0)
        FAIL(w->ctx, DRIFT_ERROR_IO, "unable to rename '%s' to '%s': %s",
             w->temporary, w->path, strerror(errno));
    sync_folder(w->path);
    w->temporary[0] = '\0';
out:
    file_abort(w);
    return status;
}

void file_abort(file_writer *w)
{
    if (!w)
        return;
    if (w->map)
        munmap(w->map, w->map_size);
    if (w->fd >= 0)
        close(w->fd);
    if (w->temporary && w->temporary[0])
        (void)unlink(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    mem_free(w);
}

drift_status file_replace(drift_context *ctx, const char *path,
                          const void *data, size_t size)
{
    drift_status status = DRIFT_OK;
    file_writer *w = NULL;
    TRY(file_create(ctx, path, &w));
    TRY(file_write(w, data, size));
    status = file_commit(w);
    w = NULL;
out:
    file_abort(w);
    return status;
}

drift_status file_make_dir(drift_context *ctx, const char *path)
{
    drift_status status = DRIFT_OK;
    char *copy = mem_strdup(ctx, path);
    if (!copy)
        return DRIFT_ERROR_MEMORY;
    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        int failed = mkdir(copy, 0777) != 0 ? errno : 0;
        if (failed && !file_is_dir(copy))
            FAIL(ctx, DRIFT_ERROR_IO, "unable to create folder '%s': %s", copy,
                 strerror(failed));
        *p = end;
        if (!end)
            break;
    }
out:
    mem_free(copy);
    return status;
}

int file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

int file_is_regular(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

int file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

drift_status file_list(drift_context *ctx, const char *path, char ***names,
                       size_t *count)
{
    drift_status status = DRIFT_OK;
    char **list = NULL;
    size_t n = 0, room = 0;
    struct dirent *entry;
    *names = NULL;
    *count = 0;
    DIR *dir = opendir(path);
    if (!dir)
        FAIL(ctx, DRIFT_ERROR_IO, "unable to open folder '%s': %s", path,
             strerror(errno));
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (n == room) {
            room = room ? 2 * room : 16;
            char **more = mem_resize(ctx, list, room, sizeof *list);
            if (!more) {
                status = DRIFT_ERROR_MEMORY;
                goto out;
            }
            list = more;
        }
        list[n] = mem_strdup(ctx, entry->d_name);
        if (!list[n]) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        n++;
    }
    if (n)
        qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    list = NULL;
    n = 0;
out:
    if (dir)
        closedir(dir);
    file_list_free(list, n);
    return status;
}

void file_list_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}
