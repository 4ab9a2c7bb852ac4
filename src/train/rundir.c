/* Making, opening and locking the folder of a run. */
#include "train/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Any of these makes a folder one that holds a run. */
static const char *const marks[] = {"config.yaml", "metrics.jsonl",
                                    "checkpoints", "log.txt"};

/* Files that a run makes, by how their names begin and end; nothing else is
 * ever removed. */
static const struct {
    const char *folder, *begin, *end;
} made[] = {
    {"", "config.yaml", ""},
    {"", "metrics.jsonl", ""},
    {"", "events.", ""},
    {"", "curves.png", ""},
    {"", "samples.png", ""},
    {"", "progress.png", ""},
    {"", "field.png", ""},
    {"", "losses.png", ""},
    {"", "run.gif", ""},
    {"/samples", "", ".png"},
    {"/checkpoints", "", ".safetensors"},
    {"/checkpoints", "", ".part"},
};

static int matches(const char *name, const char *begin, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return !strncmp(name, begin, strlen(begin)) && length >= tail &&
           !strcmp(name + length - tail, end);
}

drift_status rundir_check_free(drift_context *ctx, const char *path)
{
    drift_status status = DRIFT_OK;
    char *name = NULL;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        mem_free(name);
        name = mem_printf(ctx, "%s/%s", path, marks[i]);
        if (!name) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (file_exists(name))
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "folder '%s' holds a run already (%s is there): resume it, "
                 "choose another folder or force a new run",
                 path, marks[i]);
    }
out:
    mem_free(name);
    return status;
}

/* Remove the files of folder PATH/made.folder that match; with `torn`, only
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
    if (!file_exists(dir))
        goto out;
    TRY(file_list(ctx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        int found = strstr(names[i], ".tmp-") != NULL;
        for (size_t k = 0; k < sizeof made / sizeof *made && !torn; k++)
            found |= !strcmp(made[k].folder, folder) &&
                     matches(names[i], made[k].begin, made[k].end);
        if (!found)
            continue;
        mem_free(whole);
        whole = mem_printf(ctx, "%s/%s", dir, names[i]);
        if (!whole) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (unlink(whole) != 0)
            FAIL(ctx, DRIFT_ERROR_IO, "unable to remove '%s': %s", whole,
                 strerror(errno));
    }
out:
    file_list_free(names, count);
    mem_free(whole);
    mem_free(dir);
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
                           const config *c, rundir *r)
{
    drift_status status = DRIFT_OK;
    TRY(set_path(ctx, path, r));
    if (!force)
        TRY(rundir_check_free(ctx, path));
    TRY(file_make_dir(ctx, path));
    TRY(open_log(r));
    if (force) {
        TRY(remove_made(ctx, path, "", 0));
        TRY(remove_made(ctx, path, "/samples", 0));
        TRY(remove_made(ctx, path, "/checkpoints", 0));
    }
    TRY(make_folders(ctx, r));
    TRY(rundir_write_config(r, c));
out:
    return status;
}

drift_status rundir_open(drift_context *ctx, const char *path, rundir *r)
{
    drift_status status = DRIFT_OK;
    TRY(set_path(ctx, path, r));
    TRY(open_log(r));
    TRY(remove_made(ctx, path, "", 1));
    TRY(remove_made(ctx, path, "/samples", 1));
    TRY(remove_made(ctx, path, "/checkpoints", 1));
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
