/* Writing a torch file (networks-and-formats 6.3): a zip with a pickle of
 * protocol 2, in which each tensor is one storage of its own. PyTorch reads it
 * with weights_only, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "formats/torch.h"
#include "formats/torch_tree.h"
#include "formats/zip_write.h"

#define FOLDER "archive/"

static void put_number(FILE *f, uint64_t n, int bytes)
{
    for (int i = 0; i < bytes; i++)
        fputc((int)(n >> (8 * i) & 255), f);
}

/* BININT has 4 bytes, the highest bit its sign; LONG1 their number first. */
static void put_integer(FILE *f, uint64_t n)
{
    int small = n < (uint64_t)1 << 31;
    fputs(small ? "J" : "\x8a\x08", f);
    put_number(f, n, small ? 4 : 8);
}

static void put_text(FILE *f, const char *text)
{
    size_t length = strlen(text);
    fputc('X', f);
    put_number(f, length, 4);
    fwrite(text, 1, length, f);
}

static void put_tensor(FILE *f, const array *a, size_t which)
{
    char key[24];
    size_t stride[ARRAY_DIMS], count = 1;
    snprintf(key, sizeof key, "%zu", which);
    for (int d = a->ndim; d-- > 0; count *= a->dim[d])
        stride[d] = count;
    fputs("ctorch._utils\n_rebuild_tensor_v2\n((", f);
    put_text(f, "storage");
    fprintf(f, "c%s\n", torch_storage_class(a->type));
    put_text(f, key);
    put_text(f, "cpu");
    put_integer(f, array_count(a));
    fputs("tQ", f); /* the persistent id; then where the tensor begins */
    put_integer(f, 0);
    fputc('(', f);
    for (int d = 0; d < a->ndim; d++)
        put_integer(f, a->dim[d]);
    fputs("t(", f);
    for (int d = 0; d < a->ndim; d++)
        put_integer(f, stride[d]);
    /* No gradient, no hooks. */
    fputs("t\x89"
          "ccollections\nOrderedDict\n)RtR",
          f);
}

static drift_status pickle_of(drift_context *ctx, const array_list *arrays,
                              char **text, size_t *size)
{
    FILE *f = open_memstream(text, size);
    if (!f)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    fputs("\x80\x02}(", f); /* a dictionary, and the mark before its items */
    for (size_t i = 0; i < arrays->count; i++) {
        put_text(f, arrays->items[i].name);
        put_tensor(f, &arrays->items[i], i);
    }
    fputs("u.", f);
    int failed = ferror(f);
    if (fclose(f) != 0 || failed)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    return DRIFT_OK;
}

static drift_status put_entry(zip_writer *w, const char *name, const void *data,
                              size_t size)
{
    drift_status status = zip_begin(w, name, size);
    return status == DRIFT_OK ? zip_write(w, data, size) : status;
}

/* What a torch file cannot hold. */
static drift_status check(drift_context *ctx, const char *path, const array *a)
{
    json_t *name = json_string(a->name);
    if (!name)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "'%s': unable to write tensor '%s': not UTF-8", path,
                     a->name);
    json_decref(name);
    if (!torch_storage_class(a->type))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "'%s': torch files have no tensors of type %s, as '%s' is",
                     path, array_type_name(a->type), a->name);
    return DRIFT_OK;
}

drift_status torch_write(drift_context *ctx, const char *path,
                         const array_list *arrays)
{
    drift_status status = DRIFT_OK;
    zip_writer *w = NULL;
    char *text = NULL, name[64];
    size_t size;
    for (size_t i = 0; i < arrays->count; i++)
        TRY(check(ctx, path, &arrays->items[i]));
    TRY(pickle_of(ctx, arrays, &text, &size));
    TRY(zip_create(ctx, path, &w));
    TRY(put_entry(w, FOLDER "data.pkl", text, size));
    TRY(put_entry(w, FOLDER "byteorder", "little", 6));
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        snprintf(name, sizeof name, FOLDER "data/%zu", i);
        TRY(put_entry(w, name, a->data,
                      array_count(a) * array_type_size(a->type)));
    }
    TRY(put_entry(w, FOLDER "version", "3\n", 2));
    status = zip_commit(w);
    w = NULL;
out:
    zip_abort(w);
    free(text);
    return status;
}
