/* Cutting the batch into parts, method.md section 5, "Bounded memory".
 *
 * A recorded sample costs t bytes until its backward pass. With room for all
 * of them every part keeps its tape; else as many parts as fit keep theirs,
 * and the others are computed twice: forward only for their features, and with
 * recording once the gradient in the features is known. t is measured at the
 * start from the tensors that are alive, all else is counted from its sizes:
 * the cut depends on the configuration alone, so a resumed run makes it again.
 */
#include "train/step.h"

#include "base/context.h"
#include "base/mem.h"

/* Beyond the pool: the program, the libraries' buffers, the data set. */
#define RESERVE ((size_t)96 << 20)
#define FIELD   ((size_t)256 << 20)

/* Samples of the measurement. */
#define PROBE 4

/* A part is small enough that what one layer writes is still in the
 * processor's last-level cache when the next reads it, but never so small that
 * what it costs whatever its size (packing weights, adding partial sums of
 * their gradients) shows. */
#define CACHE ((size_t)64 << 20)
#define LEAST 128

static tensor rows_of(const tensor *t, size_t first, size_t count)
{
    if (!t->block)
        return (tensor){0};
    shape s = t->shape;
    size_t row = tensor_count(t) / s.dim[0];
    s.dim[0] = count;
    return tensor_view(t, first * row, s);
}

static drift_status part_new(step *s, part *p, size_t first, size_t count)
{
    *p = (part){.first = first,
                .count = count,
                .noise = rows_of(&s->noise, first, count),
                .label = rows_of(&s->label, first, count),
                .alpha = rows_of(&s->alpha, first, count),
                .style = rows_of(&s->style, first, count)};
    return tape_new(s->ctx, 0, &p->tape);
}

static void part_free(part *p)
{
    tape_free(p->tape);
    features_free(&p->features);
    *p = (part){0};
}

drift_status part_forward(step *s, part *p, int record)
{
    const generator_config *g = &s->generator->config;
    generator_input in = {.noise = &p->noise,
                          .label = g->use_class ? &p->label : NULL,
                          .alpha = g->use_alpha ? &p->alpha : NULL,
                          .style = g->style_tokens ? &p->style : NULL};
    tape_reset(p->tape, record);
    p->features.count = 0;
    var *sample = generator_forward(s->generator, p->tape,
                                    &s->generator->params.value, &in);
    extractor_run(&s->extractor, p->tape, &p->features, sample);
    return tape_status(p->tape);
}

size_t cut_field_memory(const step *s)
{
    size_t memory = s->memory;
    return memory && memory / 8 < FIELD ? memory / 8 : FIELD;
}

static size_t bytes_of(const tensor *t)
{
    return t->block ? tensor_count(t) * sizeof(float) : 0;
}

/* Of encoders, with gradient and moments where they are trained along, and of
 * the decoder of latents. */
static size_t network_bytes(const step *s)
{
    const extractor *x = &s->extractor;
    size_t bytes = x->decoder ? bytes_of(&x->decoder->params.value) : 0;
    for (size_t i = 0; i < x->count; i++)
        bytes +=
            (s->along_count ? 4 : 1) * bytes_of(&x->encoders[i]->params.value);
    return bytes;
}

/* Bytes of a sample. */
typedef struct sample_bytes {
    size_t recorded; /* what its tape holds */
    size_t row;      /* its features */
    size_t largest;  /* the largest family of them */
    size_t grouped;  /* the same of those with several locations, which the
                        loss copies, real ones too */
} sample_bytes;

/* Bytes on the host: the pixels that are drawn, what is read of the cache or
 * was written to it, a part of the batch at a time. */
static size_t host_bytes(const step *s, const sample_bytes *one)
{
    size_t rows = s->entries *
                  (s->positives > s->negatives ? s->positives : s->negatives);
    if (rows < s->batch)
        rows = s->batch;
    return bytes_of(&s->pos) + bytes_of(&s->neg) +
           (step_caches(s) ? rows * one->largest : 0);
}

/* Bytes of tensors that live through a step whatever the cut: parameters with
 * gradient, moments and averages, encoders, what is drawn, features of the
 * whole step, their gradient, what the loss makes of a family. */
static size_t fixed_bytes(const step *s, const sample_bytes *one)
{
    size_t sets = 4 + (size_t)s->c->optimizer.ema_count;
    size_t drawn = bytes_of(&s->pos) + bytes_of(&s->neg) + bytes_of(&s->noise) +
                   bytes_of(&s->style) + bytes_of(&s->label) +
                   bytes_of(&s->alpha);
    size_t rows = s->entries * (s->positives + s->negatives) + 2 * s->batch;
    size_t loss = s->batch * one->largest;
    if (loss < rows * one->grouped)
        loss = rows * one->grouped;
    return sets * bytes_of(&s->generator->params.value) + network_bytes(s) +
           drawn + rows * one->row + loss;
}

static drift_status measure(step *s, sample_bytes *one)
{
    drift_status status = DRIFT_OK;
    size_t count = s->batch < PROBE ? s->batch : PROBE;
    part p = {0};
    *one = (sample_bytes){0};
    TRY(part_new(s, &p, 0, count));
    /* Idle blocks of other sizes would make the measure depend on the past. */
    pool_trim(s->ctx);
    size_t before = pool_get_stats(s->ctx).used;
    TRY(part_forward(s, &p, 1));
    one->recorded = (pool_get_stats(s->ctx).used - before) / count + 1;
    for (size_t i = 0; i < p.features.count; i++) {
        const tensor *x = &p.features.list[i].value->value;
        size_t bytes = bytes_of(x) / count;
        one->row += bytes;
        if (bytes > one->largest)
            one->largest = bytes;
        if (bytes > one->grouped && x->shape.dim[1] > 1)
            one->grouped = bytes;
    }
out:
    part_free(&p);
    pool_trim(s->ctx);
    return status;
}

/* drift.memory with which `bytes` are left beside the field's share. */
static size_t bound_for(size_t bytes)
{
    size_t bound = bytes + bytes / 7 + 8; /* 1/8 of it is the field's */
    size_t mib = (size_t)1 << 20;
    if (bound / 8 > FIELD)
        bound = bytes + FIELD;
    return (bound + mib - 1) / mib * mib;
}

/* Bytes left for tapes beside `taken`; a part at work needs half as much again
 * for its gradients. */
static drift_status find_budget(step *s, size_t recorded, size_t taken,
                                size_t *budget)
{
    size_t memory = s->memory, field = cut_field_memory(s);
    size_t least = recorded + recorded / 2;
    if (memory < taken + field || memory - taken - field < least)
        return ERROR(s->ctx, DRIFT_ERROR_USAGE,
                     "drift.memory: %zu bytes are too few for one sample; at "
                     "least %zu MiB are needed",
                     memory, bound_for(taken + least) >> 20);
    *budget = memory - taken - field;
    return DRIFT_OK;
}

/* How many samples a part holds and how many parts keep their tapes. */
static void choose(const step *s, size_t recorded, size_t budget, size_t *micro,
                   size_t *kept)
{
    const drifting_config *d = &s->c->drift;
    size_t fits = budget / (recorded + recorded / 2);
    *micro = d->micro_batch ? (size_t)d->micro_batch : CACHE / recorded;
    if (!d->micro_batch && *micro < LEAST)
        *micro = LEAST;
    if (*micro > fits)
        *micro = fits;
    size_t parts = (s->batch + *micro - 1) / *micro;
    if (!d->micro_batch) /* parts of about one size */
        *micro = (s->batch + parts - 1) / parts;
    size_t bytes = *micro * recorded;
    *kept = (budget - bytes / 2) / bytes;
    if (*kept > parts)
        *kept = parts;
}

drift_status cut_new(step *s)
{
    drift_status status = DRIFT_OK;
    sample_bytes one;
    size_t micro = 1, kept = 0, budget = SIZE_MAX / 2;
    TRY(measure(s, &one));
    s->memory = (size_t)s->c->drift.memory;
    if (!s->memory && s->ctx->device_memory) {
        s->memory = s->ctx->device_memory / 4 * 3;
        log_info(s->ctx,
                 "drift.memory: %zu MiB, three quarters of the device's",
                 s->memory >> 20);
    }
    if (s->memory) {
        size_t beside = host_bytes(s, &one) + RESERVE;
        size_t taken = fixed_bytes(s, &one) + beside;
        TRY(find_budget(s, one.recorded, taken, &budget));
        pool_limit(s->ctx, s->memory - beside);
    }
    choose(s, one.recorded, budget, &micro, &kept);
    size_t count = (s->batch + micro - 1) / micro;
    s->parts = mem_alloc(s->ctx, count, sizeof *s->parts);
    if (!s->parts) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        size_t first = i * micro, left = s->batch - first;
        s->part_count++;
        TRY(part_new(s, &s->parts[i], first, left < micro ? left : micro));
        s->parts[i].keeps = i < kept;
    }
    log_debug(s->ctx,
              "batch of %zu in %zu parts of %zu, %zu kept; %zu bytes a sample",
              s->batch, count, micro, kept, one.recorded);
out:
    return status;
}

void cut_free(step *s)
{
    for (size_t i = 0; i < s->part_count; i++)
        part_free(&s->parts[i]);
    mem_free(s->parts);
    s->parts = NULL;
    s->part_count = 0;
    if (s->memory)
        pool_limit(s->ctx, 0);
}
