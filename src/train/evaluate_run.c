/* drift_evaluate_run: the checkpoints of a run, one after the other, into a
 * table that is whole after each. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/rundir.h"
#include "train/score_curves.h"
#include "train/score_table.h"

/* Images looked at, of all that are to be. */
typedef struct progress {
    drift_evaluate_fn tell;
    void *user;
    size_t before, all; /* before: of the kinds that are done */
    char now[320];      /* the checkpoint */
} progress;

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
    char **names; /* of numbered checkpoints */
    size_t name_count;
    entry *entries;
    size_t count;
    drift_score_table *table, *own; /* all rows; those of these settings */
    drift_evaluator *evaluator;
    progress progress;
} scoring;

static void tell(void *user, const char *kind, size_t done, size_t count)
{
    progress *p = user;
    p->tell(p->user, strcmp(kind, "samples") ? kind : p->now, p->before + done,
            p->all);
    if (done == count)
        p->before += count;
}

/* -- what is to be scored ----------------------------------------------- */

/* A run that numbers none has its latest. */
static drift_status list_checkpoints(scoring *s)
{
    drift_status status = DRIFT_OK;
    char *folder = mem_printf(s->ctx, "%s/checkpoints", s->o->samples);
    if (!folder)
        return DRIFT_ERROR_MEMORY;
    if (!file_is_dir(folder))
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "'%s' is no run directory, all of whose checkpoints could be "
             "scored",
             s->o->samples);
    TRY(rundir_checkpoints(s->ctx, s->o->samples, &s->names, &s->name_count));
    s->count = s->name_count ? s->name_count : 1;
    s->entries = mem_alloc(s->ctx, s->count, sizeof *s->entries);
    if (!s->entries) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < s->name_count; i++) {
        s->entries[i].row.checkpoint = s->names[i];
        s->entries[i].path = mem_printf(s->ctx, "%s/%s", folder, s->names[i]);
        if (!s->entries[i].path)
            status = DRIFT_ERROR_MEMORY;
    }
    if (status == DRIFT_OK && !s->name_count) {
        TRY(checkpoint_latest(s->ctx, s->o->samples, &s->entries[0].path));
        s->entries[0].row.checkpoint = strrchr(s->entries[0].path, '/') + 1;
    }
out:
    mem_free(folder);
    return status;
}

/* All of a row but its scores. A row of the table is of this very checkpoint
 * only if training took as long to it: a run may have been begun anew. */
static drift_status describe(scoring *s, entry *e, int skip_existing)
{
    drift_status status = DRIFT_OK;
    const drift_evaluation *common = evaluator_common(s->evaluator);
    checkpoint c = {0};
    config *run = NULL;
    const drift_score_row *found;
    TRY(checkpoint_open(s->ctx, e->path, &c));
    TRY(checkpoint_config(s->ctx, &c, DRIFT_GENERATOR, &run));
    TRY(checkpoint_set(s->ctx, &c, run, s->o->ema, e->weights));
    e->row.step = c.facts.step;
    e->row.images = c.facts.images;
    e->row.seconds = c.facts.seconds;
    e->row.weights = e->weights;
    e->row.alpha = s->o->alpha != 0 ? (double)s->o->alpha : 1;
    e->row.seed = common->seed;
    e->row.network = (char *)(uintptr_t)common->network;
    e->row.resize = (char *)(uintptr_t)common->resize;
    e->row.data = (char *)(uintptr_t)common->data;
    e->row.scores.count = evaluator_count(s->evaluator);
    found = score_table_find(s->table, &e->row);
    e->known = skip_existing && found && found->images == e->row.images &&
               found->seconds == e->row.seconds;
out:
    config_free(run);
    checkpoint_close(&c);
    return status;
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

static drift_status score_entry(scoring *s, size_t i)
{
    drift_status status = DRIFT_OK;
    entry *e = &s->entries[i];
    drift_evaluation found;
    if (!file_exists(e->path)) {
        log_warning(s->ctx, "'%s' is gone: a run keeps its last ones", e->path);
        return DRIFT_OK;
    }
    snprintf(s->progress.now, sizeof s->progress.now,
             "checkpoint %zu of %zu, %s", i + 1, s->count, e->row.checkpoint);
    TRY(drift_evaluator_score(s->evaluator, e->path, &found));
    e->row.scores = found.samples;
    TRY(score_table_put(s->table, &e->row));
    TRY(score_table_write(s->table, s->file));
    TRY(score_table_put(s->own, &e->row));
    score_table_select(s->own, &e->row); /* in order again */
    TRY(draw(s));
out:
    return status;
}

static drift_status score_all(scoring *s, int skip_existing)
{
    drift_status status = DRIFT_OK;
    size_t left = 0;
    for (size_t i = 0; i < s->count; i++) {
        TRY(describe(s, &s->entries[i], skip_existing));
        left += !s->entries[i].known;
    }
    if (left)
        s->progress.all = evaluator_bounds(s->evaluator) +
                          left * evaluator_count(s->evaluator);
    score_table_select(s->own, &s->entries[0].row);
    for (size_t i = 0; i < s->count; i++)
        if (!s->entries[i].known)
            TRY(score_entry(s, i));
    if (!file_exists(s->picture)) /* of a process that was killed */
        TRY(draw(s));
out:
    return status;
}

static void close_scoring(scoring *s)
{
    for (size_t i = 0; s->entries && i < s->count; i++)
        mem_free(s->entries[i].path);
    mem_free(s->entries);
    file_list_free(s->names, s->name_count);
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
    scoring s = {
        .ctx = ctx, .o = options, .progress = {.tell = o.tell, .user = o.user}};
    char *place = folder ? mem_strdup(ctx, folder)
                         : mem_printf(ctx, "%s/" SCORE_FOLDER, o.samples);
    *out = NULL;
    if (!place)
        return DRIFT_ERROR_MEMORY;
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
    if (o.tell) {
        o.tell = tell;
        o.user = &s.progress;
    }
    TRY(drift_evaluator_new(ctx, &o, &s.evaluator));
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
