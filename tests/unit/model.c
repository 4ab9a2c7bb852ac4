/* Public models and files of samples, on a small untrained generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/npy.h"
#include "train/checkpoint.h"

static drift_context *ctx;
static char folder[] = "/tmp/drift-model-XXXXXX";
static char path[64];

/* A conv generator of 6x5 pixels, 3 classes, in a checkpoint. */
static int setup(void **state)
{
    static const char text[] =
        "generator: {kind: conv, hidden: 4, levels: 2, depth: 1, noise_dim: 5,"
        " style_tokens: 2, style_codes: 7, zero_output: false}\n"
        "optimizer: {ema: [0.5, 0.9]}\n"
        "run: {seed: 3}\n";
    config *c = NULL;
    generator *g = NULL;
    optimizer o = {0};
    sample_shape sample = {6, 5, 1, 3};
    checkpoint_facts facts = {
        .step = 12, .images = 34, .seconds = 5.5, .sample = sample};
    (void)state;
    int bad = !mkdtemp(folder) || drift_context_open(&ctx, NULL) ||
              config_new(ctx, DRIFT_GENERATOR, &c) ||
              config_parse(ctx, c, "text", text, strlen(text)) ||
              config_resolve(ctx, c) ||
              generator_new(ctx, &c->generator, sample, 3, 1, &g) ||
              optimizer_new(ctx, &g->params, &c->optimizer, &o);
    if (!bad) /* the averages differ from the weights */
        bad = op_fill(ctx, &o.ema[1], 0.25f) != DRIFT_OK;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    if (!bad)
        bad = checkpoint_write(ctx, path, c, &facts, &o, NULL) != DRIFT_OK;
    if (bad)
        fprintf(stderr, "%s\n", drift_error_text(ctx));
    optimizer_free(&o);
    generator_free(g);
    config_free(c);
    return bad;
}

static int teardown(void **state)
{
    char **names;
    size_t count;
    (void)state;
    if (file_list(ctx, folder, &names, &count) == DRIFT_OK) {
        for (size_t i = 0; i < count; i++) {
            char *name = mem_printf(ctx, "%s/%s", folder, names[i]);
            (void)unlink(name);
            mem_free(name);
        }
        file_list_free(names, count);
    }
    (void)rmdir(folder);
    drift_context_close(ctx);
    return 0;
}

static drift_model *open_model(const char *ema)
{
    drift_model *m;
    assert_int_equal(drift_model_open(ctx, path, ema, &m), DRIFT_OK);
    return m;
}

static void what_it_says(void **state)
{
    (void)state;
    drift_model *m = open_model(NULL);
    const drift_model_info *i = drift_model_get_info(m);
    size_t sum = 0, n, parts = 0;
    char text[64];
    assert_string_equal(i->path, path);
    assert_string_equal(i->kind, "conv");
    assert_string_equal(i->weights, "ema.0.5");
    assert_int_equal(i->step, 12);
    assert_int_equal(i->images, 34);
    assert_true(i->seconds == 5.5);
    assert_int_equal(i->height, 6);
    assert_int_equal(i->width, 5);
    assert_int_equal(i->channels, 1);
    assert_int_equal(i->classes, 3);
    assert_int_equal(i->numbers, 30);
    assert_int_equal(i->noise, 5);
    assert_int_equal(i->styles, 2);
    assert_int_equal(i->points, 0);
    while (drift_model_part(m, parts, &n)) {
        sum += n;
        parts++;
    }
    assert_true(parts > 2);
    assert_int_equal(sum, i->parameters);
    assert_string_equal(drift_model_ema(m, 0), "0.5");
    assert_string_equal(drift_model_ema(m, 1), "0.9");
    assert_null(drift_model_ema(m, 2));
    assert_int_equal(drift_config_get(ctx, drift_model_config(m),
                                      "generator.kind", text, sizeof text),
                     DRIFT_OK);
    assert_string_equal(text, "conv");
    assert_int_equal(
        drift_config_get(ctx, drift_model_config(m), "generator.kind", text, 4),
        DRIFT_ERROR_USAGE);
    drift_error_clear(ctx);
    drift_model_free(m);
}

/* Sample i is the same to the bit in any piece of any size. */
static void pieces(void **state)
{
    (void)state;
    enum { ALL = 300, NUMBERS = 30 };
    drift_model *m = open_model("none");
    float *all = calloc(ALL * NUMBERS, sizeof *all);
    float *some = calloc(ALL * NUMBERS, sizeof *some);
    drift_request r = {.count = ALL, .seed = 9};
    assert_int_equal(drift_model_sample(m, &r, all), DRIFT_OK);
    for (size_t i = 0; i < ALL * NUMBERS; i++)
        assert_true(isfinite(all[i]));
    r.count = 7;
    r.first = 251; /* over the end of a batch */
    assert_int_equal(drift_model_sample(m, &r, some), DRIFT_OK);
    assert_memory_equal(some, all + 251 * NUMBERS, 7 * NUMBERS * sizeof *all);

    /* Handing in what would be drawn changes nothing. */
    float noise[7 * 5], alpha[7];
    int32_t styles[7 * 2], labels[7];
    drift_model_noise(m, 9, 251, 7, noise, styles);
    for (int i = 0; i < 7; i++) {
        labels[i] = (251 + i) % 3;
        alpha[i] = 1;
    }
    drift_request given = {.count = 7,
                           .seed = 1,
                           .labels = labels,
                           .alpha = alpha,
                           .noise = noise,
                           .styles = styles};
    assert_int_equal(drift_model_sample(m, &given, some), DRIFT_OK);
    assert_memory_equal(some, all + 251 * NUMBERS, 7 * NUMBERS * sizeof *all);

    /* Each path has an influence. */
    float *other = all;
    alpha[0] = 2;
    labels[1] = (labels[1] + 1) % 3;
    styles[4] = (styles[4] + 1) % 7;
    noise[15] += 1;
    assert_int_equal(drift_model_sample(m, &given, other), DRIFT_OK);
    for (int i = 0; i < 4; i++)
        assert_memory_not_equal(other + i * NUMBERS, some + i * NUMBERS,
                                NUMBERS * sizeof *some);
    assert_memory_equal(other + 4 * NUMBERS, some + 4 * NUMBERS,
                        3 * NUMBERS * sizeof *some);
    free(all);
    free(some);
    drift_model_free(m);
}

/* From one sample's noise to another's, at lengths between theirs. */
static void between(void **state)
{
    (void)state;
    enum { FRAMES = 4, NOISE = 5 };
    drift_model *m = open_model("none");
    float way[FRAMES * NOISE], from[NOISE], to[NOISE];
    int32_t styles[FRAMES * 2], style[2];
    double length[FRAMES] = {0};
    drift_model_noise_between(m, 9, 6, 2, FRAMES, way, styles);
    drift_model_noise(m, 9, 6, 1, from, style);
    drift_model_noise(m, 9, 2, 1, to, NULL);
    assert_memory_equal(way, from, sizeof from);
    assert_memory_equal(way + (FRAMES - 1) * NOISE, to, sizeof to);
    for (int f = 0; f < FRAMES; f++) {
        assert_memory_equal(styles + 2 * f, style, sizeof style);
        for (int i = 0; i < NOISE; i++)
            length[f] += pow((double)way[f * NOISE + i], 2);
    }
    for (int f = 1; f + 1 < FRAMES; f++) {
        assert_true(length[f] > .99 * fmin(length[0], length[FRAMES - 1]));
        assert_true(length[f] < 1.5 * fmax(length[0], length[FRAMES - 1]));
    }
    drift_model_free(m);
}

static void wrong_requests(void **state)
{
    (void)state;
    drift_model *m = open_model(NULL);
    float out[30], alpha = NAN;
    int32_t label = 3, styles[2] = {0, 7};
    drift_request labels = {.count = 1, .labels = &label};
    drift_request alphas = {.count = 1, .alpha = &alpha};
    drift_request codes = {.count = 1, .styles = styles};
    assert_int_equal(drift_model_sample(m, &labels, out), DRIFT_ERROR_USAGE);
    assert_string_equal(drift_error_text(ctx), "class 3 is not one of 0 to 2");
    drift_error_clear(ctx);
    assert_int_equal(drift_model_sample(m, &alphas, out), DRIFT_ERROR_USAGE);
    drift_error_clear(ctx);
    assert_int_equal(drift_model_sample(m, &codes, out), DRIFT_ERROR_USAGE);
    drift_error_clear(ctx);
    drift_model_free(m);
    assert_int_equal(drift_model_open(ctx, path, "0.7", &m), DRIFT_ERROR_USAGE);
    assert_null(m);
    drift_error_clear(ctx);
    assert_int_equal(drift_model_open(ctx, folder, NULL, &m), DRIFT_ERROR_IO);
    drift_error_clear(ctx);
}

/* The weights asked for are the ones used. */
static void averages(void **state)
{
    (void)state;
    float a[30], b[30], c[30];
    drift_request one = {.count = 1};
    const char *const names[] = {"none", "0.5", "0.9"};
    float *const outs[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        drift_model *m = open_model(names[i]);
        assert_int_equal(drift_model_sample(m, &one, outs[i]), DRIFT_OK);
        drift_model_free(m);
    }
    assert_memory_equal(a, b, sizeof a); /* 0.5 is a copy of the start */
    assert_memory_not_equal(a, c, sizeof a);
}

static void bytes(void **state)
{
    (void)state;
    const float x[] = {-1, 1, 0, -2, 2, NAN, INFINITY, -INFINITY, 0.9999f};
    const unsigned char wanted[] = {0, 255, 127, 0, 255, 0, 255, 0, 254};
    unsigned char y[9];
    drift_to_bytes(x, 9, y);
    assert_memory_equal(y, wanted, 9);
}

static void npz_file(void **state)
{
    (void)state;
    enum { N = 5 };
    drift_model *m = open_model(NULL);
    const drift_model_info *i = drift_model_get_info(m);
    unsigned char pixels[N * 30];
    int32_t labels[N] = {0, 1, 2, 0, 70000};
    float alpha[N] = {1, 2, 3, 4, 0.5f};
    char name[64];
    drift_npz *z;
    array_list list = {0};
    for (size_t k = 0; k < sizeof pixels; k++)
        pixels[k] = (unsigned char)k;
    snprintf(name, sizeof name, "%s/a.npz", folder);
    assert_int_equal(drift_npz_create(ctx, name, i, N, &z), DRIFT_OK);
    assert_int_equal(drift_npz_add(z, pixels, labels, alpha, 2), DRIFT_OK);
    assert_int_equal(drift_npz_add(z, pixels + 60, labels + 2, alpha + 2, 3),
                     DRIFT_OK);
    assert_int_equal(drift_npz_commit(z), DRIFT_OK);
    assert_int_equal(npz_read(ctx, name, &list), DRIFT_OK);
    const array *images = array_list_find(&list, "images");
    assert_int_equal(images->ndim, 4);
    assert_int_equal(images->dim[1], 6);
    assert_memory_equal(images->data, pixels, sizeof pixels);
    int32_t back[N];
    assert_int_equal(array_to_i32(ctx, array_list_find(&list, "labels"), back),
                     DRIFT_OK);
    assert_memory_equal(back, labels, sizeof labels);
    assert_memory_equal(array_list_find(&list, "alpha")->data, alpha,
                        sizeof alpha);
    array_list_free(&list);

    /* Too few or too many samples leave no file. */
    snprintf(name, sizeof name, "%s/b.npz", folder);
    assert_int_equal(drift_npz_create(ctx, name, i, N, &z), DRIFT_OK);
    assert_int_equal(drift_npz_add(z, pixels, labels, alpha, 2), DRIFT_OK);
    assert_int_not_equal(drift_npz_commit(z), DRIFT_OK);
    drift_error_clear(ctx);
    assert_false(file_exists(name));
    assert_int_equal(drift_npz_create(ctx, name, i, 2, &z), DRIFT_OK);
    assert_int_not_equal(drift_npz_add(z, pixels, labels, alpha, 3), DRIFT_OK);
    drift_error_clear(ctx);
    drift_npz_abort(z);
    assert_false(file_exists(name));
    drift_model_free(m);
}

/* Out of memory at the n-th allocation. */
static void memory_runs_out(void **state)
{
    (void)state;
    float out[60];
    drift_request two = {.count = 2};
    int done = 0;
    for (long n = 1; n < 3000 && !done; n++) {
        drift_model *m = NULL;
        mem_fail_after(n);
        drift_status s = drift_model_open(ctx, path, NULL, &m);
        if (s == DRIFT_OK)
            s = drift_model_sample(m, &two, out);
        mem_fail_after(0);
        assert_true(s == DRIFT_OK || s == DRIFT_ERROR_MEMORY);
        done = s == DRIFT_OK;
        drift_model_free(m);
        drift_error_clear(ctx);
        pool_trim(ctx);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says), cmocka_unit_test(pieces),
        cmocka_unit_test(between),      cmocka_unit_test(wrong_requests),
        cmocka_unit_test(averages),     cmocka_unit_test(bytes),
        cmocka_unit_test(npz_file),     cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
