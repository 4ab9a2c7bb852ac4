/* The configuration as drift.h shows it, and the presets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/share.h"
#include "train/config_internal.h"

/* -- presets ------------------------------------------------------------ */

#define SUFFIX ".yaml"

typedef struct preset {
    char *name, *path, *comment;
} preset;

struct drift_presets {
    preset *list;
    size_t count;
};

static drift_status preset_path(drift_context *ctx, const char *name,
                                char **out)
{
    drift_status status = DRIFT_OK;
    char *file = mem_printf(ctx, "%s" SUFFIX, name);
    *out = NULL;
    if (!file)
        return DRIFT_ERROR_MEMORY;
    status = share_find(ctx, SHARE_PRESETS, file, out);
    mem_free(file);
    return status;
}

/* The first line without its "# "; NULL: memory. */
static char *first_comment(drift_context *ctx, const file_view *view)
{
    const char *text = (const char *)view->data;
    size_t start = 0, end = 0;
    if (!view->size || text[0] != '#')
        return mem_strdup(ctx, "");
    while (start < view->size && (text[start] == '#' || text[start] == ' '))
        start++;
    for (end = start; end < view->size && text[end] != '\n'; end++)
        ;
    return mem_printf(ctx, "%.*s", (int)(end - start), text + start);
}

static drift_status add_preset(drift_context *ctx, drift_subject subject,
                               drift_presets *p, const char *folder,
                               const char *file)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    size_t n = strlen(file);
    preset one = {0}, *more;
    if (n <= strlen(SUFFIX) || strcmp(file + n - strlen(SUFFIX), SUFFIX) != 0)
        return DRIFT_OK;
    n -= strlen(SUFFIX);
    for (size_t i = 0; i < p->count; i++) /* an earlier folder wins */
        if (strlen(p->list[i].name) == n && !strncmp(p->list[i].name, file, n))
            return DRIFT_OK;
    one.name = mem_printf(ctx, "%.*s", (int)n, file);
    one.path = mem_printf(ctx, "%s/%s", folder, file);
    if (one.path && file_is_dir(one.path))
        goto out;
    more = mem_resize(ctx, p->list, p->count + 1, sizeof *p->list);
    if (more)
        p->list = more;
    if (!more || !one.name || !one.path) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(file_open_view(ctx, one.path, &view));
    if (config_is_of_other(subject, (const char *)view.data, view.size))
        goto out;
    one.comment = first_comment(ctx, &view);
    if (!one.comment) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    p->list[p->count++] = one;
    one = (preset){0};
out:
    file_close_view(&view);
    mem_free(one.name);
    mem_free(one.path);
    mem_free(one.comment);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const preset *)a)->name, ((const preset *)b)->name);
}

drift_status drift_presets_open(drift_context *ctx, drift_subject subject,
                                drift_presets **out)
{
    drift_status status = DRIFT_OK;
    char *folder = NULL, **names = NULL;
    size_t count = 0;
    drift_presets *p = mem_alloc(ctx, 1, sizeof *p);
    *out = NULL;
    if (!p)
        return DRIFT_ERROR_MEMORY;
    for (int i = 0;; i++) {
        TRY(share_folder(ctx, SHARE_PRESETS, i, &folder));
        if (!folder)
            break;
        if (file_exists(folder)) {
            TRY(file_list(ctx, folder, &names, &count));
            for (size_t k = 0; k < count; k++)
                TRY(add_preset(ctx, subject, p, folder, names[k]));
            file_list_free(names, count);
            names = NULL;
            count = 0;
        }
        mem_free(folder);
        folder = NULL;
    }
    if (p->count)
        qsort(p->list, p->count, sizeof *p->list, by_name);
    *out = p;
    p = NULL;
out:
    file_list_free(names, count);
    mem_free(folder);
    drift_presets_free(p);
    return status;
}

size_t drift_presets_count(const drift_presets *p)
{
    return p->count;
}

const char *drift_presets_name(const drift_presets *p, size_t i)
{
    return i < p->count ? p->list[i].name : "";
}

const char *drift_presets_comment(const drift_presets *p, size_t i)
{
    return i < p->count ? p->list[i].comment : "";
}

void drift_presets_free(drift_presets *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->list[i].name);
        mem_free(p->list[i].path);
        mem_free(p->list[i].comment);
    }
    mem_free(p->list);
    mem_free(p);
}

/* -- reading and writing ------------------------------------------------ */

drift_status drift_config_new(drift_context *ctx, drift_subject subject,
                              drift_config **out)
{
    return config_new(ctx, subject, out);
}

void drift_config_free(drift_config *c)
{
    config_free(c);
}

/* The name was neither a file nor a preset: say which presets there are. */
static drift_status unknown_name(drift_context *ctx, drift_subject subject,
                                 const char *name)
{
    drift_status status = DRIFT_OK;
    drift_presets *p = NULL;
    const char *nearest = "";
    size_t least = (size_t)-1;
    TRY(drift_presets_open(ctx, subject, &p));
    for (size_t i = 0; i < p->count; i++) {
        size_t d = edit_distance(name, p->list[i].name);
        if (d < least) {
            least = d;
            nearest = p->list[i].name;
        }
    }
    FAIL(ctx, DRIFT_ERROR_USAGE,
         "'%s' is neither a file nor a preset (nearest preset: '%s')", name,
         nearest);
out:
    drift_presets_free(p);
    return status;
}

/* A folder of the same name as a preset does not hide the preset. */
static int is_file(const char *name)
{
    struct stat info;
    return stat(name, &info) == 0 && !S_ISDIR(info.st_mode);
}

drift_status drift_config_read(drift_context *ctx, drift_config *c,
                               const char *name)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    char *path = NULL;
    if (!is_file(name) && !strchr(name, '/')) {
        TRY(preset_path(ctx, name, &path));
        if (!path)
            return unknown_name(ctx, c->subject, name);
    }
    const char *file = path ? path : name;
    TRY(file_open_view(ctx, file, &view));
    TRY(config_parse(ctx, c, file, (const char *)view.data, view.size));
out:
    file_close_view(&view);
    mem_free(path);
    return status;
}

drift_status drift_config_set(drift_context *ctx, drift_config *c,
                              const char *assignment)
{
    drift_status status = DRIFT_OK;
    const char *equals = strchr(assignment, '=');
    char where[160], *key = NULL;
    snprintf(where, sizeof where, "argument '%.120s'", assignment);
    if (!equals)
        FAIL(ctx, DRIFT_ERROR_USAGE, "%s is not of the form key=value", where);
    key = mem_printf(ctx, "%.*s", (int)(equals - assignment), assignment);
    if (!key)
        return DRIFT_ERROR_MEMORY;
    TRY(config_set(ctx, c, where, key, equals + 1));
out:
    mem_free(key);
    return status;
}

drift_status drift_config_get(drift_context *ctx, const drift_config *c,
                              const char *name, char *text, size_t size)
{
    drift_status status = DRIFT_OK;
    const config_key *key;
    char *value = NULL;
    TRY(config_key_of(ctx, c, "", name, &key));
    value = config_value(ctx, c, key);
    if (!value)
        return DRIFT_ERROR_MEMORY;
    if (strlen(value) >= size)
        FAIL(ctx, DRIFT_ERROR_USAGE, "%s: its value takes %zu bytes", name,
             strlen(value) + 1);
    memcpy(text, value, strlen(value) + 1);
out:
    mem_free(value);
    return status;
}

drift_status drift_config_check(drift_context *ctx, const drift_config *c)
{
    drift_status status = DRIFT_OK;
    config *copy = NULL;
    TRY(config_copy(ctx, c, &copy));
    TRY(config_resolve(ctx, copy));
out:
    config_free(copy);
    return status;
}

drift_status drift_config_write(drift_context *ctx, const drift_config *c,
                                const char *path)
{
    drift_status status = DRIFT_OK;
    char *text = NULL;
    TRY(config_text(ctx, c, &text));
    TRY(file_replace(ctx, path, text, strlen(text)));
out:
    mem_free(text);
    return status;
}

/* -- the keys ----------------------------------------------------------- */

size_t drift_config_key_count(drift_subject subject)
{
    size_t count = 0;
    for (size_t i = 0; i < config_key_count; i++)
        count += (size_t)config_has(subject, &config_keys[i]);
    return count;
}

void drift_config_key(drift_subject subject, size_t i, drift_key *out)
{
    size_t at = 0;
    static const char *const types[] = {[KEY_BOOL] = "truth value",
                                        [KEY_INT] = "whole number",
                                        [KEY_LONG] = "whole number",
                                        [KEY_SIZE] = "size",
                                        [KEY_FLOAT] = "number",
                                        [KEY_DOUBLE] = "number",
                                        [KEY_ENUM] = "choice",
                                        [KEY_TEXT] = "text",
                                        [KEY_FLOATS] = "list of numbers",
                                        [KEY_INTS] = "list of whole numbers",
                                        [KEY_TEXTS] = "list of texts"};
    *out = (drift_key){
        .name = "", .type = "", .unit = "", .fallback = "", .help = ""};
    for (; at < config_key_count; at++)
        if (config_has(subject, &config_keys[at]) && !i--)
            break;
    if (at == config_key_count)
        return;
    const config_key *key = &config_keys[at];
    out->name = key->name;
    out->type = types[key->type];
    out->unit = key->unit;
    out->fallback = key->fallback;
    out->help = key->help;
    config_allowed(key, out->allowed, sizeof out->allowed);
}
