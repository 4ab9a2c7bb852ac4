/* What a training step in the features of a large encoder takes of memory: all
 * that is resident, as the system counts it, in a process of its own. */
#include "support.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/threads.h"
#include "formats/npy.h"

#define IMAGES 200
#define SIDE   32
#define BOUND  ((size_t)2 << 30)

/* Noise in ten classes. */
static char *make_images(drift_context *ctx, const char *folder)
{
    static unsigned char pixels[IMAGES * SIDE * SIDE * 3];
    static int32_t labels[IMAGES];
    const size_t dim[4] = {IMAGES, SIDE, SIDE, 3};
    const rng_stream noise = {1, RNG_TEST, 0};
    char *path = path_in(folder, "images.npz");
    zip_writer *w;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(255 * rng_uniform(noise, i));
    for (int i = 0; i < IMAGES; i++)
        labels[i] = i % 10;
    OK(ctx, zip_create(ctx, path, &w));
    OK(ctx, npz_begin(w, "images", ARRAY_U8, 4, dim));
    OK(ctx, zip_write(w, pixels, sizeof pixels));
    OK(ctx, npz_begin(w, "labels", ARRAY_I32, 1, dim));
    OK(ctx, zip_write(w, labels, sizeof labels));
    OK(ctx, zip_commit(w));
    return path;
}

/* ResNet-18, its images as those of torchvision's files. */
static char *make_resnet(drift_context *ctx, const char *folder)
{
    const encoder_config c = {.kind = ENCODER_RESNET,
                              .width = 64,
                              .blocks = {2, 2, 2, 2},
                              .channels = 3,
                              .resize = 64,
                              .imagenet = 1};
    char *path = path_in(folder, "resnet18.safetensors");
    encoder *e;
    OK(ctx, encoder_new(ctx, &c, 1, 0, &e));
    OK(ctx, encoder_write(e, &e->params.value, path));
    encoder_free(e);
    return path;
}

/* In all its families, which do not fit with every tape. */
static void resident_is_bounded(void **state)
{
    (void)state;
    if (is_sanitized())
        skip();
    drift_context *ctx = open_context(2);
    char *folder = scratch_new(), *run = path_in(folder, "run");
    char *images = make_images(ctx, folder), *resnet = make_resnet(ctx, folder);
    char data[300], encoders[300];
    drift_trainer *t;
    snprintf(data, sizeof data, "data.path=%s", images);
    snprintf(encoders, sizeof encoders, "features.encoders=%s", resnet);
    config *c = configure(ctx, image_base, data, "data.limit=0", encoders,
                          "drift.memory=2 GiB", "drift.generated=64",
                          "drift.positives=64", "drift.negatives=0",
                          "drift.bank=0", "generator.hidden=32", NULL);
    OK(ctx, drift_trainer_new(ctx, c, run, 0, &t));
    for (int i = 0; i < 2; i++)
        OK(ctx, drift_trainer_step(t, NULL));
    size_t kept = 0, parts = t->step.part_count, peak = memory_peak();
    for (size_t i = 0; i < parts; i++)
        kept += (size_t)t->step.parts[i].keeps;
    print_message("%zu of %zu parts kept, %zu MiB resident\n", kept, parts,
                  peak >> 20);
    assert_int_equal(t->step.batch, 640);
    assert_true(kept < parts);
    assert_true(peak && peak <= BOUND);
    drift_trainer_free(t);
    config_free(c);
    mem_free(resnet);
    mem_free(images);
    mem_free(run);
    scratch_remove(folder);
    drift_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
