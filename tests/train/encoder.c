/* Training an encoder: it learns, goes on to the bit, leaves a file that opens
 * as the same network, and refuses what is not for it. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "nn/autoencoder.h"
#include "nn/mae.h"

#define IMAGES 8

static double number_of(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Logits of the first test images, to be freed. */
static float *logits_of(drift_context *ctx, encoder *e, const tensor *flat,
                        dataset *d)
{
    size_t numbers = (size_t)d->height * (size_t)d->width;
    float *pixels = mem_alloc(NULL, IMAGES * numbers, sizeof *pixels);
    float *logits =
        mem_alloc(NULL, IMAGES * (size_t)d->classes, sizeof *logits);
    tensor images;
    tape *t;
    encoder_out out = {.want_logits = 1};
    assert_true(pixels && logits);
    for (size_t i = 0; i < IMAGES; i++)
        OK(ctx, d->get(d, i, pixels + i * numbers));
    OK(ctx, tensor_new(ctx, &images, DTYPE_F32,
                       SHAPE(IMAGES, (size_t)d->height, (size_t)d->width, 1)));
    OK(ctx, tensor_write(ctx, &images, pixels));
    OK(ctx, tape_new(ctx, 0, &t));
    encoder_forward(e, t, flat, tape_constant(t, &images), &out);
    OK(ctx, tape_status(t));
    OK(ctx, tensor_read(ctx, &out.logits->value, logits));
    tape_free(t);
    tensor_free(ctx, &images);
    mem_free(pixels);
    return logits;
}

/* Loss and test accuracy move, and RUN/encoder.safetensors is the first
 * EMA. */
static void it_learns(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "run.steps=120",
                          "encoder.crop=1", "encoder.label_smoothing=0", NULL);
    char *path = path_in(s.run, "encoder.safetensors");
    drift_trainer *t;
    drift_progress p;
    encoder *e;
    size_t count;
    double first = 0, last = 0;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    do {
        OK(s.ctx, drift_trainer_step(t, &p));
        first += p.step <= 5 ? p.loss : 0;
        last += p.step > 115 ? p.loss : 0;
    } while (!p.done);
    assert_int_equal(p.step, 120);
    assert_int_equal(p.images, 120 * 30);
    assert_true(last < .75 * first);
    assert_true(p.accuracy > .3 && p.test_accuracy > .3);
    json_t *found = line(&s, 119, &count);
    assert_int_equal(count, 120);
    assert_true(fabs(number_of(found, "test_accuracy") - p.test_accuracy) <
                1e-6);
    number_of(found, "test_loss");
    number_of(found, "accuracy");
    json_decref(found);

    OK(s.ctx, encoder_open(s.ctx, path, &e));
    assert_int_equal(e->config.kind, ENCODER_CLASSIFIER);
    assert_int_equal(e->config.classes, 10);
    float *ours = logits_of(s.ctx, t->encoder, &t->optimizer.ema[0], t->test);
    float *read = logits_of(s.ctx, e, &e->params.value, t->test);
    assert_memory_equal(ours, read, IMAGES * 10 * sizeof *ours);
    mem_free(ours);
    mem_free(read);
    encoder_free(e);
    drift_trainer_free(t);
    mem_free(path);
    config_free(c);
    scene_close(&s);
}

/* Tests every second step, and at the end; the line of such a step has their
 * result, whatever run.log_every is. */
static void tests_are_logged(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "run.steps=5",
                          "run.log_every=100", "run.preview_every=2", NULL);
    size_t count;
    run_steps(s.ctx, c, s.run, 5);
    static const int steps[] = {1, 2, 4, 5};
    for (size_t i = 0; i < 4; i++) {
        json_t *found = line(&s, i, &count);
        assert_int_equal(count, 4);
        assert_int_equal(json_integer_value(json_object_get(found, "step")),
                         steps[i]);
        assert_int_equal(json_object_get(found, "test_accuracy") != NULL,
                         i > 0);
        assert_null(json_object_get(found, "drift"));
        json_decref(found);
    }
    config_free(c);
    scene_close(&s);
}

/* The loss of the step's images with the parameters moved by `by` along a
 * fixed direction; with `slope` also the gradient's product with it. */
static double loss_along(drift_trainer *t, const float *value,
                         const float *along, double by, double *slope)
{
    encoder_step *s = &t->encoder_step;
    params *p = t->params;
    verdict v = {0};
    float *host = mem_alloc(NULL, p->total, sizeof *host);
    assert_non_null(host);
    for (size_t i = 0; i < p->total; i++)
        host[i] = (float)((double)value[i] + by * (double)along[i]);
    OK(t->ctx, tensor_write(t->ctx, &p->value, host));
    tape_reset(s->tape, 1);
    OK(t->ctx, s->objective->loss(s, &p->value, s->rows, 1, &v));
    OK(t->ctx, op_fill(t->ctx, &p->grad, 0));
    OK(t->ctx, tape_backward(s->tape));
    OK(t->ctx, tensor_read(t->ctx, &p->grad, host));
    *slope = 0;
    for (size_t i = 0; i < p->total; i++)
        *slope += (double)host[i] * (double)along[i];
    mem_free(host);
    return v.loss;
}

/* What each objective seeds is the gradient of the loss that it tells. */
static void gradients_fit(void **state)
{
    (void)state;
    for (int k = 0; k < OBJECTIVE_COUNT; k++) {
        scene s;
        scene_open(&s);
        config *c = configure(s.ctx, encoder_base, "encoder.batch=12",
                              "encoder.projection=5", "encoder.patch=2",
                              "encoder.class_steps=30000",
                              k == OBJECTIVE_MAE ? "encoder.blocks=1,1,1,1"
                                                 : "encoder.blocks=1,1",
                              NULL);
        drift_trainer *t;
        c->encoder.objective = k;
        OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
        if (k == OBJECTIVE_MAE) /* a kink would be none of the loss */
            ((mae *)t->encoder->state)->act = ACT_SILU;
        t->encoder_step.number = 10000; /* the class loss has its share */
        size_t total = t->params->total;
        float *value = mem_alloc(NULL, total, sizeof *value);
        float *along = mem_alloc(NULL, total, sizeof *along);
        assert_true(value && along);
        OK(s.ctx, tensor_read(s.ctx, &t->params->value, value));
        for (size_t i = 0; i < total; i++)
            along[i] = rng_normal((rng_stream){1, RNG_TEST, 0}, i);
        OK(s.ctx, encoder_step_take(&t->encoder_step, t->data, 0,
                                    t->encoder_step.rows));
        double slope, unused, h = 1e-3;
        loss_along(t, value, along, 0, &slope);
        double change = (loss_along(t, value, along, h, &unused) -
                         loss_along(t, value, along, -h, &unused)) /
                        (2 * h);
        print_message("objective %d: slope %g, by the gradient %g\n", k, change,
                      slope);
        assert_true(fabs(slope) > 1e-3);
        assert_true(fabs(change - slope) < .01 * fabs(slope));
        mem_free(value);
        mem_free(along);
        drift_trainer_free(t);
        config_free(c);
        scene_close(&s);
    }
}

/* A run to its end, whose loss halves. */
static drift_trainer *learn(scene *s, const config *c, drift_progress *p)
{
    drift_trainer *t;
    double first = 0;
    OK(s->ctx, drift_trainer_new(s->ctx, c, s->run, 0, &t));
    do {
        OK(s->ctx, drift_trainer_step(t, p));
        first = p->step == 1 ? p->loss : first;
    } while (!p->done);
    assert_true(p->loss < .5 * first && p->test_loss > 0);
    return t;
}

/* An autoencoder's file gives latents of mean 0 and deviation 1, and the same
 * images as the parameters that it was made from. */
static void latents_are_normal(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "encoder.objective=autoencoder",
                          "encoder.latent=3", "encoder.batch=50",
                          "run.steps=30", "run.preview_every=15", NULL);
    char *path = path_in(s.run, "encoder.safetensors");
    char *picture = path_in(s.run, "samples/step-000015.png");
    drift_trainer *t;
    drift_progress p;
    encoder *e;
    t = learn(&s, c, &p);
    assert_true(p.accuracy < 0 && p.test_accuracy < 0);
    assert_true(file_exists(picture));

    OK(s.ctx, encoder_open(s.ctx, path, &e));
    assert_int_equal(e->config.kind, ENCODER_AUTOENCODER);
    encoder_step *looking = &t->encoder_step;
    double sum[2][3] = {{0}}, count = 0, apart = 0;
    static float latent[50 * 14 * 14 * 3], image[2][50 * 28 * 28];
    for (size_t i = 0; i < 200; i += 50) {
        OK(s.ctx, encoder_step_take(looking, t->data, i, 50));
        tensor images = encoder_step_images(looking, 50);
        var *x = tape_constant(looking->tape, &images);
        var *z = autoencoder_encode(e, looking->tape, &e->params.value, x);
        var *y = autoencoder_decode(e, looking->tape, &e->params.value, z);
        OK(s.ctx, tape_status(looking->tape));
        assert_int_equal(tensor_count(&z->value), 50 * 14 * 14 * 3);
        OK(s.ctx, tensor_read(s.ctx, &z->value, latent));
        OK(s.ctx, tensor_read(s.ctx, &y->value, image[0]));
        OK(s.ctx, looking->objective->remake(looking, &t->optimizer.ema[0], 50,
                                             image[1]));
        for (size_t k = 0; k < 50 * 14 * 14 * 3; k++) {
            sum[0][k % 3] += (double)latent[k];
            sum[1][k % 3] += (double)latent[k] * (double)latent[k];
        }
        for (size_t k = 0; k < 50 * 28 * 28; k++)
            apart =
                fmax(apart, fabs((double)image[0][k] - (double)image[1][k]));
        count += 50 * 14 * 14;
    }
    for (int k = 0; k < 3; k++) {
        assert_true(fabs(sum[0][k] / count) < 1e-3);
        assert_true(fabs(sum[1][k] / count - 1) < 1e-3);
    }
    assert_true(apart < 1e-4);
    encoder_free(e);
    drift_trainer_free(t);
    mem_free(picture);
    mem_free(path);
    config_free(c);
    scene_close(&s);
}

/* simclr: the loss falls, and the file holds the network without the layer
 * that the loss alone needs. */
static void simclr_drops_its_head(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "encoder.objective=simclr",
                          "encoder.projection=8", "run.steps=30", NULL);
    char *path = path_in(s.run, "encoder.safetensors");
    drift_trainer *t;
    drift_progress p;
    encoder *e;
    double first = 0, last = 0;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    do {
        OK(s.ctx, drift_trainer_step(t, &p));
        first += p.step <= 3 ? p.loss : 0;
        last += p.step > 27 ? p.loss : 0;
    } while (!p.done);
    assert_true(last < .95 * first);
    assert_int_equal(p.images, 30 * 30);
    OK(s.ctx, encoder_open(s.ctx, path, &e));
    assert_int_equal(e->config.classes, 0);
    assert_int_equal(params_find(&e->params, "out.weight"), -1);
    assert_true(params_find(&e->params, "hidden.weight") >= 0);
    encoder_free(e);
    drift_trainer_free(t);
    mem_free(path);
    config_free(c);
    scene_close(&s);
}

/* mae: the loss falls, pictures are made, and the file holds the network that
 * sees whole images, without decoder and head. */
static void mae_drops_its_decoder(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "encoder.objective=mae",
                          "encoder.blocks=1,1,1,1", "encoder.patch=2",
                          "encoder.class_steps=10", "run.steps=30", NULL);
    char *path = path_in(s.run, "encoder.safetensors");
    char *picture = path_in(s.run, "samples/step-000030.png");
    drift_trainer *t;
    drift_progress p;
    encoder *e;
    t = learn(&s, c, &p);
    assert_true(file_exists(picture));
    OK(s.ctx, encoder_open(s.ctx, path, &e));
    assert_int_equal(e->config.kind, ENCODER_MAE);
    assert_int_equal(e->config.decoder, 0);
    assert_int_equal(e->config.classes, 0);
    encoder_free(e);
    drift_trainer_free(t);
    mem_free(picture);
    mem_free(path);
    config_free(c);
    scene_close(&s);
}

/* Seven steps, and three, closed, four more with other threads: over the end
 * of an epoch (200 images, 30 a step), whatever is made of an image. */
static void resume_agrees(const char *task, const char *more)
{
    char *folder = scratch_new();
    char *whole = path_in(folder, "whole"), *cut = path_in(folder, "cut");
    char *a = path_in(whole, "encoder.safetensors");
    char *b = path_in(cut, "encoder.safetensors");
    drift_context *ctx = open_context(1);
    config *c = configure(ctx, encoder_base, "run.steps=7", "data.flip=true",
                          "optimizer.schedule=cosine", "encoder.class_steps=4",
                          task, more, NULL);
    drift_trainer *t;
    drift_progress p;
    file_view x, y;
    run_steps(ctx, c, whole, 7);
    run_steps(ctx, c, cut, 3);
    config_free(c);
    drift_context_close(ctx);
    ctx = open_context(2);
    OK(ctx, drift_trainer_resume(ctx, DRIFT_ENCODER, cut, NULL, 0, &t));
    for (int i = 0; i < 4; i++)
        OK(ctx, drift_trainer_step(t, &p));
    assert_true(p.done && p.step == 7);
    drift_trainer_free(t);
    expect_same_state(ctx, whole, cut);
    OK(ctx, file_open_view(ctx, a, &x));
    OK(ctx, file_open_view(ctx, b, &y));
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    file_close_view(&x);
    file_close_view(&y);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
    mem_free(a);
    mem_free(b);
    mem_free(whole);
    mem_free(cut);
    scratch_remove(folder);
}

static void all_resume(void **state)
{
    (void)state;
    resume_agrees("encoder.objective=classifier", "run.steps=7");
    resume_agrees("encoder.objective=autoencoder", "run.steps=7");
    resume_agrees("encoder.objective=simclr", "run.steps=7");
    resume_agrees("encoder.objective=mae", "encoder.blocks=1,1,1,1");
}

/* A run is resumed by what it trains. */
static void subjects_are_kept(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    drift_trainer *t;
    config *c = configure(s.ctx, encoder_base, "run.steps=1", NULL);
    run_steps(s.ctx, c, s.run, 1);
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t),
        DRIFT_ERROR_USAGE,
        "section 'encoder' is of drift-encoder, not of drift-train");
    config_free(c);
    char *other = path_in(s.folder, "other");
    c = configure(s.ctx, image_base, "run.steps=1", NULL);
    run_steps(s.ctx, c, other, 1);
    expect_error(&s,
                 drift_trainer_resume(s.ctx, DRIFT_ENCODER, other, NULL, 0, &t),
                 DRIFT_ERROR_USAGE,
                 "section 'generator' is of drift-train, not of drift-encoder");
    mem_free(other);
    config_free(c);
    scene_close(&s);
}

static void unfit_data_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *word;
    } cases[] = {
        {"encoder.objective=simclr", "two random views"},
        {"encoder.blocks=1,1,1,1", "want image sides that 8 divides"},
        {"data.path=moons", "are points"},
        {"data.classes=1", "needs labels"},
        {"encoder.groups=3", "3 groups do not divide 8 channels"},
    };
    scene s;
    scene_open(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config *c =
            configure(s.ctx, encoder_base,
                      i == 1 ? "encoder.objective=autoencoder" : "run.steps=1",
                      "encoder.shift=0", "encoder.crop=1", cases[i].set, NULL);
        drift_trainer *t;
        expect_error(&s, drift_trainer_new(s.ctx, c, s.run, 0, &t),
                     DRIFT_ERROR_USAGE, cases[i].word);
        assert_false(file_exists(s.run));
        config_free(c);
    }
    scene_close(&s);
}

/* A rate at which the weights blow up: the state before is kept. */
static void numbers_blow_up(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, encoder_base, "run.steps=3", NULL);
    drift_trainer *t;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    OK(s.ctx, op_fill(s.ctx, &t->params->value, NAN));
    expect_error(&s, drift_trainer_step(t, NULL), DRIFT_ERROR_NUMBER,
                 "step 2 (the state before it is in");
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(tests_are_logged),
        cmocka_unit_test(gradients_fit),
        cmocka_unit_test(latents_are_normal),
        cmocka_unit_test(simclr_drops_its_head),
        cmocka_unit_test(mae_drops_its_decoder),
        cmocka_unit_test(all_resume),
        cmocka_unit_test(subjects_are_kept),
        cmocka_unit_test(unfit_data_are_refused),
        cmocka_unit_test(numbers_blow_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
