/* Image files: a folder with one folder a class, or the same in an archive.
 * A folder (or archive) without class folders is one class. Folders `train`
 * and `test`, where there are any, hold the splits. */
#include "data/store.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/unpack.h"

/* An archive is decoded in parts of so many files or bytes. */
#define PART_FILES 512
#define PART_BYTES ((size_t)32 << 20)
#define MAX_FILE   ((size_t)64 << 20)

typedef struct item_list {
    store_item *items;
    size_t count, room, bytes;
} item_list;

static void clear_items(item_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i].name);
        mem_free(list->items[i].data);
    }
    list->count = list->bytes = 0;
}

static void free_items(item_list *list)
{
    clear_items(list);
    mem_free(list->items);
}

/* Takes over item->name and item->data, also on failure. */
static drift_status add_item(store *s, item_list *list, const store_item *item)
{
    if (item->name && list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        store_item *more = mem_resize(s->ctx, list->items, room, sizeof *more);
        if (more) {
            list->items = more;
            list->room = room;
        }
    }
    if (!item->name || list->count == list->room) {
        mem_free(item->name);
        mem_free(item->data);
        return DRIFT_ERROR_MEMORY;
    }
    list->items[list->count++] = *item;
    list->bytes += item->size;
    return DRIFT_OK;
}

/* -- a folder ----------------------------------------------------------------
 */

/* The images of one folder, by name. A folder inside it is an error where
 * `deep` says so: its images would silently be left out. */
static drift_status list_images(store *s, const char *folder, int label,
                                int deep, item_list *list)
{
    drift_status status = DRIFT_OK;
    char **names = NULL;
    size_t count = 0;
    TRY(file_list(s->ctx, folder, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '.')
            continue;
        store_item item = {.label = label};
        item.name = mem_printf(s->ctx, "%s/%s", folder, names[i]);
        if (item.name && deep && file_is_dir(item.name)) {
            mem_free(item.name);
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s/%s' is a folder inside a class's folder; allowed is one "
                 "folder a class with its images",
                 folder, names[i]);
        }
        if (item.name && !store_is_image_name(names[i])) {
            mem_free(item.name);
            continue;
        }
        TRY(add_item(s, list, &item));
    }
out:
    file_list_free(names, count);
    return status;
}

static drift_status list_class(store *s, const char *folder, const char *name,
                               item_list *list)
{
    drift_status status = DRIFT_OK;
    size_t before = list->count;
    int label;
    char *path = mem_printf(s->ctx, "%s/%s", folder, name);
    if (!path)
        return DRIFT_ERROR_MEMORY;
    TRY(store_class(s, name, &label));
    TRY(list_images(s, path, label, 1, list));
    if (list->count == before)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "the class folder '%s' has no images (.png, .jpg, .jpeg)", path);
out:
    mem_free(path);
    return status;
}

static drift_status list_folder(store *s, const char *folder, item_list *list)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *path = NULL;
    size_t count = 0;
    TRY(file_list(s->ctx, folder, &names, &count));
    for (size_t i = 0; i < count; i++) {
        mem_free(path);
        path = mem_printf(s->ctx, "%s/%s", folder, names[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (names[i][0] != '.' && file_is_dir(path))
            TRY(list_class(s, folder, names[i], list));
    }
    size_t in_classes = list->count;
    TRY(list_images(s, folder, 0, 0, list));
    if (in_classes && list->count > in_classes)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' lies beside the class folders; allowed are images in class "
             "folders, or images alone",
             list->items[in_classes].name);
    if (!list->count)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "the folder '%s' has no images (.png, .jpg, .jpeg)", folder);
out:
    file_list_free(names, count);
    mem_free(path);
    return status;
}

/* PATH/SPLIT where PATH has such folders, else PATH itself for "train". */
static drift_status split_folder(store *s, char **out)
{
    drift_status status = DRIFT_OK;
    const char *path = s->config->path;
    char *train = mem_printf(s->ctx, "%s/train", path);
    char *wanted = mem_printf(s->ctx, "%s/%s", path, s->split);
    if (!train || !wanted) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!file_is_dir(wanted)) {
        if (strcmp(s->split, "train") || file_is_dir(train))
            FAIL(s->ctx, DRIFT_ERROR_IO, "'%s' has no folder '%s'", path,
                 s->split);
        mem_free(wanted);
        wanted = mem_strdup(s->ctx, path);
        if (!wanted)
            status = DRIFT_ERROR_MEMORY;
    }
    *out = wanted;
    wanted = NULL;
out:
    mem_free(train);
    mem_free(wanted);
    return status;
}

/* Keep what data.limit keeps, before anything is decoded. */
static drift_status limit_items(store *s, item_list *list)
{
    drift_status status = DRIFT_OK;
    size_t kept, n = 0;
    int one = s->config->classes == 1 || s->classes == 0;
    unsigned char *keep = mem_alloc(s->ctx, list->count, 1);
    int *labels = mem_alloc(s->ctx, list->count, sizeof *labels);
    if (!keep || !labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < list->count; i++)
        labels[i] = one ? 0 : list->items[i].label;
    TRY(store_select(s, labels, one ? 1 : s->classes, list->count, keep,
                     &kept));
    for (size_t i = 0; i < list->count; i++) {
        if (keep[i])
            list->items[n++] = list->items[i];
        else
            mem_free(list->items[i].name);
    }
    list->count = n;
out:
    mem_free(keep);
    mem_free(labels);
    return status;
}

drift_status load_folder(store *s)
{
    drift_status status = DRIFT_OK;
    item_list list = {0};
    char *folder = NULL;
    TRY(split_folder(s, &folder));
    TRY(list_folder(s, folder, &list));
    TRY(limit_items(s, &list));
    TRY(store_decode(s, list.items, list.count));
out:
    free_items(&list);
    mem_free(folder);
    return status;
}

/* -- an archive --------------------------------------------------------------
 */

/* The split that a folder's name stands for, or NULL. */
static const char *split_of(const char *name, size_t n)
{
    static const char *const splits[] = {"train", "test", "val", "valid",
                                         "validation"};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        if (strlen(splits[i]) == n && !strncmp(name, splits[i], n))
            return splits[i];
    return NULL;
}

/* The class folder's name in out (that of the entry's parent, "" for none);
 * 0 when the entry belongs to another split. */
static int class_of(const store *s, const char *entry, char *out, size_t size)
{
    const char *parent = "", *split = "train";
    size_t length = 0;
    for (const char *p = entry, *end; (end = strchr(p, '/')); p = end + 1) {
        const char *found = split_of(p, (size_t)(end - p));
        split = found ? found : split;
        parent = found ? "" : p;
        length = found ? 0 : (size_t)(end - p);
    }
    if (length >= size)
        length = size - 1;
    memcpy(out, parent, length);
    out[length] = '\0';
    return !strcmp(split, s->split);
}

static drift_status add_entry(store *s, unpack *from, const char *entry,
                              item_list *list)
{
    drift_status status = DRIFT_OK;
    store_item item = {0};
    char name[256];
    if (!store_is_image_name(entry) || strstr(entry, "__MACOSX/") ||
        !class_of(s, entry, name, sizeof name))
        return DRIFT_OK;
    TRY(store_class(s, name, &item.label));
    item.name = mem_printf(s->ctx, "%s: %s", s->config->path, entry);
    if (!item.name)
        return DRIFT_ERROR_MEMORY;
    TRY(unpack_read_all(from, MAX_FILE, &item.data, &item.size));
    return add_item(s, list, &item);
out:
    mem_free(item.name);
    return status;
}

/* "" is the class of images beside the class folders. */
static drift_status check_classes(store *s)
{
    drift_status status = DRIFT_OK;
    int bare = 0;
    for (size_t i = 0; i < s->classes; i++)
        bare |= !s->class_names[i][0];
    if (bare && s->classes > 1)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' has images beside the class folders; allowed are images in "
             "class folders, or images alone",
             s->config->path);
    if (!s->count)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' has no images (.png, .jpg, .jpeg) for the split '%s'",
             s->config->path, s->split);
    TRY(store_sort_classes(s));
out:
    return status;
}

drift_status load_archive(store *s)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    unpack *from = NULL;
    item_list part = {0};
    const char *entry;
    TRY(file_open_view(s->ctx, s->config->path, &view));
    TRY(unpack_open(s->ctx, s->config->path, view.data, view.size,
                    UNPACK_TAR | UNPACK_ZIP, &from));
    do {
        TRY(unpack_next(from, &entry));
        if (entry)
            TRY(add_entry(s, from, entry, &part));
        if (!entry || part.count == PART_FILES || part.bytes > PART_BYTES) {
            TRY(store_decode(s, part.items, part.count));
            clear_items(&part);
        }
    } while (entry);
    TRY(check_classes(s));
out:
    free_items(&part);
    unpack_close(from);
    file_close_view(&view);
    return status;
}
