/* Files of other programs, whose values must come out to the bit: Flax
 * msgpack (jax/forms) and the small safetensors, npy, npz and torch files of
 * torch/files. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/flax.h"
#include "formats/npy.h"
#include "formats/torch.h"
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

/* The files of torch/files are of one of these kinds, by their ending. */
typedef struct any_file {
    safetensors st;
    torch_file torch;
    array_list numpy;
    const array_list *arrays;
} any_file;

static drift_status read_file(golden *g, const char *file, any_file *out)
{
    char path[1024];
    const char *ending = strrchr(file, '.');
    if (!ending)
        return ERROR(g->ctx, DRIFT_ERROR_FORMAT, "'%s' has no ending", file);
    snprintf(path, sizeof path, "%s/%s", g->directory, file);
    if (!strcmp(ending, ".pth") || !strcmp(ending, ".pt")) {
        out->arrays = &out->torch.arrays;
        return torch_open(g->ctx, path, &out->torch);
    }
    if (!strcmp(ending, ".safetensors")) {
        out->arrays = &out->st.arrays;
        return safetensors_open(g->ctx, path, &out->st);
    }
    out->arrays = &out->numpy;
    return !strcmp(ending, ".npz") ? npz_read(g->ctx, path, &out->numpy)
                                   : npy_read(g->ctx, path, &out->numpy);
}

/* Tensors are named FILE/PATH. */
static drift_status check_value(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    any_file f = {0};
    char file[64];
    const char *slash = strchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 0;
    if (!length || length >= sizeof file)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s' is not FILE/PATH", name);
    memcpy(file, name, length);
    file[length] = '\0';
    if (!strcmp(file, "zip_deflated.pth")) { /* may be refused, and is */
        golden_todo(g, name);
        goto out;
    }
    TRY(read_file(g, file, &f));
    TRY(compare_bytes(g, name, array_list_find(f.arrays, slash + 1)));
out:
    safetensors_close(&f.st);
    torch_close(&f.torch);
    array_list_free(&f.numpy);
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
