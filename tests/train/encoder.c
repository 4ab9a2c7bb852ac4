/* Training an encoder: it learns, goes on to the bit, leaves a file that opens
 * as the same network, and refuses what is not for it. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

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
    config *c =
        configure(s.ctx, encoder_base, "run.steps=120", "encoder.crop=1",
                  "encoder.label_smoothing=0", NULL);
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

/* Seven steps, and three, closed, four more with other threads: over the end
 * of an epoch (200 images, 30 a step), whatever is made of an image. */
static void resume_agrees(void **state)
{
    (void)state;
    char *folder = scratch_new();
    char *whole = path_in(folder, "whole"), *cut = path_in(folder, "cut");
    char *a = path_in(whole, "encoder.safetensors");
    char *b = path_in(cut, "encoder.safetensors");
    drift_context *ctx = open_context(1);
    config *c = configure(ctx, encoder_base, "run.steps=7", "data.flip=true",
                          "optimizer.schedule=cosine", NULL);
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
        {"data.path=moons", "are points"},
        {"data.classes=1", "needs labels"},
        {"encoder.groups=3", "3 groups do not divide 8 channels"},
    };
    scene s;
    scene_open(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config *c = configure(s.ctx, encoder_base, cases[i].set, NULL);
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
        cmocka_unit_test(resume_agrees),
        cmocka_unit_test(subjects_are_kept),
        cmocka_unit_test(unfit_data_are_refused),
        cmocka_unit_test(numbers_blow_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
