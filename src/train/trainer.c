/* The public trainer: a run directory, one step at a time, and what falls due
 * after a step. */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/items.h"
#include "base/mem.h"
#include "base/share.h"
#include "base/threads.h"

/* -- making ------------------------------------------------------------- */

/* Where the data are, from any folder: a run may be resumed from another one,
 * and a name may come to mean another set. */
static drift_status locate_data(drift_context *ctx, config *c)
{
    drift_status status = DRIFT_OK;
    const char *path = c->data.path;
    char *found = NULL, *whole = NULL;
    if (c->data.kind == DATA_TOY)
        return DRIFT_OK;
    for (int i = 0; c->data.kind == DATA_AUTO && dataset_toys[i]; i++)
        if (!strcmp(path, dataset_toys[i]))
            return DRIFT_OK;
    if (!file_exists(path) && !strchr(path, '/'))
        TRY(share_find(ctx, SHARE_DATA, path, &found));
    whole = realpath(found ? found : path, NULL);
    if (whole) /* else opening the data set tells what is wrong */
        TRY(config_set(ctx, c, "absolute path", "data.path", whole));
out:
    free(whole);
    mem_free(found);
    return status;
}

/* The same of files of weights, a list of them with commas between. What cannot
 * be found, or not be an item of a list, stays as it is. */
static drift_status locate_weights(drift_context *ctx, char **list)
{
    drift_status status = DRIFT_OK;
    const char *at = *list;
    char item[ITEM_TEXT], *path = NULL, *whole = NULL;
    char *joined = mem_strdup(ctx, "");
    while (joined && items_next(&at, item)) {
        free(whole);
        mem_free(path);
        TRY(encoder_path(ctx, item, &path));
        whole = realpath(path, NULL);
        int fits = whole && strlen(whole) < ITEM_TEXT && !strchr(whole, ',');
        char *more = mem_printf(ctx, "%s%s%s", joined, *joined ? "," : "",
                                fits ? whole : item);
        mem_free(joined);
        joined = more;
    }
    if (!joined) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    mem_free(*list);
    *list = joined;
    joined = NULL;
out:
    mem_free(joined);
    mem_free(path);
    free(whole);
    return status;
}

/* Data and what is trained on them. Nothing of it touches the folder of the
 * run. */
static drift_status make_parts(drift_trainer *t, int fresh)
{
    drift_status status = DRIFT_OK;
    config *c = t->c;
    t->ops = c->subject == DRIFT_ENCODER ? &encoder_trainer_ops
                                         : &generator_trainer_ops;
    TRY(locate_data(t->ctx, c));
    TRY(locate_weights(t->ctx, &c->features.encoders));
    TRY(locate_weights(t->ctx, &c->generator.autoencoder));
    TRY(dataset_open(t->ctx, &c->data, (uint64_t)c->run.seed, &t->data));
    TRY(t->ops->make(t, fresh));
out:
    return status;
}

/* The parts that write; the run directory is there. */
static drift_status make_writers(drift_trainer *t, int64_t keep_step)
{
    drift_status status = DRIFT_OK;
    const dataset *d = t->data;
    char count[32] = "endless";
    TRY(rundir_write_config(&t->dir, t->c));
    TRY(metrics_open(&t->dir, t->c, keep_step, &t->metrics));
    TRY(metrics_describe(t->metrics, d->digest, t->steps));
    if (d->count)
        snprintf(count, sizeof count, "%zu", d->count);
    if (d->points)
        rundir_log(&t->dir, "data: %s points, %d class%s", count, d->classes,
                   d->classes > 1 ? "es" : "");
    else
        rundir_log(&t->dir, "data: %s images of %d x %d x %d, %d class%s",
                   count, d->height, d->width, d->channels, d->classes,
                   d->classes > 1 ? "es" : "");
    TRY(t->ops->open(t, keep_step));
out:
    return status;
}

static drift_trainer *trainer_alloc(drift_context *ctx)
{
    drift_trainer *t = mem_alloc(ctx, 1, sizeof *t);
    if (t) {
        t->ctx = ctx;
        t->dir.log = -1;
        t->logged = t->saved = t->previewed = t->failed = -1;
    }
    return t;
}

void drift_trainer_free(drift_trainer *t)
{
    if (!t)
        return;
    metrics_close(t->metrics);
    if (t->ops)
        t->ops->free(t);
    dataset_free(t->data);
    rundir_close(&t->dir);
    config_free(t->c);
    mem_free(t);
}

const char *drift_trainer_directory(const drift_trainer *t)
{
    return t->dir.path;
}

drift_status drift_trainer_new(drift_context *ctx, const drift_config *c,
                               const char *directory, int flags,
                               drift_trainer **out)
{
    drift_status status = DRIFT_OK;
    int force = flags & DRIFT_TRAINER_FORCE;
    drift_trainer *t = trainer_alloc(ctx);
    *out = NULL;
    if (!t)
        return DRIFT_ERROR_MEMORY;
    TRY(rundir_check_free(ctx, directory, force));
    TRY(config_copy(ctx, c, &t->c));
    TRY(config_resolve(ctx, t->c));
    TRY(make_parts(t, 1));
    TRY(rundir_create(ctx, directory, force, &t->dir));
    TRY(save_state(t)); /* from here on it can be resumed */
    TRY(make_writers(t, -1));
    rundir_log(&t->dir, "run begins: %s, %" PRId64 " steps, device %s",
               t->c->data.path, t->c->run.steps, drift_context_device(ctx));
    *out = t;
    t = NULL;
out:
    drift_trainer_free(t);
    return status;
}

/* Keys of files that may be elsewhere by now; digests tell whether they are the
 * same ones. */
static const char *const movable[] = {
    "data.path=", "features.encoders=", "generator.autoencoder="};

static int may_change(const char *text)
{
    for (size_t i = 0; i < sizeof movable / sizeof *movable; i++)
        if (!strncmp(text, movable[i], strlen(movable[i])))
            return 1;
    return !strncmp(text, "run.", 4) && strchr(text, '=');
}

/* The seed is part of the result and cannot change. */
static drift_status apply_override(drift_context *ctx, config *c,
                                   const char *text)
{
    drift_status status = DRIFT_OK;
    if (!strncmp(text, "run.seed=", 9))
        FAIL(ctx, DRIFT_ERROR_USAGE, "'%.80s': the seed of a run cannot change",
             text);
    if (!may_change(text))
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%.80s': a run that is resumed takes run.KEY=VALUE and, of "
             "files that have moved, data.path, features.encoders and "
             "generator.autoencoder only",
             text);
    TRY(drift_config_set(ctx, c, text));
out:
    return status;
}

/* The configuration of a run that goes on. */
static drift_status resumed_config(drift_context *ctx, drift_subject subject,
                                   const checkpoint *file,
                                   const char *const *overrides, size_t count,
                                   config **out)
{
    drift_status status = DRIFT_OK;
    config *c = NULL;
    *out = NULL;
    TRY(checkpoint_config(ctx, file, subject, &c));
    for (size_t i = 0; i < count; i++)
        TRY(apply_override(ctx, c, overrides[i]));
    TRY(config_resolve(ctx, c));
    if (c->run.steps < file->facts.step)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "run.steps is %" PRId64 "; the run has made %" PRId64
             " steps already",
             c->run.steps, file->facts.step);
    *out = c;
    c = NULL;
out:
    config_free(c);
    return status;
}

drift_status drift_config_resume(drift_context *ctx, drift_subject subject,
                                 const char *directory,
                                 const char *const *overrides, size_t count,
                                 drift_config **out)
{
    drift_status status = DRIFT_OK;
    char *latest = NULL;
    checkpoint file = {0};
    *out = NULL;
    TRY(checkpoint_latest(ctx, directory, &latest));
    TRY(checkpoint_open(ctx, latest, &file));
    TRY(resumed_config(ctx, subject, &file, overrides, count, out));
out:
    checkpoint_close(&file);
    mem_free(latest);
    return status;
}

static int is_last(const drift_trainer *t)
{
    const run_config *r = &t->c->run;
    return t->steps >= r->steps ||
           (r->minutes > 0 && t->seconds >= 60 * r->minutes);
}

drift_status drift_trainer_resume(drift_context *ctx, drift_subject subject,
                                  const char *directory,
                                  const char *const *overrides, size_t count,
                                  drift_trainer **out)
{
    drift_status status = DRIFT_OK;
    char *latest = NULL;
    checkpoint file = {0};
    drift_trainer *t = trainer_alloc(ctx);
    *out = NULL;
    if (!t)
        return DRIFT_ERROR_MEMORY;
    TRY(checkpoint_latest(ctx, directory, &latest));
    TRY(checkpoint_open(ctx, latest, &file));
    TRY(resumed_config(ctx, subject, &file, overrides, count, &t->c));
    TRY(make_parts(t, 0));
    if (strcmp(t->data->digest, file.facts.data_digest) != 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s': the data have changed since the run began (digest %s, "
             "now %s)",
             t->c->data.path, file.facts.data_digest, t->data->digest);
    TRY(restore_state(t, &file));
    TRY(rundir_open(ctx, directory, &t->dir));
    TRY(make_writers(t, t->steps));
    /* A run that had not begun still owes its first picture. */
    t->previewed = t->steps ? t->steps : -1;
    t->logged = t->steps;
    rundir_log(&t->dir, "run goes on after step %" PRId64, t->steps);
    if (t->steps >= t->c->run.steps)
        rundir_warn(&t->dir,
                    "run.steps = %" PRId64 " is reached: to go on, resume "
                    "with more of them, as run.steps=%" PRId64,
                    t->c->run.steps, 2 * t->c->run.steps);
    else if (is_last(t))
        rundir_warn(&t->dir,
                    "run.minutes = %g is reached: to go on, resume with more "
                    "of them, as run.minutes=%g, or 0 for no bound",
                    t->c->run.minutes, 2 * t->c->run.minutes);
    *out = t;
    t = NULL;
out:
    checkpoint_close(&file);
    mem_free(latest);
    drift_trainer_free(t);
    return status;
}

/* -- after a step ------------------------------------------------------- */

drift_status trainer_plotted(drift_trainer *t, drift_status status)
{
    if (status != DRIFT_ERROR_UNAVAILABLE)
        return status;
    if (!t->no_plots)
        rundir_warn(&t->dir, "pictures are left out: %s",
                    drift_error_text(t->ctx));
    t->no_plots = 1;
    drift_error_clear(t->ctx);
    return DRIFT_OK;
}

static drift_status draw_curves(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    TRY(trainer_plotted(t, metrics_curves(t->metrics)));
    if (t->ops->draw)
        TRY(trainer_plotted(t, t->ops->draw(t)));
out:
    return status;
}

/* The parameters that a run is there for. */
static const tensor *final_parameters(const drift_trainer *t)
{
    return t->optimizer.config.ema_count ? &t->optimizer.ema[0]
                                         : &t->params->value;
}

static drift_status make_preview(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    const char *path = NULL;
    TRY(trainer_plotted(t, t->ops->preview(t, final_parameters(t), &path)));
    if (!t->no_plots && path)
        TRY(metrics_picture(t->metrics, t->steps, path));
    t->previewed = t->steps;
out:
    return status;
}

static double speed(const drift_trainer *t)
{
    return t->window_seconds > 0 ? (double)t->window_images / t->window_seconds
                                 : 0;
}

static drift_status log_step(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    step_report *r = t->report;
    if (t->ops->log)
        TRY(t->ops->log(t));
    r->step = t->steps;
    r->images = t->images;
    r->seconds = t->seconds;
    r->samples_per_second = speed(t);
    TRY(metrics_add(t->metrics, r));
    r->scores = NULL;
    t->logged = t->steps;
    t->window_seconds = 0;
    t->window_images = 0;
out:
    return status;
}

static drift_status finish(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    int look = t->previewed < t->steps;
    if (look)
        TRY(make_preview(t));
    if (t->logged < t->steps || (look && t->ops->tests))
        TRY(log_step(t));
    TRY(drift_trainer_save(t));
    if (t->ops->finish)
        TRY(t->ops->finish(t));
    rundir_log(&t->dir, "run ends after %" PRId64 " steps, %.1f s", t->steps,
               t->seconds);
out:
    return status;
}

static int is_due(int64_t n, int64_t every)
{
    return every > 0 && n % every == 0;
}

/* All that is to be written after a step. */
static drift_status write_due(drift_trainer *t, int log)
{
    drift_status status = DRIFT_OK;
    const run_config *r = &t->c->run;
    int look = is_due(t->steps, r->preview_every);
    int judge = t->ops->evaluate && r->evaluate_every &&
                (is_due(t->steps, r->evaluate_every) || is_last(t));
    if (t->ops->tests) { /* the last one is logged with the step it is of */
        look |= is_last(t);
        log |= look;
    }
    if (look)
        TRY(make_preview(t));
    if (judge) {
        TRY(t->ops->evaluate(t));
        log = 1;
    }
    if (log)
        TRY(log_step(t));
    if (look || judge)
        TRY(draw_curves(t));
    if (is_due(t->steps, r->save_every))
        TRY(save_state(t));
out:
    return status;
}

static void fill_progress(const drift_trainer *t, int made, double rate,
                          drift_progress *p)
{
    const step_report *r = t->report;
    const run_config *run = &t->c->run;
    double a_step = t->steps ? t->seconds / (double)t->steps : 0;
    *p = (drift_progress){.made = made,
                          .step = t->steps,
                          .total_steps = run->steps,
                          .seconds = t->seconds,
                          .seconds_left =
                              (double)(run->steps - t->steps) * a_step,
                          .images = t->images,
                          .samples_per_second = rate,
                          .loss = r->loss,
                          .grad_norm = r->grad_norm,
                          .learning_rate = r->learning_rate,
                          .temperatures = r->temperatures,
                          .spread = t->logged == t->steps ? r->spread : -1,
                          .accuracy = r->accuracy,
                          .test_accuracy = r->test_accuracy,
                          .test_loss = r->test_loss,
                          .logged = t->logged == t->steps,
                          .saved = t->saved == t->steps,
                          .done = t->done};
    if (run->minutes > 0)
        p->seconds_left = fmin(p->seconds_left, 60 * run->minutes - t->seconds);
    p->seconds_left = fmax(p->seconds_left, 0);
    for (int j = 0; j < r->temperatures; j++) {
        p->temperature[j] = r->temperature[j];
        p->drift[j] = r->drift[j];
        p->ess[j] = r->ess[j];
    }
}

/* Numbers that are not finite, memory or a device that gave out: keep the
 * state before that, and say where it is. A device that works ahead tells of
 * numbers after further steps, which did nothing. */
static drift_status give_up(drift_trainer *t, drift_status status)
{
    char *path = NULL;
    if (t->failed >= 0) {
        t->images -= (t->steps - t->failed) * (int64_t)t->batch;
        t->steps = t->failed;
    }
    if (save_failed(t, &path) == DRIFT_OK)
        status = error_prefix(t->ctx, status,
                              "step %" PRId64 " (the state before it is in "
                              "'%s')",
                              t->steps + 1, path);
    else
        status = error_prefix(t->ctx, status,
                              "step %" PRId64 " (the state before it could "
                              "not be saved; the last checkpoint is of "
                              "step %" PRId64 ")",
                              t->steps + 1, t->saved);
    rundir_note(&t->dir, "run fails: %s", drift_error_text(t->ctx));
    mem_free(path);
    return status;
}

static drift_status settle(drift_trainer *t)
{
    return t->ops->settle ? t->ops->settle(t) : DRIFT_OK;
}

static drift_status end_step(drift_trainer *t, drift_status status)
{
    return status == DRIFT_ERROR_NUMBER || status == DRIFT_ERROR_MEMORY ||
                   status == DRIFT_ERROR_DEVICE
               ? give_up(t, status)
               : status;
}

drift_status drift_trainer_step(drift_trainer *t, drift_progress *progress)
{
    drift_status status = DRIFT_OK;
    double start = clock_seconds();
    double rate = 0;
    int made = 0;
    if (!t->done && !is_last(t)) {
        int64_t n = t->steps;
        int log = n == 0 || is_due(n + 1, t->c->run.log_every);
        if (n == 0 && t->previewed < 0)
            TRY(make_preview(t));
        TRY(t->ops->step(t, log || n + 1 == t->c->run.steps ||
                                is_due(n + 1, t->c->run.preview_every) ||
                                is_due(n + 1, t->c->run.evaluate_every) ||
                                is_due(n + 1, t->c->run.save_every)));
        made = 1;
        t->steps++;
        t->images += (int64_t)t->batch;
        double spent = clock_seconds() - start;
        t->seconds += spent;
        t->window_seconds += spent;
        t->window_images += (int64_t)t->batch;
        rate = speed(t);
        start = clock_seconds();
        TRY(write_due(t, log));
        t->seconds += clock_seconds() - start;
    }
    if (!t->done && is_last(t)) {
        TRY(settle(t));
        TRY(finish(t));
        t->done = 1;
    }
    if (progress)
        fill_progress(t, made, rate, progress);
out:
    return end_step(t, status);
}

drift_status drift_trainer_save(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    TRY(end_step(t, settle(t)));
    if (t->saved != t->steps)
        TRY(save_state(t));
    if (t->ops->save)
        TRY(t->ops->save(t, final_parameters(t)));
    TRY(draw_curves(t));
out:
    return status;
}
