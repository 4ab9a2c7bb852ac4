/* Generators of an autoencoder's latents: training, resuming, models that need
 * no file beside their checkpoint. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "nn/autoencoder.h"
#include "train/latents.h"
#include "support.h"

/* A small untrained one: 28 x 28 x 1 to 14 x 14 x 3. */
static char *make_autoencoder(drift_context *ctx, const char *folder,
                              const char *name, uint64_t seed)
{
    encoder_config c = {.kind = ENCODER_AUTOENCODER,
                        .width = 4,
                        .blocks = {1, 1},
                        .groups = 2,
                        .latent = 3,
                        .image_height = 28,
                        .image_width = 28,
                        .channels = 1};
    char *path = path_in(folder, name);
    encoder *e;
    OK(ctx, encoder_new(ctx, &c, seed, 0, &e));
    OK(ctx, encoder_write(e, &e->params.value, path));
    encoder_free(e);
    return path;
}

static config *latent_config(scene *s, const char *file, const char *key)
{
    char text[300];
    snprintf(text, sizeof text, "generator.autoencoder=%s", file);
    return configure(s->ctx, image_base, text, "generator.levels=2",
                     "drift.bank=0", "run.steps=4", key, NULL);
}

static void go_on(scene *s, const char *folder, const char *const *set,
                  size_t count)
{
    drift_trainer *t;
    OK(s->ctx,
       drift_trainer_resume(s->ctx, DRIFT_GENERATOR, folder, set, count, &t));
    for (int i = 0; i < 2; i++)
        OK(s->ctx, drift_trainer_step(t, NULL));
    drift_trainer_free(t);
}

/* With pixels of latents alone, and in an encoder through the decoder; the
 * autoencoder's file moves in between. */
static void resume_agrees(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    char *maps = make_encoder(s.ctx, s.folder, "encoder.safetensors", 1);
    char with[300], moved[300];
    snprintf(with, sizeof with, "features.encoders=%s", maps);
    const char *keys[] = {"run.seed=3", with};
    for (size_t i = 0; i < 2; i++) {
        char *file = make_autoencoder(s.ctx, s.folder, "a.safetensors", 1);
        char *there = path_in(s.folder, "b.safetensors");
        char *whole = path_in(s.folder, i ? "whole1" : "whole0");
        char *cut = path_in(s.folder, i ? "cut1" : "cut0");
        config *c = latent_config(&s, file, keys[i]);
        drift_trainer *t;
        run_steps(s.ctx, c, whole, 4);
        run_steps(s.ctx, c, cut, 2);
        assert_int_equal(rename(file, there), 0);
        expect_error(
            &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, cut, NULL, 0, &t),
            DRIFT_ERROR_IO, "a.safetensors");
        snprintf(moved, sizeof moved, "generator.autoencoder=%s", there);
        go_on(&s, cut, (const char *const[]){moved}, 1);
        expect_same_state(s.ctx, whole, cut);
        config_free(c);
        mem_free(cut);
        mem_free(whole);
        mem_free(there);
        mem_free(file);
    }
    mem_free(maps);
    scene_close(&s);
}

static void model_is_whole(void **state)
{
    (void)state;
    scene s;
    drift_model *m;
    float pixels[2 * 28 * 28];
    scene_open(&s);
    char *file = make_autoencoder(s.ctx, s.folder, "a.safetensors", 1);
    config *c = latent_config(&s, file, "run.seed=3");
    run_steps(s.ctx, c, s.run, 4);
    assert_int_equal(unlink(file), 0);
    OK(s.ctx, drift_model_open(s.ctx, s.run, NULL, &m));
    const drift_model_info *i = drift_model_get_info(m);
    assert_int_equal(i->height, 28);
    assert_int_equal(i->width, 28);
    assert_int_equal(i->channels, 1);
    assert_int_equal(i->numbers, 28 * 28);
    for (size_t k = 0; k < 2 * 28 * 28; k++)
        pixels[k] = NAN;
    OK(s.ctx,
       drift_model_sample(m, &(drift_request){.count = 2, .seed = 1}, pixels));
    for (size_t k = 0; k < 2 * 28 * 28; k++)
        assert_true(isfinite(pixels[k]));
    assert_memory_not_equal(pixels, pixels + 28 * 28, sizeof pixels / 2);
    drift_model_free(m);
    config_free(c);
    mem_free(file);
    scene_close(&s);
}

static const unsigned char *row(const comparison *c, size_t label, size_t kind)
{
    return c->images + (label * c->kinds + kind) * c->columns * 28 * 28;
}

/* The rows of each class: the first real image of it to the bit, what becomes
 * of its latent, a sample. */
static void comparison_shows(void **state)
{
    (void)state;
    enum { N = 28 * 28, CLASSES = 10 };
    static float x[CLASSES * N];
    scene s;
    encoder *e;
    dataset *images, *latents;
    generator *g;
    comparison c;
    int labels[CLASSES];
    scene_open(&s);
    char *file = make_autoencoder(s.ctx, s.folder, "a.safetensors", 1);
    config *k = latent_config(&s, file, "run.seed=3");
    OK(s.ctx, autoencoder_open(s.ctx, file, &e));
    OK(s.ctx, dataset_open(s.ctx, &k->data, 0, &images));
    OK(s.ctx, latents_new(s.ctx, e, images, &latents));
    OK(s.ctx, generator_new(s.ctx, &k->generator,
                            (sample_shape){latents->height, latents->width,
                                           latents->channels, CLASSES},
                            1, 0, &g));
    g->decoder = e;
    OK(s.ctx, comparison_new(s.ctx, g, latents, 2, &c));
    assert_int_equal(c.kinds, 3);
    for (size_t i = CLASSES * N; i-- > 0;)
        x[i] = (float)(i / N) / CLASSES;
    for (int i = 0; i < CLASSES; i++)
        labels[i] = CLASSES - 1 - i;
    char *path = path_in(s.folder, "comparison.png");
    OK(s.ctx, comparison_write(&c, path, x, labels, CLASSES));
    assert_true(file_exists(path));
    for (size_t label = 0; label < CLASSES; label++) {
        unsigned char sample[N];
        size_t i = 0;
        while ((size_t)images->label(images, i) != label)
            i++;
        OK(s.ctx, images->get(images, i, x));
        for (size_t n = 0; n < N; n++)
            assert_int_equal(row(&c, label, 0)[n],
                             lrintf((x[n] + 1) * 127.5f));
        assert_memory_not_equal(row(&c, label, 1), row(&c, label, 0), N);
        float at = (float)(CLASSES - 1 - label) / CLASSES;
        drift_to_bytes(&at, 1, sample);
        memset(sample + 1, sample[0], N - 1);
        assert_memory_equal(row(&c, label, 2), sample, N);
    }
    comparison_free(&c);
    generator_free(g); /* and its decoder */
    dataset_free(latents);
    config_free(k);
    mem_free(path);
    mem_free(file);
    scene_close(&s);
}

static void wrong_is_refused(void **state)
{
    (void)state;
    scene s;
    drift_trainer *t;
    scene_open(&s);
    char *file = make_encoder(s.ctx, s.folder, "encoder.safetensors", 1);
    config *c = latent_config(&s, file, "run.seed=3");
    expect_error(&s, drift_trainer_new(s.ctx, c, s.run, 0, &t),
                 DRIFT_ERROR_USAGE, "is no autoencoder");
    assert_false(file_exists(s.run));
    config_free(c);
    mem_free(file);

    file = make_autoencoder(s.ctx, s.folder, "a.safetensors", 1);
    c = latent_config(&s, file, "data.flip=true");
    expect_error(&s, drift_trainer_new(s.ctx, c, s.run, 0, &t),
                 DRIFT_ERROR_USAGE, "data.flip has to be false");
    config_free(c);

    /* Another one under the name of that which the run began with. */
    c = latent_config(&s, file, "run.seed=3");
    run_steps(s.ctx, c, s.run, 2);
    config_free(c);
    mem_free(make_autoencoder(s.ctx, s.folder, "a.safetensors", 2));
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t),
        DRIFT_ERROR_FORMAT, "the data have changed");
    mem_free(file);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resume_agrees),
        cmocka_unit_test(model_is_whole),
        cmocka_unit_test(comparison_shows),
        cmocka_unit_test(wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
