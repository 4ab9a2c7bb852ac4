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

/* The label of an archive's entry that is no image of the split. */
#define UNUSED (-1)

typedef struct item_list {
    store_item *items;
    size_t count, room, bytes;
    size_t others; /* images of kinds that are not read */
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

/* Of a file or folder, also before a '/': macOS packs its notes so. */
static int is_hidden(const char *name)
{
    return name[0] == '.' || !strncmp(name, "__MACOSX", 8);
}

/* Whether the file is to be read; counts the images that are not. */
static int is_image(item_list *list, const char *name)
{
    list->others += store_is_other_image_name(name);
    return store_is_image_name(name);
}

static void warn_of_others(const store *s, const item_list *list)
{
    if (list->others)
        log_warning(s->ctx,
                    "'%s': %zu image%s left out: only .png, .jpg and .jpeg "
                    "are read",
                    s->config->path, list->others,
                    list->others == 1 ? " is" : "s are");
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
        if (is_hidden(names[i]))
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
        if (item.name && !is_image(list, names[i])) {
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
        if (!is_hidden(names[i]) && file_is_dir(path))
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
    warn_of_others(s, &list);
out:
    free_items(&list);
    mem_free(folder);
    return status;
}

/* -- an archive --------------------------------------------------------------
 * It means what a folder with the same files would. It is read twice: which
 * folders are the classes shows only when all names are known. */

/* Drop "." and doubled slashes from a name; 0 where a part of it is hidden. */
static int clean_name(char *name)
{
    char *to = name;
    for (const char *p = name, *end; *p; p = *end ? end + 1 : end) {
        end = strchr(p, '/');
        end = end ? end : p + strlen(p);
        size_t n = (size_t)(end - p);
        if (n == 0 || (n == 1 && p[0] == '.'))
            continue;
        if (is_hidden(p))
            return 0;
        memmove(to, p, n + (*end == '/'));
        to += n + (*end == '/');
    }
    *to = '\0';
    return 1;
}

/* One item an entry; those of no use to us get the name "". */
static drift_status list_entries(store *s, const file_view *view,
                                 item_list *all)
{
    drift_status status = DRIFT_OK;
    unpack *from = NULL;
    const char *entry;
    TRY(unpack_open(s->ctx, s->config->path, view->data, view->size,
                    UNPACK_TAR | UNPACK_ZIP | UNPACK_FOLDERS, &from));
    for (;;) {
        TRY(unpack_next(from, &entry));
        if (!entry)
            break;
        store_item item = {.name = mem_strdup(s->ctx, entry), .label = UNUSED};
        if (item.name && !clean_name(item.name))
            item.name[0] = '\0';
        TRY(add_item(s, all, &item));
    }
out:
    unpack_close(from);
    return status;
}

/* Whether names begin with the folder FOLDER/ after the first n bytes. */
static int has_folder(const item_list *all, const char *root, size_t n,
                      const char *folder)
{
    size_t length = strlen(folder);
    for (size_t i = 0; i < all->count; i++) {
        const char *name = all->items[i].name;
        if (!strncmp(name, root, n) && !strncmp(name + n, folder, length) &&
            name[n + length] == '/')
            return 1;
    }
    return 0;
}

/* The folder that all folders and images lie in: the first *n bytes of *root.
 * Folders named as a split is are no such folder. */
static void find_root(const item_list *all, const char **root, size_t *n)
{
    *root = "";
    *n = 0;
    for (;;) {
        const char *next = NULL;
        size_t length = 0;
        for (size_t i = 0; i < all->count; i++) {
            const char *name = all->items[i].name;
            if (strncmp(name, *root, *n))
                continue;
            const char *rest = name + *n, *slash = strchr(rest, '/');
            if (!*rest || (!slash && !store_is_image_name(rest)))
                continue; /* the root itself, a file that does not count */
            if (!slash || (next && strncmp(name, next, length)))
                return;
            next = name;
            length = (size_t)(slash - name) + 1;
        }
        if (!next || has_folder(all, *root, *n, "train") ||
            has_folder(all, *root, *n, "test"))
            return;
        *root = next;
        *n = length;
    }
}

/* Class and use of an entry, by its name from the split's folder on. */
static drift_status label_entry(store *s, store_item *item, char *rest,
                                item_list *all)
{
    drift_status status = DRIFT_OK;
    char *slash = strchr(rest, '/');
    const char *file = slash ? slash + 1 : rest;
    int label = 0;
    if (strchr(file, '/'))
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s: %s' lies deeper than in a class's folder; allowed is one "
             "folder a class with its images",
             s->config->path, item->name);
    if (slash) {
        *slash = '\0';
        status = store_class(s, rest, &label);
        *slash = '/';
        TRY(status);
    }
    if (is_image(all, file))
        item->label = label;
out:
    return status;
}

/* As list_folder: images alone, or class folders that all have images. */
static drift_status check_entries(store *s, const item_list *all, size_t root)
{
    drift_status status = DRIFT_OK;
    const store_item *bare = NULL;
    size_t images = 0;
    char *found = mem_alloc(s->ctx, s->classes, 1);
    if (!found)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < all->count; i++) {
        const store_item *item = &all->items[i];
        if (item->label == UNUSED)
            continue;
        images++;
        if (!strchr(item->name + root, '/'))
            bare = item;
        else
            found[item->label] = 1;
    }
    for (size_t k = 0; k < s->classes; k++)
        if (!found[k])
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': the class folder '%s' has no images (.png, .jpg, "
                 ".jpeg)",
                 s->config->path, s->class_names[k]);
    if (bare && s->classes)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s: %s' lies beside the class folders; allowed are images in "
             "class folders, or images alone",
             s->config->path, bare->name);
    if (!images)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' has no images (.png, .jpg, .jpeg)", s->config->path);
out:
    mem_free(found);
    return status;
}

static drift_status label_entries(store *s, item_list *all)
{
    drift_status status = DRIFT_OK;
    const char *root;
    size_t n;
    find_root(all, &root, &n);
    int train = has_folder(all, root, n, "train");
    int wanted = has_folder(all, root, n, s->split);
    if (!wanted && (train || strcmp(s->split, "train")))
        FAIL(s->ctx, DRIFT_ERROR_IO, "'%s' has no folder '%s'", s->config->path,
             s->split);
    size_t split = wanted ? strlen(s->split) + 1 : 0;
    for (size_t i = 0; i < all->count; i++) {
        store_item *item = &all->items[i];
        char *rest = item->name + n;
        if (!item->name[0] || strncmp(item->name, root, n) ||
            (wanted &&
             (strncmp(rest, s->split, split - 1) || rest[split - 1] != '/')))
            continue;
        TRY(label_entry(s, item, rest + split, all));
    }
    TRY(check_entries(s, all, n + split));
out:
    return status;
}

static drift_status read_entries(store *s, const file_view *view,
                                 const item_list *all)
{
    drift_status status = DRIFT_OK;
    unpack *from = NULL;
    item_list part = {0};
    const char *entry;
    TRY(unpack_open(s->ctx, s->config->path, view->data, view->size,
                    UNPACK_TAR | UNPACK_ZIP | UNPACK_FOLDERS, &from));
    for (size_t i = 0; i < all->count; i++) {
        store_item item = {.label = all->items[i].label};
        TRY(unpack_next(from, &entry));
        if (item.label != UNUSED) {
            TRY(unpack_read_all(from, MAX_FILE, &item.data, &item.size));
            item.name = mem_printf(s->ctx, "%s: %s", s->config->path,
                                   all->items[i].name);
            TRY(add_item(s, &part, &item));
        }
        if (i + 1 == all->count || part.count == PART_FILES ||
            part.bytes > PART_BYTES) {
            TRY(store_decode(s, part.items, part.count));
            clear_items(&part);
        }
    }
out:
    free_items(&part);
    unpack_close(from);
    return status;
}

drift_status load_archive(store *s)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    item_list all = {0};
    TRY(file_open_view(s->ctx, s->config->path, &view));
    TRY(list_entries(s, &view, &all));
    TRY(label_entries(s, &all));
    TRY(read_entries(s, &view, &all));
    if (s->classes)
        TRY(store_sort_classes(s));
    warn_of_others(s, &all);
out:
    free_items(&all);
    file_close_view(&view);
    return status;
}
