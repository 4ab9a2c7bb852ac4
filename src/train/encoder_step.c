/* See encoder_step.h. */
#include "train/encoder_step.h"

#include "base/mem.h"
#include "base/threads.h"

/* -- life --------------------------------------------------------------- */

static size_t image_numbers(const dataset *d)
{
    return (size_t)d->height * (size_t)d->width * (size_t)d->channels;
}

drift_status encoder_step_new(drift_context *ctx, const config *c,
                              dataset *data, dataset *test, encoder *network,
                              optimizer *o, encoder_step *s)
{
    drift_status status = DRIFT_OK;
    const objective *task = objectives[c->encoder.objective];
    size_t b = (size_t)c->encoder.batch, rows = b * (size_t)task->views;
    size_t numbers = rows * image_numbers(data);
    *s = (encoder_step){
        .ctx = ctx,
        .c = c,
        .data = data,
        .test = test,
        .network = network,
        .optimizer = o,
        .objective = task,
        .batch = b,
        .rows = rows,
        .loader = {.seed = (uint64_t)c->run.seed, .count = data->count},
        .report = {.spread = -1,
                   .accuracy = -1,
                   .test_accuracy = -1,
                   .test_loss = -1}};
    s->pixels = mem_alloc(ctx, numbers, sizeof *s->pixels);
    s->spare = mem_alloc(ctx, numbers, sizeof *s->spare);
    s->labels = mem_alloc(ctx, rows, sizeof *s->labels);
    if (!s->pixels || !s->spare || !s->labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_new(ctx, &s->images, DTYPE_F32,
                   SHAPE(rows, (size_t)data->height, (size_t)data->width,
                         (size_t)data->channels)));
    TRY(tape_new(ctx, 1, &s->tape));
    s->report.parts = network->params.parts;
    s->report.part_count = network->params.part_count;
    s->report.part_norms = o->part_norms;
out:
    return status;
}

void encoder_step_free(encoder_step *s)
{
    if (!s->ctx)
        return;
    tape_free(s->tape);
    tensor_free(s->ctx, &s->images);
    mem_free(s->labels);
    mem_free(s->spare);
    mem_free(s->pixels);
    loader_free(&s->loader);
    *s = (encoder_step){0};
}

/* -- the boxes ---------------------------------------------------------- */

/* Images `index` of a data set into s->images; `coins` NULL leaves them as they
 * are. */
static drift_status take_images(encoder_step *s, dataset *d,
                                const int64_t *index, size_t count,
                                const rng_stream *coins)
{
    drift_status status = DRIFT_OK;
    size_t numbers = image_numbers(d);
    int worst = DRIFT_OK;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (long i = 0; i < (long)count; i++) {
        float *to = s->pixels + (size_t)i * numbers;
        int got = d->get(d, (size_t)index[i], to);
        worst = got > worst ? got : worst;
        s->labels[i] = d->label(d, (size_t)index[i]);
        if (coins)
            dataset_vary(d, &s->c->encoder.augment, *coins, (uint64_t)i, to,
                         s->spare + (size_t)i * numbers);
    }
    TRY((drift_status)worst);
    TRY(tensor_write(s->ctx, &s->images, s->pixels));
out:
    return status;
}

tensor encoder_step_images(const encoder_step *s, size_t count)
{
    shape some = s->images.shape;
    some.dim[0] = count;
    return tensor_view(&s->images, 0, some);
}

drift_status encoder_step_take(encoder_step *s, dataset *d, size_t first,
                               size_t count)
{
    drift_status status = DRIFT_OK;
    int64_t *index = mem_alloc(s->ctx, count, sizeof *index);
    if (!index)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++)
        index[i] = (int64_t)(first + i);
    tape_reset(s->tape, 0);
    TRY(take_images(s, d, index, count, NULL));
out:
    mem_free(index);
    return status;
}

static drift_status draw(encoder_step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    rng_stream coins = {(uint64_t)s->c->run.seed, RNG_AUGMENT, (uint64_t)n};
    int64_t *index = mem_alloc(s->ctx, s->rows, sizeof *index);
    if (!index)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < s->rows; i++)
        TRY(loader_sample(s->ctx, &s->loader,
                          n * (int64_t)s->batch + (int64_t)(i % s->batch),
                          &index[i]));
    tape_reset(s->tape, 1);
    TRY(take_images(s, s->data, index, s->rows, &coins));
out:
    mem_free(index);
    return status;
}

/* -- the step ----------------------------------------------------------- */

/* Time since the last call goes to `phase`. */
static void lap(encoder_step *s, int phase, double *since)
{
    double now = clock_seconds();
    s->report.phases[phase] = now - *since;
    *since = now;
}

drift_status encoder_step_run(encoder_step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    params *p = &s->network->params;
    step_report *r = &s->report;
    optimizer *o = s->optimizer;
    double since = clock_seconds();
    verdict v = {0};
    s->number = n;
    TRY(draw(s, n));
    lap(s, PHASE_DATA, &since);
    TRY(s->objective->loss(s, &p->value, s->rows, 1, &v));
    r->loss = v.loss;
    if (s->objective->classifies)
        r->accuracy = (double)v.right / (double)s->rows;
    lap(s, PHASE_GENERATE, &since);
    TRY(op_fill(s->ctx, &p->grad, 0));
    TRY(tape_backward(s->tape));
    lap(s, PHASE_BACKWARD, &since);
    TRY(optimizer_norms(o));
    TRY(optimizer_read(o));
    TRY(optimizer_step(o, n));
    r->grad_norm = o->grad_norm;
    r->learning_rate = o->learning_rate;
    lap(s, PHASE_OPTIMIZER, &since);
out:
    return status;
}

drift_status encoder_step_test(encoder_step *s, const tensor *flat)
{
    drift_status status = DRIFT_OK;
    size_t all = s->test->count, right = 0, n;
    double loss = 0;
    for (size_t first = 0; first < all; first += n) {
        verdict v = {0};
        n = all - first < s->rows ? all - first : s->rows;
        TRY(encoder_step_take(s, s->test, first, n));
        TRY(s->objective->loss(s, flat, n, 0, &v));
        loss += (double)n * v.loss;
        right += v.right;
    }
    if (s->objective->classifies)
        s->report.test_accuracy = (double)right / (double)all;
    s->report.test_loss = loss / (double)all;
out:
    tape_reset(s->tape, 0);
    return status;
}
