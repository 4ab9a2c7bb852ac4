/* Saving and restoring the state of a run. latest.safetensors is written whole
 * beside the old one and renamed over it, so at every moment there is a good
 * one; step-N.safetensors is a second name of the same file where the file
 * system has such names, else a copy. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/trainer.h"

/* -- banks -------------------------------------------------------------- */

typedef struct bank_array {
    const char *name;
    int64_t *data;
    size_t count;
} bank_array;

#define BANK_ARRAYS 6

/* What a bank of rings is made of; the whole data set needs no memory. */
static size_t bank_arrays(const bank *b, bank_array list[BANK_ARRAYS])
{
    if (!b || b->whole)
        return 0;
    const rings *r[2] = {&b->by_class, &b->all};
    static const char *const names[2][3] = {
        {"bank.class.index", "bank.class.position", "bank.class.count"},
        {"bank.all.index", "bank.all.position", "bank.all.count"}};
    for (int i = 0; i < 2; i++) {
        size_t classes = (size_t)r[i]->classes;
        list[3 * i] =
            (bank_array){names[i][0], r[i]->index, r[i]->start[classes]};
        list[3 * i + 1] = (bank_array){names[i][1], r[i]->position, classes};
        list[3 * i + 2] = (bank_array){names[i][2], r[i]->count, classes};
    }
    return BANK_ARRAYS;
}

static drift_status bank_to_arrays(drift_trainer *t, array_list *out)
{
    drift_status status = DRIFT_OK;
    bank_array list[BANK_ARRAYS];
    size_t count = bank_arrays(t->step.bank, list);
    for (size_t i = 0; i < count; i++) {
        array a = {.type = ARRAY_I64,
                   .ndim = 1,
                   .dim = {list[i].count},
                   .data = list[i].data};
        TRY(array_list_add(t->ctx, out, list[i].name, &a));
    }
out:
    return status;
}

/* Every index must name a sample, every position and count a slot. */
static drift_status check_ring(drift_context *ctx, const rings *r,
                               int64_t samples, const char *what)
{
    drift_status status = DRIFT_OK;
    for (int c = 0; c < r->classes; c++) {
        int64_t slots = (int64_t)(r->start[c + 1] - r->start[c]);
        if (r->count[c] < 0 || r->count[c] > slots || r->position[c] < 0 ||
            r->position[c] >= slots)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "'bank.%s' of class %d: position %" PRId64
                 " and count %" PRId64 " do not fit %" PRId64 " slots",
                 what, c, r->position[c], r->count[c], slots);
        for (int64_t i = 0; i < r->count[c]; i++) {
            int64_t index = r->index[r->start[c] + (size_t)i];
            if (index < 0 || index >= samples)
                FAIL(ctx, DRIFT_ERROR_FORMAT,
                     "'bank.%s.index' names sample %" PRId64
                     "; the data hold %" PRId64,
                     what, index, samples);
        }
    }
out:
    return status;
}

static drift_status bank_from_arrays(drift_trainer *t, const array_list *in)
{
    drift_status status = DRIFT_OK;
    bank_array list[BANK_ARRAYS];
    bank *b = t->step.bank;
    size_t count = bank_arrays(b, list);
    for (size_t i = 0; i < count; i++) {
        const array *a = array_list_find(in, list[i].name);
        if (!a)
            FAIL(t->ctx, DRIFT_ERROR_SHAPE, "tensor '%s' is missing",
                 list[i].name);
        if (a->type != ARRAY_I64 || a->ndim != 1 || a->dim[0] != list[i].count)
            FAIL(t->ctx, DRIFT_ERROR_SHAPE,
                 "tensor '%s' has %zu numbers of type %s; wanted %zu of I64",
                 list[i].name, array_count(a), array_type_name(a->type),
                 list[i].count);
        memcpy(list[i].data, a->data, list[i].count * sizeof(int64_t));
    }
    if (count) {
        int64_t samples = (int64_t)t->data->count;
        TRY(check_ring(t->ctx, &b->by_class, samples, "class"));
        TRY(check_ring(t->ctx, &b->all, samples, "all"));
    }
out:
    return status;
}

/* -- the watch over collapses ------------------------------------------- */

#define WATCH "collapse.below"

static drift_status watch_to_arrays(drift_trainer *t, array_list *out)
{
    array a = {.type = ARRAY_I32,
               .ndim = 1,
               .dim = {(size_t)t->watch.classes},
               .data = t->watch.below};
    return array_list_add(t->ctx, out, WATCH, &a);
}

static drift_status watch_from_arrays(drift_trainer *t, const array_list *in)
{
    const array *a = array_list_find(in, WATCH);
    size_t classes = (size_t)t->watch.classes;
    if (!a || a->type != ARRAY_I32 || a->ndim != 1 || a->dim[0] != classes)
        return ERROR(t->ctx, DRIFT_ERROR_SHAPE,
                     "tensor '" WATCH "' is missing, or not %zu of I32",
                     classes);
    memcpy(t->watch.below, a->data, classes * sizeof(int32_t));
    return DRIFT_OK;
}

/* -- saving ------------------------------------------------------------- */

static drift_status write_state(drift_trainer *t, const char *path)
{
    drift_status status = DRIFT_OK;
    array_list more = {0};
    checkpoint_facts facts = {.step = t->steps,
                              .images = t->images,
                              .seconds = t->seconds,
                              .sample = t->generator->sample,
                              .points = t->data->points,
                              .class_names = t->data->class_names};
    snprintf(facts.data_digest, sizeof facts.data_digest, "%s",
             t->data->digest);
    if (t->optimizer.torn)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "a step failed half way: its state is not one to go on from");
    TRY(bank_to_arrays(t, &more));
    TRY(watch_to_arrays(t, &more));
    TRY(checkpoint_write(t->ctx, path, t->c, &facts, &t->optimizer, &more));
out:
    array_list_free(&more);
    return status;
}

static int64_t numbered(const char *name)
{
    return rundir_number(name, "step-", ".safetensors");
}

static int by_number(const void *a, const void *b)
{
    int64_t x = numbered(*(char *const *)a), y = numbered(*(char *const *)b);
    return (x > y) - (x < y);
}

/* Remove the oldest numbered checkpoints beyond run.keep_last. */
static drift_status prune(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *path = NULL;
    size_t count = 0, found = 0, keep = (size_t)t->c->run.keep_last;
    char *folder = rundir_path(&t->dir, "checkpoints");
    if (!folder)
        return DRIFT_ERROR_MEMORY;
    TRY(file_list(t->ctx, folder, &names, &count));
    qsort(names, count, sizeof *names, by_number);
    for (size_t i = 0; i < count; i++)
        found += numbered(names[i]) >= 0;
    /* Sorted: other names come first, then by rising number. */
    for (size_t i = count - found; found > keep; i++, found--) {
        mem_free(path);
        path = mem_printf(t->ctx, "%s/%s", folder, names[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (unlink(path) != 0)
            FAIL(t->ctx, DRIFT_ERROR_IO, "unable to remove '%s': %s", path,
                 strerror(errno));
    }
out:
    file_list_free(names, count);
    mem_free(path);
    mem_free(folder);
    return status;
}

drift_status save_state(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    char *latest = rundir_path(&t->dir, "checkpoints/latest.safetensors");
    char *name = rundir_path(
        &t->dir, "checkpoints/step-%06" PRId64 ".safetensors", t->steps);
    if (!latest || !name) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(write_state(t, latest));
    if (t->steps && t->c->run.keep_last > 0) {
        (void)unlink(name); /* of an earlier life of this run */
        if (link(latest, name) != 0)
            TRY(write_state(t, name));
    }
    TRY(prune(t));
    t->saved = t->steps;
out:
    mem_free(name);
    mem_free(latest);
    return status;
}

drift_status save_failed(drift_trainer *t, char **path)
{
    drift_status status = DRIFT_OK;
    char *name = rundir_path(
        &t->dir, "checkpoints/failed-%06" PRId64 ".safetensors", t->steps + 1);
    *path = NULL;
    if (!name)
        return DRIFT_ERROR_MEMORY;
    TRY(write_state(t, name));
    *path = name;
    name = NULL;
out:
    mem_free(name);
    return status;
}

/* -- restoring ---------------------------------------------------------- */

drift_status restore_state(drift_trainer *t, const checkpoint *file)
{
    drift_status status = DRIFT_OK;
    params *p = &t->generator->params;
    optimizer *o = &t->optimizer;
    char set[SET_TEXT], decay[EMA_TEXT];
    TRY(checkpoint_read(t->ctx, file, "model", p, &p->value));
    TRY(checkpoint_read(t->ctx, file, "optimizer.m", p, &o->m));
    TRY(checkpoint_read(t->ctx, file, "optimizer.v", p, &o->v));
    for (int i = 0; i < o->config.ema_count; i++) {
        snprintf(set, sizeof set, "ema.%s",
                 optimizer_ema_name(o->config.ema[i], decay));
        TRY(checkpoint_read(t->ctx, file, set, p, &o->ema[i]));
    }
    status = bank_from_arrays(t, &file->file.arrays);
    if (status == DRIFT_OK)
        status = watch_from_arrays(t, &file->file.arrays);
    if (status != DRIFT_OK) {
        status = error_prefix(t->ctx, status, "'%s'", file->path);
        goto out;
    }
    t->steps = t->saved = file->facts.step;
    t->images = file->facts.images;
    t->seconds = file->facts.seconds;
out:
    return status;
}
