/* CIFAR-10's binary version: batches of records, each a label byte and 32x32
 * red, then green, then blue bytes. A folder of them, the tar they come in, or
 * a folder with that. */
#include "data/store.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/unpack.h"

#define SIDE      32
#define PLANE     (SIDE * SIDE)
#define RECORD    (1 + 3 * PLANE)
#define MAX_BATCH ((size_t)RECORD * 20000) /* the published have 10,000 */
#define BATCHES   5
#define CLASSES   10

typedef struct batch {
    unsigned char *data;
    size_t size;
} batch;

/* Number of the batch (from 0) in this split, -1 when it is not one. */
static int batch_of(const store *s, const char *name)
{
    const char *base = store_base_name(name);
    if (!strcmp(s->split, "test"))
        return strcmp(base, "test_batch.bin") ? -1 : 0;
    for (int i = 0; i < BATCHES; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "data_batch_%d.bin", i + 1);
        if (!strcmp(base, wanted))
            return i;
    }
    return -1;
}

static int batch_count(const store *s)
{
    return strcmp(s->split, "test") ? BATCHES : 1;
}

static drift_status set_names(store *s)
{
    static const char *const names[CLASSES] = {
        "airplane", "automobile", "bird",  "cat",  "deer",
        "dog",      "frog",       "horse", "ship", "truck"};
    drift_status status = DRIFT_OK;
    int label;
    for (int k = 0; k < CLASSES; k++)
        TRY(store_class(s, names[k], &label));
out:
    return status;
}

static drift_status add_records(store *s, int number, const batch *b)
{
    for (size_t r = 0; r < b->size / RECORD; r++) {
        const unsigned char *from = b->data + r * RECORD;
        unsigned char *to = s->pixels + s->count * 3 * PLANE;
        if (from[0] >= CLASSES)
            return ERROR(s->ctx, DRIFT_ERROR_FORMAT,
                         "'%s': record %zu of batch %d has the label %d; "
                         "allowed are 0 to %d",
                         s->config->path, r, number + 1, from[0], CLASSES - 1);
        s->labels[s->count++] = from[0];
        for (size_t i = 0; i < PLANE; i++)
            for (size_t c = 0; c < 3; c++)
                to[3 * i + c] = from[1 + c * PLANE + i];
    }
    return DRIFT_OK;
}

static drift_status assemble(store *s, const batch *batches)
{
    drift_status status = DRIFT_OK;
    size_t total = 0;
    for (int i = 0; i < batch_count(s); i++) {
        const batch *b = &batches[i];
        if (!b->data)
            FAIL(s->ctx, DRIFT_ERROR_IO, "'%s' lacks %s%.0d%s", s->config->path,
                 batch_count(s) == 1 ? "test_batch" : "data_batch_",
                 batch_count(s) == 1 ? 0 : i + 1, ".bin");
        if (!b->size || b->size % RECORD)
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': batch %d has %zu bytes; a CIFAR-10 batch is a multiple "
                 "of %d",
                 s->config->path, i + 1, b->size, RECORD);
        total += b->size / RECORD;
    }
    s->height = s->width = SIDE;
    s->channels = 3;
    s->pixels = mem_alloc(s->ctx, total, 3 * PLANE);
    s->labels = mem_alloc(s->ctx, total, sizeof *s->labels);
    if (!s->pixels || !s->labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (int i = 0; i < batch_count(s); i++)
        TRY(add_records(s, i, &batches[i]));
    TRY(set_names(s));
out:
    return status;
}

static drift_status read_folder(store *s, batch *batches)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *path = NULL, *inside = NULL;
    size_t count = 0;
    /* As unpacked: the batches in a folder of their own. */
    inside = mem_printf(s->ctx, "%s/cifar-10-batches-bin", s->config->path);
    if (!inside) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    const char *folder = file_is_dir(inside) ? inside : s->config->path;
    TRY(file_list(s->ctx, folder, &names, &count));
    for (size_t i = 0; i < count; i++) {
        int number = batch_of(s, names[i]);
        if (number < 0)
            continue;
        file_view view;
        mem_free(path);
        path = mem_printf(s->ctx, "%s/%s", folder, names[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        TRY(file_open_view(s->ctx, path, &view));
        if (view.size > MAX_BATCH) {
            file_close_view(&view);
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': more than the %zu bytes allowed", path, MAX_BATCH);
        }
        batch *b = &batches[number];
        b->data = mem_alloc(s->ctx, view.size, 1);
        b->size = view.size;
        if (b->data)
            memcpy(b->data, view.data, view.size);
        else
            status = DRIFT_ERROR_MEMORY;
        file_close_view(&view);
        TRY(status);
    }
out:
    file_list_free(names, count);
    mem_free(inside);
    mem_free(path);
    return status;
}

static drift_status read_archive(store *s, const char *path, batch *batches)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    unpack *from = NULL;
    const char *name;
    TRY(file_open_view(s->ctx, path, &view));
    TRY(unpack_open(s->ctx, path, view.data, view.size, UNPACK_TAR | UNPACK_ZIP,
                    &from));
    for (;;) {
        TRY(unpack_next(from, &name));
        if (!name)
            break; /* to the end: only there checksums are compared */
        int number = batch_of(s, name);
        if (number < 0 || batches[number].data)
            continue;
        TRY(unpack_read_all(from, MAX_BATCH, &batches[number].data,
                            &batches[number].size));
    }
out:
    unpack_close(from);
    file_close_view(&view);
    return status;
}

drift_status load_cifar(store *s)
{
    drift_status status = DRIFT_OK;
    batch batches[BATCHES] = {{0}};
    const char *path = s->config->path;
    char *packed = mem_printf(s->ctx, "%s/" CIFAR_ARCHIVE, path);
    if (!packed)
        return DRIFT_ERROR_MEMORY;
    if (!file_is_dir(path))
        TRY(read_archive(s, path, batches));
    else if (file_exists(packed))
        TRY(read_archive(s, packed, batches));
    else
        TRY(read_folder(s, batches));
    TRY(assemble(s, batches));
out:
    mem_free(packed);
    for (int i = 0; i < BATCHES; i++)
        mem_free(batches[i].data);
    return status;
}

drift_status is_cifar_archive(store *s, int *out)
{
    drift_status status = DRIFT_OK;
    file_view view = {0};
    unpack *from = NULL;
    const char *name;
    *out = 0;
    TRY(file_open_view(s->ctx, s->config->path, &view));
    TRY(unpack_open(s->ctx, s->config->path, view.data, view.size,
                    UNPACK_TAR | UNPACK_ZIP, &from));
    for (;;) {
        TRY(unpack_next(from, &name));
        if (!name || store_is_image_name(name))
            break;
        const char *base = store_base_name(name);
        if (!strncmp(base, "data_batch_", 11) ||
            !strcmp(base, "test_batch.bin")) {
            *out = 1;
            break;
        }
    }
out:
    unpack_close(from);
    file_close_view(&view);
    return status;
}
