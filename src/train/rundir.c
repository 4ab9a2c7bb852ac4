/* Making, opening and locking the folder of a run. */
#include "train/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* The mark of a run, and the first file that one writes. */
#define MARK "checkpoints/latest.safetensors"

/* Event files; a host's name follows, so no more of the name is known. */
#define EVENTS "events.out.tfevents."

/* Files that a run makes; nothing else is ever removed. Where `end` is not
 * NULL a number lies between the two. */
static const struct {
    const char *folder, *begin, *end;
} made[] = {
    {"", "config.yaml", NULL},
    {"", "metrics.jsonl", NULL},
    {"", "curves.png", NULL},
    {"", "samples.png", NULL},
    {"", "comparison.png", NULL},
    {"", "progress.png", NULL},
    {"", "field.png", NULL},
    {"", "losses.png", NULL},
    {"", "run.gif", NULL},
    {"", "features.cache", NULL},
    {"", "encoder.safetensors", NULL},
    {"/samples", "step-", ".png"},
    {"/samples", "step-", ".npz"},
    {"/checkpoints", "latest.safetensors", NULL},
    {"/checkpoints", "best.safetensors", NULL},
    {"/checkpoints", "step-", ".safetensors"},
    {"/checkpoints", "failed-", ".safetensors"},
    {"/evaluation", "metrics.csv", NULL},
    {"/evaluation", "distance_vs_step.png", NULL},
};

#define FOLDERS 4
static const char *const made_folders[FOLDERS] = {
    "", "/samples", "/checkpoints", "/evaluation"};

int64_t rundir_number(const char *name, const char *begin, const char *end)
{
    size_t n = strlen(begin), digits;
    if (strncmp(name, begin, n) != 0)
        return -1;
    digits = strspn(name + n, "0123456789");
    if (digits < 1 || digits > 18 || strcmp(name + n + digits, end) != 0)
        return -1;
    return strtoll(name + n, NULL, 10);
}

static int is_made(const char *folder, const char *name)
{
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (!strcmp(made[i].folder, folder) &&
            (made[i].end ? rundir_number(name, made[i].begin, made[i].end) >= 0
                         : !strcmp(name, made[i].begin)))
            return 1;
    return !*folder && !strncmp(name, EVENTS, strlen(EVENTS));
}

/* What a killed process left of writing such a file: NAME.tmp-PID. */
static int is_torn(const char *folder, const char *name)
{
    char whole[256];
    const char *tail = strstr(name, ".tmp-");
    if (!tail || rundir_number(tail, ".tmp-", "") < 0 ||
        (size_t)(tail - name) >= sizeof whole)
        return 0;
    snprintf(whole, sizeof whole, "%.*s", (int)(tail - name), name);
    return is_made(folder, whole);
}

drift_status rundir_check_free(drift_context *ctx, const char *path, int force)
{
    drift_status status = DRIFT_OK;
    char *dir = NULL, **names = NULL;
    size_t count = 0;
    char *mark = mem_printf(ctx, "%s/" MARK, path);
    if (!mark)
        return DRIFT_ERROR_MEMORY;
    if (file_exists(mark)) {
        if (!force)
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "folder '%s' holds a run already (" MARK " is there): resume "
                 "it, choose another folder or force a new run",
                 path);
        goto out;
    }
    for (size_t f = 0; f < FOLDERS; f++) {
        mem_free(dir);
        dir = mem_printf(ctx, "%s%s", path, made_folders[f]);
        if (!dir) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (!file_is_dir(dir))
            continue;
        file_list_free(names, count);
        TRY(file_list(ctx, dir, &names, &count));
        for (size_t i = 0; i < count; i++)
            if (is_made(made_folders[f], names[i]))
                FAIL(ctx, DRIFT_ERROR_USAGE,
                     "folder '%s' holds no run, but '%s/%s', a name that a run "
                     "uses: move it or choose another folder",
                     path, dir, names[i]);
    }
out:
    file_list_free(names, count);
    mem_free(dir);
    mem_free(mark);
    return status;
}

static drift_status remove_file(drift_context *ctx, const char *path)
{
    return unlink(path) == 0
               ? DRIFT_OK
               : ERROR(ctx, DRIFT_ERROR_IO, "unable to remove '%s': %s", path,
                       strerror(errno));
}

/* Remove what a run made in PATH/folder, but for the mark; with `torn`, only
 * the temporaries that a killed process left. */
static drift_status remove_made(drift_context *ctx, const char *path,
                                const char *folder, int torn)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *whole = NULL;
    size_t count = 0;
    char *dir = mem_printf(ctx, "%s%s", path, folder);
    if (!dir)
        return DRIFT_ERROR_MEMORY;
    if (!file_is_dir(dir))
        goto out;
    TRY(file_list(ctx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (!is_torn(folder, names[i]) && (torn || !is_made(folder, names[i])))
            continue;
        mem_free(whole);
        whole = mem_printf(ctx, "%s/%s", dir, names[i]);
        if (!whole) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (strcmp(whole + strlen(path) + 1, MARK) != 0)
            TRY(remove_file(ctx, whole));
    }
out:
    file_list_free(names, count);
    mem_free(whole);
    mem_free(dir);
    return status;
}

static drift_status remove_torn(drift_context *ctx, const char *path)
{
    drift_status status = DRIFT_OK;
    for (size_t f = 0; f < FOLDERS; f++)
        TRY(remove_made(ctx, path, made_folders[f], 1));
out:
    return status;
}

/* The mark goes last: a folder in which this was cut short still holds a run
 * that can be forced away. */
static drift_status remove_run(drift_context *ctx, const char *path)
{
    drift_status status = DRIFT_OK;
    char *mark = mem_printf(ctx, "%s/" MARK, path);
    if (!mark)
        return DRIFT_ERROR_MEMORY;
    if (!file_exists(mark))
        goto out;
    for (size_t f = 0; f < FOLDERS; f++)
        TRY(remove_made(ctx, path, made_folders[f], 0));
    TRY(remove_file(ctx, mark));
out:
    mem_free(mark);
    return status;
}

static drift_status make_folders(drift_context *ctx, const rundir *r)
{
    drift_status status = DRIFT_OK;
    static const char *const folders[] = {"checkpoints", "samples"};
    char *path = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        mem_free(path);
        path = rundir_path(r, "%s", folders[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        TRY(file_make_dir(ctx, path));
    }
out:
    mem_free(path);
    return status;
}

/* log.txt, locked for this process until the close. */
static drift_status open_log(rundir *r)
{
    drift_status status = DRIFT_OK;
    char *name = rundir_path(r, "log.txt");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (!name)
        return DRIFT_ERROR_MEMORY;
    r->log = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (r->log < 0)
        FAIL(r->ctx, DRIFT_ERROR_IO, "unable to open '%s': %s", name,
             strerror(errno));
    /* Not every file system can lock; only a lock that is held counts. */
    if (fcntl(r->log, F_SETLK, &lock) != 0 &&
        (errno == EACCES || errno == EAGAIN))
        FAIL(r->ctx, DRIFT_ERROR_USAGE,
             "another process is training in folder '%s'", r->path);
out:
    mem_free(name);
    return status;
}

static drift_status set_path(drift_context *ctx, const char *path, rundir *r)
{
    *r = (rundir){.ctx = ctx, .log = -1};
    r->path = mem_strdup(ctx, path);
    return r->path ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

drift_status rundir_create(drift_context *ctx, const char *path, int force,
                           rundir *r)
{
    drift_status status = DRIFT_OK;
    TRY(set_path(ctx, path, r));
    TRY(file_make_dir(ctx, path));
    TRY(open_log(r));
    TRY(rundir_check_free(ctx, path, force)); /* now no other can change it */
    TRY(remove_run(ctx, path));
    TRY(remove_torn(ctx, path));
    TRY(make_folders(ctx, r));
out:
    return status;
}

drift_status rundir_open(drift_context *ctx, const char *path, rundir *r)
{
    drift_status status = DRIFT_OK;
    TRY(set_path(ctx, path, r));
    TRY(open_log(r));
    TRY(remove_torn(ctx, path));
    TRY(make_folders(ctx, r));
out:
    return status;
}

void rundir_close(rundir *r)
{
    if (r->path && r->log >= 0)
        close(r->log);
    mem_free(r->path);
    *r = (rundir){.log = -1};
}

char *rundir_path(const rundir *r, const char *format, ...)
{
    char name[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof name, format, ap);
    va_end(ap);
    return mem_printf(r->ctx, "%s/%s", r->path, name);
}

/* 0 for other names. */
static int64_t numbered(const char *name)
{
    return rundir_number(name, "step-", ".safetensors") + 1;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = numbered(*(char *const *)a), y = numbered(*(char *const *)b);
    return (x > y) - (x < y);
}

drift_status rundir_checkpoints(drift_context *ctx, const char *path,
                                char ***names, size_t *count)
{
    drift_status status = DRIFT_OK;
    size_t all = 0, kept = 0;
    char *folder = mem_printf(ctx, "%s/checkpoints", path);
    *names = NULL;
    *count = 0;
    if (!folder)
        return DRIFT_ERROR_MEMORY;
    TRY(file_list(ctx, folder, names, &all));
    for (size_t i = 0; i < all; i++)
        if (numbered((*names)[i]))
            (*names)[kept++] = (*names)[i];
        else
            mem_free((*names)[i]);
    qsort(*names, kept, sizeof **names, by_number);
    *count = kept;
out:
    mem_free(folder);
    return status;
}

drift_status rundir_write_config(const rundir *r, const config *c)
{
    drift_status status = DRIFT_OK;
    char *text = NULL, *name = rundir_path(r, "config.yaml");
    if (!name)
        return DRIFT_ERROR_MEMORY;
    TRY(config_text(r->ctx, c, &text));
    TRY(file_replace(r->ctx, name, text, strlen(text)));
out:
    mem_free(text);
    mem_free(name);
    return status;
}

static void log_line(const rundir *r, const char *mark, const char *text)
{
    char line[1200], when[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int n = snprintf(line, sizeof line, "%s %s%s\n", when, mark, text);
    if (n < 0 || r->log < 0)
        return;
    size_t length = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    /* A log that cannot be written stops nothing: the metrics would fail. */
    ssize_t done = write(r->log, line, length);
    (void)done;
}

void rundir_note(const rundir *r, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_line(r, "", text);
}

void rundir_log(const rundir *r, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_line(r, "", text);
    log_info(r->ctx, "%s", text);
}

void rundir_warn(const rundir *r, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_line(r, "warning: ", text);
    log_warning(r->ctx, "%s", text);
}
