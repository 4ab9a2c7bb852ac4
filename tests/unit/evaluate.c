/* drift_evaluate on images whose faults are known: each figure is to tell the
 * fault that it is for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "data/data.h"
#include "eval/look.h"
#include "eval/neighbours.h"
#include "formats/image.h"
#include "formats/npy.h"
#include "unit.h"
#include "sweep.h"

enum { TRAIN = 400, TEST = 200, SIDE = 28, NUMBERS = SIDE * SIDE };

static unsigned char train[TRAIN * NUMBERS], test[TEST * NUMBERS];
static int32_t train_labels[TRAIN], test_labels[TEST];
static char real_file[] = "evaluate-real.npz", file[] = "evaluate.npz";

static void read_digits(const char *split, size_t n, unsigned char *bytes,
                        int32_t *labels)
{
    static float pixels[TRAIN * NUMBERS];
    char path[] = DRIFT_SOURCE_DIR "/data/mnist", part[8];
    snprintf(part, sizeof part, "%s", split);
    data_config c = {.path = path, .split = part, .limit = (int64_t)n};
    dataset *d = NULL;
    expect_ok(dataset_open(ctx, &c, 0, &d));
    assert_int_equal(d->count, n);
    expect_ok(dataset_read(d, 0, n, pixels));
    drift_to_bytes(pixels, n * NUMBERS, bytes);
    for (size_t i = 0; i < n; i++)
        labels[i] = d->label(d, i);
    dataset_free(d);
}

static void put(zip_writer *w, const char *name, const void *data,
                array_type type, size_t n, int ndim)
{
    size_t dim[] = {n, SIDE, SIDE, 1};
    expect_ok(npz_begin(w, name, type, ndim, dim));
    expect_ok(zip_write(w, data, ndim == 1 ? n * 4 : n * NUMBERS));
}

/* To be looked at: the first n of these; labels may be NULL. */
static drift_evaluation look_at(const unsigned char *bytes,
                                const int32_t *labels, size_t n)
{
    zip_writer *w = NULL;
    drift_evaluation e;
    drift_evaluate_options o = {
        .samples = file, .data = real_file, .network = "mnist-classifier"};
    expect_ok(zip_create(ctx, file, &w));
    put(w, "images", bytes, ARRAY_U8, n, 4);
    if (labels)
        put(w, "labels", labels, ARRAY_I32, n, 1);
    expect_ok(zip_commit(w));
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_int_equal(e.samples.count, n);
    assert_int_equal(e.training, TRAIN);
    assert_int_equal(e.features, 64);
    return e;
}

/* What was trained on is at no distance, copied; what was not has every figure
 * of the real test images, since it is them. */
static void real_images(void **state)
{
    (void)state;
    drift_evaluation e = look_at(train, train_labels, TRAIN);
    if (!isnan(e.samples.distance))
        assert_true(e.samples.distance < 1e-6 * e.real.distance);
    assert_true(e.samples.accuracy > 0.97);
    assert_true(e.samples.precision == 1 && e.samples.recall == 1);
    assert_true(e.samples.coverage == 1 && e.samples.diversity == 1);
    assert_true(e.samples.nearest == 0 && e.real.nearest > 20);
    e = look_at(test, test_labels, TEST);
    assert_int_equal(e.real.count, TEST);
    for (const drift_score_field *f = drift_score_fields(); f->key; f++) {
        double made = drift_score_value(&e.samples, f),
               real = drift_score_value(&e.real, f);
        double floor = drift_score_value(&e.noise, f);
        assert_true(isnan(made) ? isnan(real) : made == real);
        /* No figure takes real images for worse than noise. */
        assert_false(f->better > 0 && real <= floor);
        assert_false(f->better < 0 && real >= floor);
    }
    assert_true(e.real.accuracy > 0.96 && e.real.vote > 0.75);
}

static void other_classes_than_asked(void **state)
{
    (void)state;
    int32_t labels[TEST];
    for (size_t i = 0; i < TEST; i++)
        labels[i] = (test_labels[i] + 1) % 10;
    drift_evaluation e = look_at(test, labels, TEST);
    assert_true(e.samples.accuracy < 0.05 && e.samples.vote < 0.2);
    assert_true(isnan(e.samples.distance) ||
                e.samples.distance == e.real.distance);
}

/* Fewer than there are: of each class alike, from all over it. */
static void some_of_all(void **state)
{
    (void)state;
    const data_config c = {
        .path = real_file, .split = (char[]){"train"}, .crop = 1};
    size_t all[10] = {0}, seen[10] = {0}, taken[10] = {0}, at = 0;
    images x;
    expect_ok(images_of_data(ctx, &c, 30, &x));
    assert_int_equal(x.count, 30);
    for (size_t i = 0; i < TRAIN; i++)
        all[train_labels[i]]++;
    for (size_t i = 0; i < TRAIN; i++) {
        int32_t class = train_labels[i];
        size_t third = 3 * seen[class]++ / all[class];
        if (at == x.count || x.chosen[at] != i)
            continue;
        at++;
        assert_true(taken[class]++ == third); /* the first of each third */
    }
    assert_int_equal(at, x.count);
    for (int k = 0; k < 10; k++)
        assert_int_equal(taken[k], 3);
    images_close(&x);
}

/* Right digits, of which there is one a class. */
static void no_variety(void **state)
{
    (void)state;
    static unsigned char bytes[TEST * NUMBERS];
    int32_t labels[TEST];
    for (size_t i = 0; i < TEST; i++) {
        size_t k = 0;
        while (train_labels[k] != (int32_t)(i % 10))
            k++;
        memcpy(bytes + i * NUMBERS, train + k * NUMBERS, NUMBERS);
        labels[i] = (int32_t)(i % 10);
    }
    drift_evaluation e = look_at(bytes, labels, TEST);
    assert_true(e.samples.accuracy > 0.96);
    assert_true(isnan(e.samples.distance) ||
                e.samples.distance > 5 * e.real.distance);
    assert_true(e.samples.kernel > 5 * e.real.kernel);
    assert_true(e.samples.recall < 0.3 && e.real.recall > 0.7);
    assert_true(e.samples.coverage < 0.3 && e.real.coverage > 0.7);
    assert_true(e.samples.diversity < 0.01);
    assert_true(e.samples.nearest == 0);
}

/* Real digits of one class alone, whatever was asked for. */
static void one_class(void **state)
{
    (void)state;
    static unsigned char bytes[TEST * NUMBERS];
    int32_t labels[TEST];
    size_t n = 0;
    for (size_t i = 0; i < TEST; i++)
        if (test_labels[i] == 3) {
            memcpy(bytes + n * NUMBERS, test + i * NUMBERS, NUMBERS);
            labels[n] = (int32_t)(n % 10);
            n++;
        }
    drift_evaluation e = look_at(bytes, labels, n);
    assert_true(e.samples.accuracy < 0.2 && e.samples.vote < 0.2);
    /* Parts of two images: 1 where they are alike, as one in ten is, else 2. */
    assert_true(e.samples.score < 1.1 && e.real.score > 1.7);
    assert_true(e.samples.chi_square > 5 * (double)n);
    assert_true(e.real.chi_square < 10);
    assert_true(e.samples.recall < 0.3);
    assert_true(e.samples.kernel > 5 * e.real.kernel);
    assert_true(e.samples.nearest > 20);
}

static void noise(void **state)
{
    (void)state;
    static unsigned char bytes[TEST * NUMBERS];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] =
            (unsigned char)rng_below((rng_stream){1, RNG_TEST, 0}, i, 256);
    drift_evaluation e = look_at(bytes, test_labels, TEST);
    assert_true(e.samples.accuracy < 0.4 && e.samples.vote < 0.4);
    assert_true(isnan(e.samples.distance) ||
                e.samples.distance > 20 * e.real.distance);
    assert_true(e.samples.recall < 0.05 && e.samples.coverage < 0.1);
    assert_true(e.samples.kernel > 20 * e.real.kernel);
    assert_true(e.samples.nearest > 2 * e.real.nearest);
}

/* Labels that are not asked for: no share of them, no vote. */
static void no_classes(void **state)
{
    (void)state;
    drift_evaluation e = look_at(test, NULL, TEST);
    assert_true(isnan(e.samples.accuracy) && isnan(e.samples.vote) &&
                isnan(e.samples.diversity));
    assert_true(e.real.accuracy > 0.96 && e.real.vote > 0.75);
    assert_true(isnan(e.samples.distance) ||
                e.samples.distance == e.real.distance);
}

/* Images sorted by class: a part of them is of all classes. */
static void sorted(void **state)
{
    (void)state;
    static unsigned char bytes[TEST * NUMBERS];
    int32_t labels[TEST];
    size_t n = 0;
    for (int32_t k = 0; k < 10; k++)
        for (size_t i = 0; i < TEST; i++)
            if (test_labels[i] == k) {
                memcpy(bytes + n * NUMBERS, test + i * NUMBERS, NUMBERS);
                labels[n++] = k;
            }
    drift_evaluation e = look_at(bytes, labels, TEST);
    drift_evaluate_options o = {.samples = file,
                                .data = real_file,
                                .network = "mnist-classifier",
                                .count = TEST / 2};
    double whole = e.samples.distance;
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_int_equal(e.samples.count, TEST / 2);
    assert_int_equal(e.real.count, TEST / 2);
    assert_true(isnan(whole) || e.samples.distance < 2 * whole);
    look_at(bytes, NULL, TEST); /* nothing tells the classes apart */
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_int_equal(e.samples.count, TEST / 2);
    assert_true(isnan(whole) || e.samples.distance < 2 * whole);
}

static drift_evaluation compare_with(const char *data, const char *reference,
                                     const char *write)
{
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .data = data,
                                .network = "mnist-classifier",
                                .reference = reference,
                                .write_reference = write};
    expect_ok(drift_evaluate(ctx, &o, &e));
    return e;
}

static char statistics[] = "evaluate-statistics.npz";

static void put_numbers(zip_writer *w, const char *name, array_type type,
                        const void *data, int ndim, size_t rows, size_t columns)
{
    const size_t dim[] = {rows, columns};
    expect_ok(npz_begin(w, name, type, ndim, dim));
    expect_ok(zip_write(
        w, data, rows * (ndim == 2 ? columns : 1) * array_type_size(type)));
}

/* The moments that are written stand for the images that they are of. */
static void reference(void **state)
{
    (void)state;
    drift_evaluation with = look_at(test, test_labels, TEST), e;
    e = compare_with(real_file, NULL, statistics);
    assert_memory_equal(&e.samples, &with.samples, sizeof e.samples);
    e = compare_with(real_file, statistics, NULL);
    assert_memory_equal(&e.samples, &with.samples, sizeof e.samples);
    assert_memory_equal(&e.noise, &with.noise, sizeof e.noise);
    assert_string_equal(e.reference, statistics);
    /* Without data there is the distance, and what needs no others. */
    e = compare_with(NULL, statistics, NULL);
    for (const drift_score_field *f = drift_score_fields(); f->key; f++) {
        double v = drift_score_value(&e.samples, f);
        int alone = !strcmp(f->key, "distance") || !strcmp(f->key, "score") ||
                    !strcmp(f->key, "score_deviation");
        assert_true(alone ? v == drift_score_value(&with.samples, f) || isnan(v)
                          : isnan(v));
    }
    assert_false(isnan(e.samples.score));
    assert_int_equal(e.samples.count, TEST);
    assert_int_equal(e.real.count + e.noise.count + e.training, 0);
    assert_string_equal(e.data, "");
    unlink(statistics);
}

/* As other programs write them: f32, the release's names, more arrays. */
static void others_statistics(void **state)
{
    (void)state;
    static float mu[64], sigma[64 * 64];
    zip_writer *w;
    for (size_t i = 0; i < 64; i++)
        sigma[i * 65] = 1;
    look_at(test, test_labels, TEST);
    expect_ok(zip_create(ctx, statistics, &w));
    put_numbers(w, "mu", ARRAY_F32, mu, 1, 3, 0);
    put_numbers(w, "ref_sigma", ARRAY_F32, sigma, 2, 64, 64);
    put_numbers(w, "ref_mu", ARRAY_F32, mu, 1, 64, 0);
    put_numbers(w, "arr_0", ARRAY_U8, mu, 2, 5, 7);
    expect_ok(zip_commit(w));
    drift_evaluation e = compare_with(real_file, statistics, NULL);
    assert_true(isnan(e.samples.distance) || e.samples.distance > 1);
    assert_false(isnan(e.samples.kernel));
    unlink(statistics);
}

static void refuse(const double *mu, size_t n, const double *sigma, size_t rows,
                   size_t columns, const char *text)
{
    zip_writer *w;
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .network = "mnist-classifier",
                                .reference = statistics};
    expect_ok(zip_create(ctx, statistics, &w));
    put_numbers(w, "mu", ARRAY_F64, mu, 1, n, 0);
    if (sigma)
        put_numbers(w, "sigma", ARRAY_F64, sigma, 2, rows, columns);
    expect_ok(zip_commit(w));
    drift_status status = drift_evaluate(ctx, &o, &e);
    assert_non_null(strstr(drift_error_text(ctx), statistics));
    expect_error(status, n == 2 ? DRIFT_ERROR_SHAPE : DRIFT_ERROR_FORMAT, text);
}

static void no_statistics(void **state)
{
    (void)state;
    const double mu[3] = {0}, infinite[3] = {0, INFINITY, 0};
    const double good[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const double nan[9] = {1, 0, 0, 0, 1, NAN, 0, 0, 1};
    const double skew[9] = {1, 0, 0.1, 0, 1, 0, 0.2, 0, 1};
    const double less[9] = {1, 0, 0, 0, -1, 0, 0, 0, 1};
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .network = "mnist-classifier",
                                .reference = statistics};
    look_at(test, test_labels, TEST);
    refuse(mu, 3, NULL, 0, 0, "it has no mu and sigma, nor ref_mu");
    refuse(mu, 3, good, 1, 9, "they are no mean and covariance");
    refuse(mu, 3, good, 3, 2, "they are no mean and covariance");
    refuse(mu, 0, good, 0, 0, "they are no mean and covariance");
    refuse(infinite, 3, good, 3, 3, "mu[1] is inf");
    refuse(mu, 3, nan, 3, 3, "sigma[1,2] is nan");
    refuse(mu, 3, skew, 3, 3,
           "sigma is not symmetric: [2,0] is 0.2 and [0,2] 0.1");
    refuse(mu, 3, less, 3, 3, "sigma[1,1] is -1: no variance");
    refuse(mu, 2, (double[]){1, 0, 0, 1}, 2, 2,
           "has moments of 2 features; 'mnist-classifier' sees 64");
    expect_ok(file_replace(ctx, statistics, "torn", 4));
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_FORMAT, statistics);
    unlink(statistics);
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_IO, statistics);
    o.write_reference = statistics;
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "there are no training images whose moments");
}

static drift_status evaluate_few(drift_context *on, void *arg)
{
    drift_evaluation e;
    (void)arg;
    drift_evaluate_options o = {.samples = file,
                                .data = file,
                                .network = "mnist-classifier",
                                .write_reference = statistics};
    drift_status status = drift_evaluate(on, &o, &e);
    o = (drift_evaluate_options){.samples = file,
                                 .network = "mnist-classifier",
                                 .reference = statistics};
    return status == DRIFT_OK ? drift_evaluate(on, &o, &e) : status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    look_at(test, test_labels, 40);
    sweep_memory(evaluate_few, NULL);
    unlink(statistics);
}

static void what_cannot_be(void **state)
{
    (void)state;
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file};
    look_at(test, test_labels, TEST);
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "compared with which real images?");
    o.data = file; /* no test images; no network known for them */
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "no network comes with the program");
    o.network = "mnist-classifier";
    o.count = 50;
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_int_equal(e.samples.count, 50);
    assert_int_equal(e.real.count, 0);
    assert_true(isnan(e.real.distance) && isnan(e.real.accuracy));
    o.resize = "fast";
    expect_error(
        drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
        "'fast' is no way to resize: legacy-tensorflow, pytorch, clean");
    o.resize = NULL;
    o.network = "nowhere";
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_IO, "nowhere");
    o.network = "mnist-classifier";
    o.count = 1;
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE, "two samples");
}

/* The network of published scores: images of any size become its own, grey
 * ones colour, in each of the ways. */
static void inception(void **state)
{
    enum { FEW = 11, FEATURES = 128 };
    static const char weights[] = "evaluate-inception.safetensors";
    static float pixels[FEW * NUMBERS], large[299 * 299];
    const encoder_config c = {.kind = ENCODER_INCEPTION,
                              .width = 2,
                              .channels = 3,
                              .image_height = 299,
                              .image_width = 299};
    const data_config real = {
        .path = real_file, .split = (char[]){"test"}, .crop = 1};
    const drift_evaluate_options o = {0};
    images x;
    look seen;
    network n;
    encoder *e;
    int32_t labels[FEW];
    (void)state;
    expect_ok(encoder_new(ctx, &c, 5, 0, &e));
    expect_ok(encoder_write(e, &e->params.value, weights));
    expect_ok(images_of_data(ctx, &real, FEW, &x));
    expect_ok(x.read(&x, 0, FEW, pixels, labels));
    for (int m = 0; m < RESIZE_MODES; m++) {
        resizer *r;
        tape *t;
        tensor input;
        encoder_out out = {0};
        float want[FEATURES];
        expect_ok(network_open(ctx, weights, (resize_mode)m, &n));
        assert_true(network_resizes(&n));
        expect_ok(look_take(&n, &x, "images", &o, &seen));
        assert_int_equal(seen.moments.d, FEATURES);
        /* The last one by itself. */
        expect_ok(resizer_new(ctx, n.resize, SIDE, SIDE, 1, 299, 299, &r));
        expect_ok(resizer_run(r, pixels + (FEW - 1) * NUMBERS, 1, large));
        expect_ok(tensor_new(ctx, &input, DTYPE_F32, SHAPE(1, 299, 299, 1)));
        expect_ok(tensor_write(ctx, &input, large));
        expect_ok(tape_new(ctx, 0, &t));
        encoder_forward(e, t, &e->params.value, tape_constant(t, &input), &out);
        expect_ok(tape_status(t));
        expect_ok(tensor_read(ctx, &out.summary->value, want));
        assert_memory_equal(seen.features + (FEW - 1) * FEATURES, want,
                            sizeof want);
        tape_free(t);
        tensor_free(ctx, &input);
        resizer_free(r);
        look_free(&seen);
        network_close(&n);
    }
    images_close(&x);
    encoder_free(e);
    unlink(weights);
}

/* A sheet of rows x columns images, enlarged by a whole number. */
static image sheet(const char *path, int rows, int columns, int *times)
{
    image all;
    expect_ok(image_read(ctx, path, &all));
    /* An image is enlarged to SIDE t and has a gap of t, as the edge is. */
    *times = all.width / (columns * (SIDE + 1) + 1);
    assert_true(*times >= 2);
    assert_int_equal(all.width, *times * (columns * (SIDE + 1) + 1));
    assert_int_equal(all.height, *times * (rows * (SIDE + 1) + 1));
    assert_int_equal(all.channels, 1);
    unlink(path);
    return all;
}

static int pixel(const image *all, int times, int row, int column, int k)
{
    int y = times * (row * (SIDE + 1) + 1 + k / SIDE);
    int x = times * (column * (SIDE + 1) + 1 + k % SIDE);
    return all->pixels[y * all->width + x];
}

/* Of copied training images the nearest is the image itself, at no distance, in
 * the picture as well. Samples stand in the row of their class. */
static void pictures(void **state)
{
    enum { ROWS = 16 };
    (void)state;
    int times, have[10] = {0};
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .data = real_file,
                                .network = "mnist-classifier",
                                .pictures = "evaluate-pictures"};
    look_at(train, train_labels, TRAIN);
    expect_ok(drift_evaluate(ctx, &o, &e));
    image all = sheet("evaluate-pictures/neighbours.png", ROWS, 4, &times);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < NUMBERS; k++) {
            int want = train[(size_t)(i * TRAIN / ROWS) * NUMBERS + (size_t)k];
            assert_int_equal(pixel(&all, times, i, 0, k), want);
            assert_int_equal(pixel(&all, times, i, 1, k), want);
        }
    image_free(&all);
    all = sheet("evaluate-pictures/samples.png", 10, 10, &times);
    for (size_t i = 0; i < TRAIN; i++) {
        int row = train_labels[i], column = have[row]++;
        for (int k = 0; column < 10 && k < NUMBERS; k++)
            assert_int_equal(pixel(&all, times, row, column, k),
                             train[i * NUMBERS + (size_t)k]);
    }
    image_free(&all);
    assert_int_equal(rmdir(o.pictures), 0); /* no others */

    data_config c = {.path = real_file, .split = (char[]){"train"}, .crop = 1};
    neighbours near[ROWS];
    images x;
    expect_ok(images_of_data(ctx, &c, 0, &x));
    expect_ok(neighbours_find(&x, ROWS, &x, near));
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(near[i].far[0] == 0);
        assert_int_equal(near[i].which[0], images_spread(&x, ROWS, i));
    }
    images_close(&x);
}

/* A sheet is no wider than the largest class. */
static void few_pictures(void **state)
{
    (void)state;
    int times, have[10] = {0}, classes = 0, columns = 0;
    size_t few = 0;
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .data = real_file,
                                .network = "mnist-classifier",
                                .pictures = "evaluate-pictures"};
    for (; classes < 10; few++) {
        int column = have[train_labels[few]]++;
        classes += !column;
        columns = column >= columns ? column + 1 : columns;
    }
    assert_true(columns < 10);
    look_at(train, train_labels, few);
    expect_ok(drift_evaluate(ctx, &o, &e));
    image all = sheet("evaluate-pictures/samples.png", 10, columns, &times);
    for (int k = 0; k < NUMBERS; k++)
        assert_int_equal(pixel(&all, times, train_labels[0], 0, k), train[k]);
    image_free(&all);
    unlink("evaluate-pictures/neighbours.png");
    assert_int_equal(rmdir("evaluate-pictures"), 0);
}

/* Fewer images than there are stand in the rows of their own classes; of
 * classes beyond those that are shown there is one black place. */
static void chosen_pictures(void **state)
{
    enum { FEW = 20 };
    (void)state;
    int times;
    int32_t labels[TRAIN];
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file,
                                .data = real_file,
                                .network = "mnist-classifier",
                                .count = FEW,
                                .pictures = "evaluate-pictures"};
    look_at(train, train_labels, TRAIN);
    expect_ok(drift_evaluate(ctx, &o, &e));
    image all = sheet("evaluate-pictures/samples.png", 10, FEW / 10, &times);
    for (int at = 0; at < FEW; at++) {
        int row = at / (FEW / 10), column = at % (FEW / 10), found = 0;
        for (size_t i = 0; i < TRAIN; i++) {
            int k = 0;
            while (k < NUMBERS && pixel(&all, times, row, column, k) ==
                                      train[i * NUMBERS + (size_t)k])
                k++;
            found += k == NUMBERS && train_labels[i] == row;
        }
        assert_true(found > 0);
    }
    image_free(&all);
    for (int i = 0; i < TRAIN; i++)
        labels[i] = 19 - i % 20;
    look_at(train, labels, TRAIN);
    o.count = 2;
    expect_ok(drift_evaluate(ctx, &o, &e));
    all = sheet("evaluate-pictures/samples.png", 1, 1, &times);
    assert_int_equal(pixel(&all, times, 0, 0, NUMBERS / 2), 0);
    image_free(&all);
    unlink("evaluate-pictures/neighbours.png");
    assert_int_equal(rmdir("evaluate-pictures"), 0);
}

static drift_status draw_few(drift_context *on, void *arg)
{
    drift_evaluation e;
    (void)arg;
    drift_evaluate_options o = {.samples = file,
                                .data = file,
                                .network = "mnist-classifier",
                                .pictures = "evaluate-pictures"};
    return drift_evaluate(on, &o, &e);
}

static void memory_for_pictures(void **state)
{
    (void)state;
    look_at(test, test_labels, 40);
    sweep_memory(draw_few, NULL);
    unlink("evaluate-pictures/samples.png");
    unlink("evaluate-pictures/neighbours.png");
    assert_int_equal(rmdir("evaluate-pictures"), 0);
}

static int begin(void **state)
{
    zip_writer *w = NULL;
    if (setup(state))
        return -1;
    setenv("DRIFT_CACHE", "off", 1); /* tests/unit/kept.c */
    read_digits("train", TRAIN, train, train_labels);
    read_digits("test", TEST, test, test_labels);
    expect_ok(zip_create(ctx, real_file, &w));
    put(w, "x_train", train, ARRAY_U8, TRAIN, 4);
    put(w, "y_train", train_labels, ARRAY_I32, TRAIN, 1);
    put(w, "x_test", test, ARRAY_U8, TEST, 4);
    put(w, "y_test", test_labels, ARRAY_I32, TEST, 1);
    expect_ok(zip_commit(w));
    return 0;
}

static int end(void **state)
{
    unlink(file);
    unlink(real_file);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_images),
        cmocka_unit_test(other_classes_than_asked),
        cmocka_unit_test(some_of_all),
        cmocka_unit_test(no_variety),
        cmocka_unit_test(one_class),
        cmocka_unit_test(noise),
        cmocka_unit_test(no_classes),
        cmocka_unit_test(sorted),
        cmocka_unit_test(reference),
        cmocka_unit_test(others_statistics),
        cmocka_unit_test(no_statistics),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(inception),
        cmocka_unit_test(pictures),
        cmocka_unit_test(few_pictures),
        cmocka_unit_test(chosen_pictures),
        cmocka_unit_test(memory_for_pictures),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
