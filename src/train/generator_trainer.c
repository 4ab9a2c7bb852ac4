/* What a trainer of a generator has: generator, field, previews, banks, the
 * watch over collapses. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drift/preflight.h"
#include "nn/autoencoder.h"
#include "train/latents.h"
#include "train/trainer.h"

/* -- making ------------------------------------------------------------- */

/* What one section alone cannot tell. */
static drift_status check_fit(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    const drifting_config *d = &t->c->drift;
    const dataset *data = t->data;
    int entries = d->classes ? d->classes : data->classes;
    if (!data->count && data->classes > 1)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "data.classes: endless data have no classes to draw from; set it "
             "to 1");
    if (data->count && d->bank > 0 && entries > d->push)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "drift.push: the %d classes of a step are drawn from the last %d "
             "fresh samples; set it to %d or more, or drift.bank to 0",
             entries, d->push, entries);
    if (!data->count && entries > 1)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "drift.classes is %d; endless data have one class", entries);
out:
    return status;
}

/* The data become latents. */
static drift_status open_latents(drift_trainer *t, encoder **autoencoder)
{
    drift_status status = DRIFT_OK;
    dataset *images = t->data;
    TRY(encoder_named(t->ctx, t->c->generator.autoencoder, autoencoder_open,
                      autoencoder));
    t->data = NULL;
    TRY(latents_new(t->ctx, *autoencoder, images, &t->data));
    log_info(t->ctx, "samples are latents of %d x %d x %d", t->data->height,
             t->data->width, t->data->channels);
out:
    return status;
}

static drift_status make(drift_trainer *t, int fresh)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = t->ctx;
    const config *c = t->c;
    uint64_t seed = (uint64_t)c->run.seed;
    encoder *autoencoder = NULL;
    TRY(check_fit(t));
    if (c->run.evaluate_every)
        TRY(scoring_resolve(ctx, t->c, t->data));
    if (*c->generator.autoencoder)
        TRY(open_latents(t, &autoencoder));
    const dataset *d = t->data;
    t->sample = (sample_shape){d->height, d->width, d->channels, d->classes};
    TRY(generator_new(ctx, &c->generator, t->sample, seed, 1, &t->generator));
    t->generator->decoder = autoencoder;
    autoencoder = NULL;
    if (fresh && c->generator.initial_spread > 0)
        TRY(generator_spread(t->generator, seed));
    t->params = &t->generator->params;
    TRY(optimizer_new(ctx, t->params, &c->optimizer, &t->optimizer));
    TRY(preview_new(ctx, c, &t->dir, t->generator, t->data, &t->preview));
    TRY(step_new(ctx, c, t->data, t->generator, &t->optimizer, &t->step));
    TRY(collapse_watch_new(ctx, d->classes, &t->watch));
    t->report = &t->step.report;
    t->batch = t->step.batch;
    if (c->run.preflight) {
        field_args args = field_args_of(&c->drift);
        TRY(preflight_run(ctx, &args));
    }
out:
    encoder_free(autoencoder);
    return status;
}

static void free_parts(drift_trainer *t)
{
    preview_free(&t->preview);
    collapse_watch_free(&t->watch);
    step_free(&t->step);
    scoring_close(&t->scoring);
    optimizer_free(&t->optimizer);
    generator_free(t->generator);
}

static drift_status open_run(drift_trainer *t, int64_t keep_step)
{
    drift_status status = DRIFT_OK;
    if (keep_step >= 0)
        TRY(preview_restore(&t->preview, keep_step));
    TRY(step_cache(&t->step, t->dir.path));
    TRY(scoring_open(&t->dir, t->c, &t->scoring));
    if (keep_step < 0 && t->generator->decoder && t->c->generator.output_tanh)
        rundir_warn(&t->dir, "generator.output_tanh keeps samples in [-1,1]; "
                             "latents go beyond: set it to false");
    if (keep_step < 0 && t->c->generator.use_alpha &&
        t->c->guidance.alpha_max > 1 && !t->c->drift.negatives)
        rundir_warn(&t->dir,
                    "drift.negatives is 0: alpha, drawn up to "
                    "guidance.alpha_max = %g, has no effect on the loss",
                    (double)t->c->guidance.alpha_max);
out:
    return status;
}

/* -- steps -------------------------------------------------------------- */

static drift_status step_once(drift_trainer *t, int settle)
{
    drift_status status = step_run(&t->step, t->steps, settle);
    t->failed = t->step.failed;
    return status;
}

static drift_status settle(drift_trainer *t)
{
    drift_status status = step_settle(&t->step);
    t->failed = t->step.failed;
    return status;
}

/* The least spread of entry e's class in this step; NAN when an entry before
 * it has the same class, which then has been looked at. */
static float class_spread(const step *s, size_t e)
{
    float least = s->spreads[e];
    for (size_t i = 0; i < s->entries; i++)
        if (s->classes[i] == s->classes[e]) {
            if (i < e)
                return NAN;
            least = fminf(least, s->spreads[i]);
        }
    return least;
}

static void watch_collapse(drift_trainer *t)
{
    step *s = &t->step;
    if (s->report.spread < 0 || t->steps <= t->c->optimizer.warmup_steps)
        return;
    for (size_t e = 0; e < s->entries; e++) {
        float spread = class_spread(s, e);
        if (collapse_watch_add(&t->watch, s->classes[e], spread))
            rundir_warn(&t->dir,
                        "collapse: for %d logged steps the samples of class "
                        "%d have varied less than %g of what the data do "
                        "(now %.3g, step %" PRId64 ")",
                        COLLAPSE_STEPS, s->classes[e], (double)COLLAPSE_SPREAD,
                        (double)spread, t->steps);
    }
}

static drift_status log_spread(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    TRY(step_spread(&t->step));
    watch_collapse(t);
out:
    return status;
}

/* -- scores ------------------------------------------------------------- */

/* What there is of it, in words. */
static void say_scores(const drift_trainer *t)
{
    const drift_evaluation *e = &t->scoring.last;
    char right[48] = "";
    if (!isnan(e->samples.accuracy))
        snprintf(right, sizeof right, "%.1f %% of the asked class, ",
                 100 * e->samples.accuracy);
    rundir_log(&t->dir, "step %" PRId64 ": %sdistance %.3g (real%s %.3g)",
               t->steps, right, drift_score_rank(&e->samples),
               t->data->points ? "" : " test images",
               drift_score_rank(&e->real));
}

static drift_status evaluate(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    const drift_evaluation *e = &t->scoring.last;
    double best = metrics_best(t->metrics);
    TRY(save_latest(t));
    TRY(scoring_run(&t->scoring));
    t->report->scores = &e->samples;
    say_scores(t);
    if (drift_score_rank(&e->samples) < best)
        TRY(save_best(t));
out:
    return status;
}

/* -- pictures ----------------------------------------------------------- */

static drift_status make_preview(drift_trainer *t, const tensor *flat,
                                 const char **path)
{
    drift_status status = preview_make(&t->preview, flat, t->steps);
    *path = t->preview.path;
    return status;
}

static drift_status draw_losses(drift_trainer *t)
{
    return t->preview.plane ? metrics_losses(t->metrics) : DRIFT_OK;
}

static drift_status finish(drift_trainer *t)
{
    return t->c->run.gif ? trainer_plotted(t, preview_gif(&t->preview))
                         : DRIFT_OK;
}

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

/* -- the features ------------------------------------------------------- */

#define FEATURES "features.digest"

static drift_status features_to_arrays(drift_trainer *t, array_list *out)
{
    array a = {.type = ARRAY_U8,
               .ndim = 1,
               .dim = {DIGEST_TEXT},
               .data = t->step.extractor.digest};
    return array_list_add(t->ctx, out, FEATURES, &a);
}

static drift_status features_from_arrays(drift_trainer *t, const array_list *in)
{
    const array *a = array_list_find(in, FEATURES);
    if (!a || a->type != ARRAY_U8 || a->ndim != 1 || a->dim[0] != DIGEST_TEXT ||
        memcmp(a->data, t->step.extractor.digest, DIGEST_TEXT) != 0)
        return ERROR(t->ctx, DRIFT_ERROR_FORMAT,
                     "features.encoders: they are not those that the run began "
                     "with");
    return DRIFT_OK;
}

static drift_status to_arrays(drift_trainer *t, array_list *out)
{
    drift_status status = DRIFT_OK;
    TRY(bank_to_arrays(t, out));
    TRY(watch_to_arrays(t, out));
    TRY(features_to_arrays(t, out));
    TRY(along_to_arrays(&t->step, out));
    if (t->generator->decoder)
        TRY(encoder_to_arrays(t->generator->decoder, DECODER_ARRAYS, out));
out:
    return status;
}

static drift_status from_arrays(drift_trainer *t, const array_list *in)
{
    drift_status status = DRIFT_OK;
    TRY(bank_from_arrays(t, in));
    TRY(watch_from_arrays(t, in));
    TRY(features_from_arrays(t, in));
    TRY(along_from_arrays(&t->step, in));
out:
    return status;
}

const trainer_ops generator_trainer_ops = {.make = make,
                                           .free = free_parts,
                                           .open = open_run,
                                           .step = step_once,
                                           .settle = settle,
                                           .preview = make_preview,
                                           .log = log_spread,
                                           .evaluate = evaluate,
                                           .to_arrays = to_arrays,
                                           .from_arrays = from_arrays,
                                           .draw = draw_losses,
                                           .finish = finish};
