/* The two containers of torch.save (networks-and-formats 6.3, 6.4).
 *
 * zip: FOLDER/data.pkl, and each storage as FOLDER/data/KEY.
 * older: pickles of a magic number, a version, facts about the machine, the
 * object and the list of the storages' keys; then each storage's count (i64)
 * and elements. */
#include "formats/torch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/torch_tree.h"

/* -- zip ------------------------------------------------------------------ */

static const char folder[] = "data/";

/* Cut the folder that all are in off their names. */
static drift_status leave_folder(drift_context *ctx, zip_entry *list,
                                 size_t count)
{
    const char *slash =
        count ? memchr(list[0].name, '/', list[0].length) : NULL;
    size_t n = slash ? (size_t)(slash - list[0].name) + 1 : 0;
    /* They are sorted. */
    if (!slash || list[count - 1].length < n ||
        memcmp(list[0].name, list[count - 1].name, n))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "not a torch file: a zip, but not of one folder");
    for (size_t i = 0; i < count; i++) {
        list[i].name += n;
        list[i].length -= n;
    }
    return DRIFT_OK;
}

static const zip_entry *find(const torch_storages *s, const char *name)
{
    return zip_find(s->items, s->count, name, strlen(name));
}

static drift_status check_zip(drift_context *ctx, const torch_storages *all)
{
    const zip_entry *order = find(all, "byteorder");
    if (find(all, "constants.pkl"))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "a TorchScript program; only what torch.save wrote of a "
                     "state_dict is read");
    for (size_t i = 0; i < all->count; i++)
        if (!all->items[i].data)
            return ERROR(ctx, DRIFT_ERROR_FORMAT,
                         "'%.*s' in it is compressed or encrypted, as torch "
                         "does not write it",
                         (int)all->items[i].length, all->items[i].name);
    if (order && (order->size != 6 || memcmp(order->data, "little", 6)))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "written on a big-endian machine, which is not read");
    if (!find(all, "data.pkl"))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "not a torch file: a zip without data.pkl");
    return DRIFT_OK;
}

static drift_status parse_zip(drift_context *ctx, const unsigned char *bytes,
                              size_t size, array_list *out)
{
    drift_status status = DRIFT_OK;
    torch_storages all = {0};
    pickle p = {0};
    size_t used, kept = 0;
    TRY(zip_list(ctx, bytes, size, &all.items, &all.count));
    TRY(leave_folder(ctx, all.items, all.count));
    TRY(check_zip(ctx, &all));
    const zip_entry *main = find(&all, "data.pkl");
    TRY(pickle_read(ctx, main->data, main->size, &p, &used));
    if (used != main->size)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "data.pkl goes on after its end");
    for (size_t i = 0; i < all.count; i++) {
        zip_entry e = all.items[i];
        size_t n = strlen(folder);
        if (e.length < n || memcmp(e.name, folder, n))
            continue;
        e.name += n;
        e.length -= n;
        all.items[kept++] = e;
    }
    all.count = kept;
    TRY(torch_tree(ctx, &p, &all, size, out));
out:
    pickle_free(&p);
    mem_free(all.items);
    return status;
}

/* -- the older form ------------------------------------------------------- */

static const unsigned char magic[] = {0x80, 2,    0x8a, 0x0a, 0x6c,
                                      0xfc, 0x9c, 0x46, 0xf9, 0x20,
                                      0x6a, 0xa8, 0x50, 0x19, '.'};

enum { PART_VERSION, PART_MACHINE, PART_OBJECT, PART_KEYS, PARTS };

static drift_status check_machine(drift_context *ctx, const pickle *version,
                                  const pickle *machine)
{
    const pickle_node *d = machine->root;
    int little = 0;
    if (version->root->kind != PICKLE_INTEGER || version->root->number != 1001)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "a torch file of another version than 1001");
    for (size_t i = 0; d->kind == PICKLE_DICT && i < d->count; i += 2)
        if (pickle_is(d->items[i], PICKLE_TEXT, "little_endian"))
            little = d->items[i + 1]->kind == PICKLE_BOOL &&
                     d->items[i + 1]->number == 1;
    return little ? DRIFT_OK
                  : ERROR(ctx, DRIFT_ERROR_FORMAT,
                          "not written on a little-endian machine: it is not "
                          "read");
}

/* The storages that the object names, each once; as their size that of one
 * element, and no data yet. */
static drift_status named_storages(drift_context *ctx, const pickle *object,
                                   torch_storages *out)
{
    drift_status status = DRIFT_OK;
    size_t count = 0;
    torch_storage s;
    for (const pickle_node *n = object->nodes; n; n = n->next)
        count += n->kind == PICKLE_PERSISTENT;
    out->items = mem_alloc(ctx, count, sizeof *out->items);
    if (!out->items)
        return DRIFT_ERROR_MEMORY;
    zip_entry *e = out->items;
    for (const pickle_node *n = object->nodes; n; n = n->next)
        if (n->kind == PICKLE_PERSISTENT && torch_storage_of(n, &s))
            *e++ = (zip_entry){.name = s.key,
                               .length = s.length,
                               .size = array_type_size(s.type)};
    count = (size_t)(e - out->items);
    qsort(out->items, count, sizeof *out->items, zip_by_name);
    e = out->items;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || zip_by_name(e - 1, &out->items[i]))
            *e++ = out->items[i];
        else if (e[-1].size != out->items[i].size)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "the storage '%.*s' has elements of two sizes",
                 (int)e[-1].length, e[-1].name);
    }
    out->count = (size_t)(e - out->items);
out:
    return status;
}

/* Their data, in the order of the list of keys, up to the end of the file. */
static drift_status place_storages(drift_context *ctx, const pickle *keys,
                                   const unsigned char *p, size_t left,
                                   torch_storages *all)
{
    drift_status status = DRIFT_OK;
    const pickle_node *list = keys->root;
    if (list->kind != PICKLE_LIST)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "no list of the storages");
    for (size_t i = 0; i < list->count; i++) {
        const pickle_node *key = list->items[i];
        const zip_entry *found =
            key->kind == PICKLE_TEXT
                ? zip_find(all->items, all->count, key->text, key->length)
                : NULL;
        if (!found || found->data)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "storage %zu: of no tensor that is read, or there twice", i);
        zip_entry *e = &all->items[found - all->items];
        uint64_t count = left < 8 ? 0 : little_endian(p, 8);
        if (left < 8 || count > (left - 8) / e->size)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "storage '%.*s': the file is cut, or its size is wrong",
                 (int)e->length, e->name);
        e->data = p + 8;
        e->size *= (size_t)count;
        p += 8 + e->size;
        left -= 8 + e->size;
    }
    if (left)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "%zu bytes after the last storage", left);
out:
    return status;
}

static drift_status parse_older(drift_context *ctx, const unsigned char *bytes,
                                size_t size, array_list *out)
{
    drift_status status = DRIFT_OK;
    torch_storages all = {0};
    pickle p[PARTS] = {{0}};
    size_t at = sizeof magic, used;
    for (int i = 0; i < PARTS; i++, at += used)
        TRY(pickle_read(ctx, bytes + at, size - at, &p[i], &used));
    TRY(check_machine(ctx, &p[PART_VERSION], &p[PART_MACHINE]));
    TRY(named_storages(ctx, &p[PART_OBJECT], &all));
    TRY(place_storages(ctx, &p[PART_KEYS], bytes + at, size - at, &all));
    TRY(torch_tree(ctx, &p[PART_OBJECT], &all, size, out));
out:
    for (int i = 0; i < PARTS; i++)
        pickle_free(&p[i]);
    mem_free(all.items);
    return status;
}

/* ------------------------------------------------------------------------- */

drift_status torch_parse(drift_context *ctx, const unsigned char *bytes,
                         size_t size, torch_file *out)
{
    drift_status status = DRIFT_OK;
    if (size >= 4 && !memcmp(bytes, "PK\3\4", 4))
        TRY(parse_zip(ctx, bytes, size, &out->arrays));
    else if (size >= sizeof magic && !memcmp(bytes, magic, sizeof magic))
        TRY(parse_older(ctx, bytes, size, &out->arrays));
    else
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "not a torch file: neither a zip nor the form of before torch "
             "1.6 (the tar of before 0.1.10 is not read)");
    const char *twice = array_list_sort(&out->arrays);
    if (twice)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "tensor '%s' is there twice", twice);
out:
    return status;
}

drift_status torch_open(drift_context *ctx, const char *path, torch_file *out)
{
    *out = (torch_file){0};
    drift_status status = file_open_view(ctx, path, &out->view);
    if (status != DRIFT_OK)
        return status;
    status = torch_parse(ctx, out->view.data, out->view.size, out);
    if (status != DRIFT_OK) {
        torch_close(out);
        return error_prefix(ctx, status, "'%s'", path);
    }
    return DRIFT_OK;
}

void torch_close(torch_file *f)
{
    array_list_free(&f->arrays);
    file_close_view(&f->view);
    *f = (torch_file){0};
}
