/* Files of other programs, whose values must come out to the bit: Flax
 * msgpack (jax/forms) and the small safetensors, npy and npz files of
 * torch/files. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/flax.h"
#include "formats/npy.h"
#include "golden.h"

/* One array against the file's tensor of that name, which for forms has a
 * wider type. */
static drift_status compare(golden *g, const char *name, const array *a)
{
    drift_status status = DRIFT_OK;
    double *got = mem_alloc(g->ctx, a ? array_count(a) : 0, sizeof *got);
    if (!got)
        return DRIFT_ERROR_MEMORY;
    if (!a)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s' was not read", name);
    array_to_f64(a, got);
    TRY(golden_absolute(g, got, array_count(a), 0, "%s", name));
out:
    mem_free(got);
    return status;
}

/* The same to the bit, NaN too: the error is the share of wrong bytes. */
static drift_status compare_bytes(golden *g, const char *name, const array *a)
{
    const array *want = golden_find(g, "%s", name);
    if (!a || !want || a->type != want->type || a->ndim != want->ndim ||
        memcmp(a->dim, want->dim, (size_t)a->ndim * sizeof *a->dim))
        return ERROR(g->ctx, DRIFT_ERROR_FORMAT,
                     "'%s' was not read, or has another type or shape", name);
    size_t bytes = array_count(a) * array_type_size(a->type), wrong = 0;
    const unsigned char *x = a->data, *y = want->data;
    for (size_t i = 0; i < bytes; i++)
        wrong += x[i] != y[i];
    golden_line(g, name, bytes ? (double)wrong / (double)bytes : 0, 0);
    return DRIFT_OK;
}

static drift_status check_forms(golden *g)
{
    drift_status status = DRIFT_OK;
    flax f = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.msgpack", g->directory, g->name);
    TRY(flax_open(g->ctx, path, &f));
    for (size_t i = 0; i < g->file.arrays.count; i++) {
        const char *name = g->file.arrays.items[i].name;
        TRY(compare(g, name, array_list_find(&f.arrays, name)));
    }
out:
    flax_close(&f);
    return status;
}

/* What a file of torch/files holds, by its ending; *known 0 for others. */
static drift_status read_file(golden *g, const char *file, safetensors *s,
                              array_list *list, int *known)
{
    char path[1024];
    const char *ending = strrchr(file, '.');
    snprintf(path, sizeof path, "%s/%s", g->directory, file);
    *known = 1;
    if (ending && !strcmp(ending, ".safetensors"))
        return safetensors_open(g->ctx, path, s);
    if (ending && !strcmp(ending, ".npy"))
        return npy_read(g->ctx, path, list);
    if (ending && !strcmp(ending, ".npz"))
        return npz_read(g->ctx, path, list);
    *known = 0;
    return DRIFT_OK;
}

/* Tensors are named FILE/PATH. A file that may be refused may lack. */
static drift_status check_value(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    safetensors s = {0};
    array_list list = {0};
    char file[64];
    int known;
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (!length || length >= sizeof file)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s' is not FILE/PATH", name);
    memcpy(file, name, length);
    file[length] = '\0';
    TRY(read_file(g, file, &s, &list, &known));
    if (known)
        TRY(compare_bytes(
            g, name,
            array_list_find(s.arrays.count ? &s.arrays : &list, slash + 1)));
    else
        golden_todo(g, name);
out:
    safetensors_close(&s);
    array_list_free(&list);
    return status;
}

static drift_status check_files(golden *g)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < g->file.arrays.count; i++)
        TRY(check_value(g, g->file.arrays.items[i].name));
out:
    return status;
}

const golden_family check_formats[] = {{"forms.safetensors", check_forms, 0},
                                       {"expected.safetensors", check_files, 0},
                                       {0}};
