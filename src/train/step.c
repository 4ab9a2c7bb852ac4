/* One training step; the picture is in step.h. */
#include "train/step.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/threads.h"
#include "drift/spread.h"

drift_status step_new(drift_context *ctx, const config *c, dataset *data,
                      generator *g, optimizer *o, step *s)
{
    drift_status status = DRIFT_OK;
    const drifting_config *d = &c->drift;
    *s =
        (step){.ctx = ctx,
               .c = c,
               .data = data,
               .generator = g,
               .optimizer = o,
               .seed = (uint64_t)c->run.seed,
               .entries = (size_t)(d->classes ? d->classes : g->sample.classes),
               .generated = (size_t)d->generated,
               .positives = (size_t)d->positives,
               .negatives = (size_t)d->negatives,
               .failed = -1,
               .report = {.spread = -1,
                          .spread_least = -1,
                          .accuracy = -1,
                          .test_accuracy = -1,
                          .test_loss = -1}};
    s->batch = s->entries * s->generated;
    s->spreads = mem_alloc(ctx, s->entries, sizeof *s->spreads);
    if (!s->spreads) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(extractor_new(ctx, &c->features, g->sample, g->decoder, &s->extractor));
    TRY(along_new(s));
    TRY(draw_new(s));
    TRY(cut_new(s));
out:
    return status;
}

static void family_set_free(drift_context *ctx, family_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        tensor_free(ctx, &set->list[i].value);
    mem_free(set->list);
    *set = (family_set){0};
}

static void drop_families(step *s)
{
    family_set_free(s->ctx, &s->real);
    family_set_free(s->ctx, &s->unconditional);
    family_set_free(s->ctx, &s->fake);
    family_set_free(s->ctx, &s->gradient);
}

void step_free(step *s)
{
    if (!s->ctx)
        return;
    cut_free(s);
    drop_families(s);
    draw_free(s);
    feature_store_free(s->store);
    mem_free(s->rows);
    along_free(s);
    extractor_free(&s->extractor);
    for (size_t i = 0; s->readings && i < s->family_count; i++)
        loss_reading_free(s->ctx, &s->readings[i]);
    mem_free(s->readings);
    mem_free(s->spreads);
    mem_free(s->stats);
    *s = (step){0};
}

/* -- families ----------------------------------------------------------- */

static tensor family_rows(const family *f, size_t first, size_t count)
{
    size_t l = f->value.shape.dim[1], c = f->value.shape.dim[2];
    return tensor_view(&f->value, first * l * c, SHAPE(count, l, c));
}

/* A set with the names and sizes of `like`, for `rows` samples. */
static drift_status family_set_new(drift_context *ctx, const features *like,
                                   size_t rows, family_set *set)
{
    drift_status status = DRIFT_OK;
    set->list = mem_alloc(ctx, like->count, sizeof *set->list);
    if (!set->list)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < like->count; i++) {
        const feature *f = &like->list[i];
        shape s = f->value->value.shape;
        s.dim[0] = rows;
        family *to = &set->list[set->count++];
        snprintf(to->name, sizeof to->name, "%s", f->name);
        TRY(tensor_new(ctx, &to->value, DTYPE_F32, s));
    }
out:
    return status;
}

/* Copy the features of samples first ... into their rows. */
static drift_status family_set_fill(drift_context *ctx, family_set *set,
                                    const features *from, size_t first)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < from->count; i++) {
        const tensor *x = &from->list[i].value->value;
        tensor to = family_rows(&set->list[i], first, x->shape.dim[0]);
        TRY(op_add_fwd(ctx, &to, x, NULL, 1, 0));
    }
out:
    return status;
}

/* -- the boxes ---------------------------------------------------------- */

/* real images -> features, as many at once as of the generated */
static drift_status encode(step *s, const tensor *images, family_set *out)
{
    drift_status status = DRIFT_OK;
    features found = {0};
    shape one = images->shape;
    size_t rows = one.dim[0], most = s->parts[0].count;
    size_t numbers = tensor_count(images) / rows;
    tape *t = NULL;
    TRY(tape_new(s->ctx, 0, &t));
    for (size_t first = 0; first < rows; first += most) {
        one.dim[0] = rows - first < most ? rows - first : most;
        tensor piece = tensor_view(images, first * numbers, one);
        extractor_run(&s->extractor, t, &found, tape_constant(t, &piece));
        TRY(tape_status(t));
        if (first == 0)
            TRY(family_set_new(s->ctx, &found, rows, out));
        TRY(family_set_fill(s->ctx, out, &found, first));
        tape_reset(t, 0);
    }
out:
    features_free(&found);
    tape_free(t);
    return status;
}

static drift_status real_features(step *s)
{
    drift_status status = DRIFT_OK;
    size_t p = s->entries * s->positives, m = s->entries * s->negatives;
    TRY(s->store ? step_cached(s, s->indices, p, &s->real)
                 : encode(s, &s->pos, &s->real));
    if (m)
        TRY(s->store ? step_cached(s, s->indices + p, m, &s->unconditional)
                     : encode(s, &s->neg, &s->unconditional));
out:
    return status;
}

/* noise, class, alpha -> generator -> features */
static drift_status generate(step *s)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < s->part_count; i++) {
        part *p = &s->parts[i];
        TRY(part_forward(s, p, p->keeps));
        if (i == 0)
            TRY(family_set_new(s->ctx, &p->features, s->batch, &s->fake));
        TRY(family_set_fill(s->ctx, &s->fake, &p->features, p->first));
        if (!p->keeps)
            tape_reset(p->tape, 0);
    }
out:
    return status;
}

/* features -> field -> loss -> gradient in the generated features */
static drift_status drift(step *s)
{
    drift_status status = DRIFT_OK;
    field_args args = field_args_of(&s->c->drift);
    size_t count = s->fake.count;
    TRY(family_set_new(s->ctx, &s->parts[0].features, s->batch, &s->gradient));
    if (!s->stats) {
        s->stats = mem_alloc(s->ctx, count, sizeof *s->stats);
        s->readings = mem_alloc(s->ctx, count, sizeof *s->readings);
        s->family_count = count;
    }
    if (!s->stats || !s->readings) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        /* The part's name outlives the step, as the statistics do. */
        loss_input in = {.name = s->parts[0].features.list[i].name,
                         .weight = s->parts[0].features.list[i].weight,
                         .entries = s->entries,
                         .gen = &s->fake.list[i].value,
                         .pos = &s->real.list[i].value,
                         .neg = s->negatives ? &s->unconditional.list[i].value
                                             : NULL,
                         .w_neg = s->weights};
        loss_reading_free(s->ctx, &s->readings[i]);
        TRY(loss_family(s->ctx, &in, &args, cut_field_memory(s),
                        &s->gradient.list[i].value, &s->readings[i]));
    }
out:
    return status;
}

/* gradient in the features -> gradient in the parameters */
static drift_status backward(step *s)
{
    drift_status status = DRIFT_OK;
    TRY(op_fill(s->ctx, &s->generator->params.grad, 0));
    TRY(along_clear(s));
    for (size_t i = 0; i < s->part_count; i++) {
        part *p = &s->parts[i];
        if (!p->keeps)
            TRY(part_forward(s, p, 1));
        for (size_t k = 0; k < p->features.count; k++) {
            tensor rows = family_rows(&s->gradient.list[k], p->first, p->count);
            tape_seed(p->tape, p->features.list[k].value, &rows);
        }
        TRY(tape_backward(p->tape));
        tape_reset(p->tape, 0);
    }
out:
    return status;
}

/* -- what happened ------------------------------------------------------ */

static void report_drift(step *s)
{
    step_report *r = &s->report;
    size_t count = s->family_count;
    r->temperatures = s->stats[0].temperatures;
    r->families = s->stats;
    r->family_count = count;
    r->loss = r->unconditional = 0;
    for (int j = 0; j < r->temperatures; j++) {
        r->temperature[j] = (double)s->stats[0].r[j];
        r->drift[j] = r->ess[j] = r->ess10[j] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        const family_stats *f = &s->stats[i];
        r->loss += f->weight * f->loss;
        r->unconditional = f->negative_share; /* the same in all families */
        for (int j = 0; j < r->temperatures; j++) {
            r->drift[j] += sqrt(f->raw[j]) / (double)count;
            r->ess[j] += f->ess[j] / (double)count;
            r->ess10[j] += f->ess10[j] / (double)count;
        }
    }
}

static void report_norms(step *s)
{
    step_report *r = &s->report;
    const optimizer *o = s->optimizer;
    r->learning_rate = optimizer_rate(&o->config, s->number);
    r->grad_norm = o->grad_norm;
    r->part_norms = o->part_norms;
    r->parts = o->params->parts;
    r->part_count = o->params->part_count;
}

/* Time since the last call goes to `phase`. */
static drift_status lap(step *s, int phase, double *since)
{
    drift_status status = s->timed ? tensors_finish(s->ctx) : DRIFT_OK;
    double now = clock_seconds();
    s->report.phases[phase] = now - *since;
    *since = now;
    return status;
}

/* -- the step ----------------------------------------------------------- */

drift_status step_gradient(step *s)
{
    drift_status status = DRIFT_OK;
    int nearest = s->c->drift.positives_choice == POSITIVES_NEAREST;
    double since = clock_seconds();
    TRY(step_settle(s));
    drop_families(s);
    /* Before any tape is kept, unless they depend on what is generated; then
     * they come from the store. */
    if (!nearest)
        TRY(real_features(s));
    TRY(generate(s));
    if (nearest) {
        TRY(step_nearest(s));
        TRY(real_features(s));
    }
    TRY(lap(s, PHASE_GENERATE, &since));
    TRY(drift(s));
    TRY(lap(s, PHASE_FIELD, &since));
    TRY(backward(s));
    TRY(lap(s, PHASE_BACKWARD, &since));
out:
    return status;
}

static drift_status count_bad(step *s, const tensor *x, float *count)
{
    drift_status status = DRIFT_OK;
    tensor sum = {0};
    TRY(tensor_new(s->ctx, &sum, DTYPE_F32, SHAPE(1)));
    TRY(op_reduce(s->ctx, &sum, x, REDUCE_NONFINITE));
    TRY(tensor_read(s->ctx, &sum, count));
out:
    tensor_free(s->ctx, &sum);
    return status;
}

/* A gradient that is not finite: the first family whose features already had
 * such a one, else the first of those that met in the network. */
static drift_status blame_family(step *s, drift_status status)
{
    for (size_t i = 0; i < s->gradient.count; i++) {
        float bad = 0;
        if (count_bad(s, &s->gradient.list[i].value, &bad) == DRIFT_OK &&
            bad > 0)
            return error_prefix(s->ctx, status, "drift of family '%s'",
                                s->gradient.list[i].name);
    }
    return error_prefix(s->ctx, status, "backward from family '%s'%s",
                        s->gradient.list[0].name,
                        s->gradient.count > 1 ? " and others" : "");
}

drift_status step_settle(step *s)
{
    drift_status status = DRIFT_OK;
    if (!s->pending)
        return DRIFT_OK;
    s->pending = 0;
    for (size_t i = 0; i < s->family_count; i++) {
        drift_status one = loss_read(s->ctx, &s->readings[i], &s->stats[i]);
        status = status == DRIFT_OK ? one : status;
    }
    drift_status norms = optimizer_read(s->optimizer);
    TRY(status);
    report_drift(s);
    if (norms == DRIFT_ERROR_NUMBER)
        norms = blame_family(s, norms);
    TRY(norms);
    report_norms(s);
out:
    if (status == DRIFT_ERROR_NUMBER)
        s->failed = s->number;
    return status;
}

drift_status step_run(step *s, int64_t n, int settle)
{
    drift_status status = DRIFT_OK;
    step_report *r = &s->report;
    optimizer *o = s->optimizer;
    double since = clock_seconds();
    s->timed = settle;
    TRY(step_draw(s, n));
    TRY(lap(s, PHASE_DATA, &since));
    TRY(step_gradient(s));
    s->number = n;
    r->spread = r->spread_least = -1;
    r->alpha = 0;
    for (size_t e = 0; e < s->entries; e++)
        r->alpha += (double)s->alphas[e] / (double)s->entries;
    since = clock_seconds();
    TRY(optimizer_norms(o));
    s->pending = 1;
    /* All is there, or encoders, which know nothing of the generator's norm,
     * would go on without it: nothing is updated in vain. */
    if (!o->reading.handle || s->along_count)
        TRY(step_settle(s));
    TRY(along_norms(s));
    TRY(optimizer_step(o, n));
    TRY(along_step(s, n));
    TRY(lap(s, PHASE_OPTIMIZER, &since));
    if (settle)
        TRY(step_settle(s));
out:
    return status;
}

drift_status step_spread(step *s)
{
    drift_status status = DRIFT_OK;
    step_report *r = &s->report;
    size_t count = 0;
    double sum = 0, least = INFINITY;
    TRY(spread_measure(s->ctx, s->entries, &s->fake.list[0].value,
                       &s->real.list[0].value, s->spreads));
    for (size_t e = 0; e < s->entries; e++)
        if (isfinite(s->spreads[e])) {
            sum += (double)s->spreads[e];
            least = fmin(least, (double)s->spreads[e]);
            count++;
        }
    r->spread = count ? sum / (double)count : -1;
    r->spread_least = count ? least : -1;
out:
    return status;
}
