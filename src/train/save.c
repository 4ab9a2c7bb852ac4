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

/* -- saving ------------------------------------------------------------- */

static drift_status write_state(drift_trainer *t, const char *path)
{
    drift_status status = DRIFT_OK;
    array_list more = {0};
    checkpoint_facts facts = {.step = t->steps,
                              .images = t->images,
                              .seconds = t->seconds,
                              .sample = t->sample,
                              .points = t->data->points,
                              .class_names = t->data->class_names};
    snprintf(facts.data_digest, sizeof facts.data_digest, "%s",
             t->data->digest);
    if (t->optimizer.torn)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "a step failed half way: its state is not one to go on from");
    if (t->ops->to_arrays)
        TRY(t->ops->to_arrays(t, &more));
    TRY(checkpoint_write(t->ctx, path, t->c, &facts, &t->optimizer, &more));
out:
    array_list_free(&more);
    return status;
}

/* Remove the oldest numbered checkpoints beyond run.keep_last. */
static drift_status prune(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    char **names = NULL, *path = NULL;
    size_t count = 0, keep = (size_t)t->c->run.keep_last;
    TRY(rundir_checkpoints(t->ctx, t->dir.path, &names, &count));
    for (size_t i = 0; i + keep < count; i++) {
        mem_free(path);
        path = rundir_path(&t->dir, "checkpoints/%s", names[i]);
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
    return status;
}

drift_status save_latest(drift_trainer *t)
{
    char *latest = rundir_path(&t->dir, "checkpoints/latest.safetensors");
    drift_status status = latest ? write_state(t, latest) : DRIFT_ERROR_MEMORY;
    mem_free(latest);
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

drift_status save_best(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    char *latest = rundir_path(&t->dir, "checkpoints/latest.safetensors");
    char *best = rundir_path(&t->dir, "checkpoints/best.safetensors");
    char *other = rundir_path(&t->dir, "checkpoints/best.safetensors.tmp-%ld",
                              (long)getpid());
    if (!latest || !best || !other) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    /* The old one stays until the new one has its name. */
    if (link(latest, other) != 0 || rename(other, best) != 0) {
        (void)unlink(other);
        TRY(write_state(t, best));
    }
out:
    mem_free(other);
    mem_free(best);
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
    params *p = t->params;
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
    status = t->ops->from_arrays ? t->ops->from_arrays(t, &file->file.arrays)
                                 : DRIFT_OK;
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
