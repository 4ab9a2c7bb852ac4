/* drift_evaluate_run: the checkpoints of a run, one after the other, into a
 * table that is whole after each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/rundir.h"
#include "train/score_curves.h"
#include "train/score_table.h"

/* A checkpoint in the list. */
typedef struct entry {
    char *path;
    char weights[SET_TEXT];
    drift_score_row row; /* texts not owned */
    int known;           /* is in the table already */
} entry;

typedef struct scoring {
    drift_context *ctx;
    const drift_evaluate_options *o;
    char *file, *picture;
    entry *entries; /* by rising step */
    size_t count;
    drift_score_table *table, *own; /* all rows; those of these settings */
    drift_evaluator *evaluator;
    char now[320]; /* the checkpoint whose samples are looked at */
} scoring;

static void tell(void *user, const char *kind, size_t done, size_t count)
{
    const scoring *s = user;
    s->o->tell(s->o->user, strcmp(kind, "samples") ? kind : s->now, done,
               count);
}

/* -- what is to be scored ----------------------------------------------- */

/* What the file says of itself: step, images, seconds, weights. */
static drift_status read_facts(scoring *s, const char *path, entry *e)
{
    drift_status status = DRIFT_OK;
    checkpoint c = {0};
    config *run = NULL;
    TRY(checkpoint_open(s->ctx, path, &c));
    TRY(checkpoint_config(s->ctx, &c, DRIFT_GENERATOR, &run));
    TRY(checkpoint_set(s->ctx, &c, run, s->o->ema, e->weights));
    e->row.step = c.facts.step;
    e->row.images = c.facts.images;
    e->row.seconds = c.facts.seconds;
out:
    config_free(run);
    checkpoint_close(&c);
    return status;
}

/* An error that comes of a run that goes on beside and removes its older
 * checkpoints: then the next one. */
static drift_status unless_removed(scoring *s, drift_status status,
                                   const char *path)
{
    if (status != DRIFT_ERROR_IO || file_exists(path))
        return status;
    log_warning(s->ctx, "'%s' has been removed since", path);
    drift_error_clear(s->ctx);
    return DRIFT_OK;
}

/* Of a step that is there already, nothing: `best` and `latest` are mostly
 * second names. */
static drift_status add_checkpoint(scoring *s, const char *folder,
                                   const char *name)
{
    drift_status status = DRIFT_OK;
    entry e = {.path = mem_printf(s->ctx, "%s/%s", folder, name)}, *more;
    if (!e.path)
        return DRIFT_ERROR_MEMORY;
    status = read_facts(s, e.path, &e);
    if (status != DRIFT_OK) {
        status = unless_removed(s, status, e.path);
        goto out;
    }
    for (size_t i = 0; i < s->count; i++)
        if (s->entries[i].row.step == e.row.step)
            goto out;
    more = mem_resize(s->ctx, s->entries, s->count + 1, sizeof *more);
    if (!more) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    s->entries = more;
    s->entries[s->count++] = e;
    e.path = NULL;
out:
    mem_free(e.path);
    return status;
}

static int by_step(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->row.step > y->row.step) - (x->row.step < y->row.step);
}

static drift_status list_checkpoints(scoring *s)
{
    static const char *const others[] = {"best.safetensors",
                                         "latest.safetensors"};
    drift_status status = DRIFT_OK;
    char **names = NULL, *latest = NULL, *path = NULL;
    size_t count = 0;
    char *folder = mem_printf(s->ctx, "%s/checkpoints", s->o->samples);
    if (!folder)
        return DRIFT_ERROR_MEMORY;
    if (!file_is_dir(folder))
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "'%s' is no run directory, all of whose checkpoints could be "
             "scored",
             s->o->samples);
    TRY(checkpoint_latest(s->ctx, s->o->samples, &latest));
    TRY(rundir_checkpoints(s->ctx, s->o->samples, &names, &count));
    for (size_t i = 0; i < count; i++)
        TRY(add_checkpoint(s, folder, names[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        mem_free(path);
        path = mem_printf(s->ctx, "%s/%s", folder, others[i]);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (file_exists(path))
            TRY(add_checkpoint(s, folder, others[i]));
    }
    qsort(s->entries, s->count, sizeof *s->entries, by_step);
out:
    file_list_free(names, count);
    mem_free(path);
    mem_free(latest);
    mem_free(folder);
    return status;
}

/* All of a row but its scores. A row of the table is of this very checkpoint
 * only if training took as long to it: a run may have been begun anew. */
static void complete(const scoring *s, entry *e, int skip_existing)
{
    const drift_evaluation *common = evaluator_common(s->evaluator);
    drift_score_row *row = &e->row;
    const drift_score_row *found;
    row->checkpoint = strrchr(e->path, '/') + 1;
    row->weights = e->weights;
    row->alpha = s->o->alpha != 0 ? (double)s->o->alpha : 1;
    row->seed = common->seed;
    row->network = (char *)(uintptr_t)common->network;
    row->resize = (char *)(uintptr_t)common->resize;
    row->data = (char *)(uintptr_t)common->data;
    row->scores.count = evaluator_count(s->evaluator);
    found = score_table_find(s->table, row);
    e->known = skip_existing && found && found->images == row->images &&
               found->seconds == row->seconds;
}

/* -- scoring ------------------------------------------------------------ */

static drift_status draw(scoring *s)
{
    const drift_evaluation *common = evaluator_common(s->evaluator);
    drift_status status = score_curves(s->own, &common->real, s->picture);
    if (status != DRIFT_ERROR_UNAVAILABLE)
        return status;
    log_debug(s->ctx, "%s", drift_error_text(s->ctx));
    drift_error_clear(s->ctx);
    return DRIFT_OK;
}

static drift_status keep(scoring *s, const drift_score_row *row)
{
    drift_status status = DRIFT_OK;
    TRY(score_table_put(s->table, row));
    TRY(score_table_write(s->table, s->file));
    TRY(score_table_put(s->own, row));
    TRY(draw(s));
out:
    return status;
}

/* A run that goes on removes checkpoints and writes some anew. */
static drift_status score_entry(scoring *s, size_t i)
{
    drift_status status = DRIFT_OK;
    entry *e = &s->entries[i], after = {.row = e->row};
    drift_evaluation found;
    snprintf(s->now, sizeof s->now, "checkpoint %zu of %zu, %s", i + 1,
             s->count, e->row.checkpoint);
    status = drift_evaluator_score(s->evaluator, e->path, &found);
    if (status != DRIFT_OK)
        return unless_removed(s, status, e->path);
    if (file_exists(e->path)) /* else it was this very one */
        TRY(unless_removed(s, read_facts(s, e->path, &after), e->path));
    e->row.scores = found.samples;
    if (after.row.seconds == e->row.seconds)
        TRY(keep(s, &e->row));
    else
        log_warning(s->ctx, "'%s' has been written anew since", e->path);
out:
    return status;
}

static drift_status score_all(scoring *s, int skip_existing)
{
    drift_status status = DRIFT_OK;
    size_t left = 0;
    for (size_t i = 0; i < s->count; i++) {
        complete(s, &s->entries[i], skip_existing);
        left += !s->entries[i].known;
    }
    score_table_select(s->own, &s->entries[0].row);
    for (size_t i = 0; i < s->count; i++)
        if (!s->entries[i].known) {
            left--;
            evaluator_later(s->evaluator, left * evaluator_count(s->evaluator));
            TRY(score_entry(s, i));
        }
    TRY(draw(s)); /* that of a process that was killed may be older */
out:
    return status;
}

static void close_scoring(scoring *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->entries[i].path);
    mem_free(s->entries);
    mem_free(s->file);
    mem_free(s->picture);
    drift_score_table_free(s->table);
    drift_score_table_free(s->own);
    drift_evaluator_free(s->evaluator);
}

drift_status drift_evaluate_run(drift_context *ctx,
                                const drift_evaluate_options *options,
                                const char *folder, int skip_existing,
                                drift_evaluation *bounds,
                                drift_score_table **out)
{
    drift_status status = DRIFT_OK;
    drift_evaluate_options o = *options;
    scoring s = {.ctx = ctx, .o = options};
    char *place = folder ? mem_strdup(ctx, folder)
                         : mem_printf(ctx, "%s/" SCORE_FOLDER, o.samples);
    *out = NULL;
    if (!place)
        return DRIFT_ERROR_MEMORY;
    /* A row does not say what else its distance would be from. */
    if (o.reference)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "the table of a run's scores is of distances from the real "
             "images, not from '%s'",
             o.reference);
    TRY(list_checkpoints(&s));
    s.file = mem_printf(ctx, "%s/" SCORE_FILE, place);
    s.picture = mem_printf(ctx, "%s/distance_vs_step.png", place);
    if (!s.file || !s.picture) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(score_table_open(ctx, s.file, &s.table));
    TRY(score_table_open(ctx, s.file, &s.own));
    o.samples = s.entries[0].path;
    o.quick = 0; /* a table has all figures */
    if (o.tell) {
        o.tell = tell;
        o.user = &s;
    }
    TRY(evaluator_open(ctx, &o, &s.evaluator));
    TRY(file_make_dir(ctx, place));
    TRY(score_all(&s, skip_existing));
    *bounds = *evaluator_common(s.evaluator);
    *out = s.own;
    s.own = NULL;
out:
    close_scoring(&s);
    mem_free(place);
    return status;
}
