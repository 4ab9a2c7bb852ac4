/* See encoder_step.h. */
#include "train/encoder_step.h"

#include <math.h>

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
    size_t b = (size_t)c->encoder.batch, numbers = b * image_numbers(data);
    size_t classes = (size_t)data->classes;
    *s = (encoder_step){
        .ctx = ctx,
        .c = c,
        .data = data,
        .test = test,
        .network = network,
        .optimizer = o,
        .batch = b,
        .loader = {.seed = (uint64_t)c->run.seed, .count = data->count},
        .report = {.spread = -1, .accuracy = -1, .test_accuracy = -1}};
    s->pixels = mem_alloc(ctx, numbers, sizeof *s->pixels);
    s->spare = mem_alloc(ctx, numbers, sizeof *s->spare);
    s->labels = mem_alloc(ctx, b, sizeof *s->labels);
    s->logits = mem_alloc(ctx, b * classes, sizeof *s->logits);
    s->delta = mem_alloc(ctx, b * classes, sizeof *s->delta);
    if (!s->pixels || !s->spare || !s->labels || !s->logits || !s->delta) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_new(ctx, &s->images, DTYPE_F32,
                   SHAPE(b, (size_t)data->height, (size_t)data->width,
                         (size_t)data->channels)));
    TRY(tensor_new(ctx, &s->gradient, DTYPE_F32, SHAPE(b, classes)));
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
    tensor_free(s->ctx, &s->gradient);
    tensor_free(s->ctx, &s->images);
    mem_free(s->delta);
    mem_free(s->logits);
    mem_free(s->labels);
    mem_free(s->spare);
    mem_free(s->pixels);
    loader_free(&s->loader);
    *s = (encoder_step){0};
}

/* -- the boxes ---------------------------------------------------------- */

/* Images `index` of a data set; `coins` NULL leaves them as they are. */
static drift_status take_images(encoder_step *s, dataset *d,
                                const int64_t *index, size_t count,
                                const rng_stream *coins)
{
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
    return (drift_status)worst;
}

static drift_status draw(encoder_step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    rng_stream coins = {(uint64_t)s->c->run.seed, RNG_AUGMENT, (uint64_t)n};
    int64_t *index = mem_alloc(s->ctx, s->batch, sizeof *index);
    if (!index)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < s->batch; i++)
        TRY(loader_sample(s->ctx, &s->loader,
                          n * (int64_t)s->batch + (int64_t)i, &index[i]));
    TRY(take_images(s, s->data, index, s->batch, &coins));
    tape_reset(s->tape, 1);
    TRY(tensor_write(s->ctx, &s->images, s->pixels));
out:
    mem_free(index);
    return status;
}

/* The logits of the first `count` images, on the host too. */
static drift_status classify(encoder_step *s, const tensor *flat, size_t count,
                             var **logits)
{
    drift_status status = DRIFT_OK;
    encoder_out out = {.want_logits = 1};
    shape some = s->images.shape;
    some.dim[0] = count;
    tensor images = tensor_view(&s->images, 0, some);
    encoder_forward(s->network, s->tape, flat, tape_constant(s->tape, &images),
                    &out);
    TRY(tape_status(s->tape));
    *logits = out.logits;
    TRY(tensor_read(s->ctx, &out.logits->value, s->logits));
out:
    return status;
}

/* Sum over `count` images of -sum_k q_k log softmax(logits)_k, where q is
 * `smoothing` / classes, and 1 - smoothing more at the label. Into delta,
 * unless NULL, the gradient of the mean; *right: how many have their greatest
 * logit at the label. */
static double cross_entropy(const encoder_step *s, size_t count,
                            double smoothing, float *delta, size_t *right)
{
    size_t classes = (size_t)s->data->classes;
    double loss = 0;
    *right = 0;
    for (size_t i = 0; i < count; i++) {
        const float *row = s->logits + i * classes;
        size_t label = (size_t)s->labels[i], best = 0;
        double sum = 0;
        for (size_t k = 1; k < classes; k++)
            if (row[k] > row[best])
                best = k;
        for (size_t k = 0; k < classes; k++)
            sum += exp((double)row[k] - (double)row[best]);
        for (size_t k = 0; k < classes; k++) {
            double to = (double)row[k] - (double)row[best];
            double q =
                smoothing / (double)classes + (k == label ? 1 - smoothing : 0);
            loss -= q * (to - log(sum));
            if (delta)
                delta[i * classes + k] =
                    (float)((exp(to) / sum - q) / (double)count);
        }
        *right += best == label;
    }
    return loss;
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
    size_t right;
    var *logits;
    TRY(draw(s, n));
    lap(s, PHASE_DATA, &since);
    TRY(classify(s, &p->value, s->batch, &logits));
    lap(s, PHASE_GENERATE, &since);
    r->loss = cross_entropy(s, s->batch, (double)s->c->encoder.label_smoothing,
                            s->delta, &right) /
              (double)s->batch;
    r->accuracy = (double)right / (double)s->batch;
    TRY(tensor_write(s->ctx, &s->gradient, s->delta));
    lap(s, PHASE_FIELD, &since);
    TRY(op_fill(s->ctx, &p->grad, 0));
    tape_seed(s->tape, logits, &s->gradient);
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
    var *logits;
    int64_t *index = mem_alloc(s->ctx, s->batch, sizeof *index);
    if (!index)
        return DRIFT_ERROR_MEMORY;
    for (size_t first = 0; first < all; first += n) {
        size_t hits;
        n = all - first < s->batch ? all - first : s->batch;
        for (size_t i = 0; i < n; i++)
            index[i] = (int64_t)(first + i);
        TRY(take_images(s, s->test, index, n, NULL));
        tape_reset(s->tape, 0);
        TRY(tensor_write(s->ctx, &s->images, s->pixels));
        TRY(classify(s, flat, n, &logits));
        loss += cross_entropy(s, n, 0, NULL, &hits);
        right += hits;
    }
    s->report.test_accuracy = (double)right / (double)all;
    s->report.test_loss = loss / (double)all;
out:
    tape_reset(s->tape, 0);
    mem_free(index);
    return status;
}
