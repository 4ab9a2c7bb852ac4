/* Figures of real images are kept: those from the cache are those found anew,
 * to the bit, and whatever is wrong with a file, it is done without. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "formats/npy.h"
#include "unit.h"
#include "sweep.h"

enum { TRAIN = 60, TEST = 40, SIDE = 28, NUMBERS = SIDE * SIDE };

static char folder[200], inner[256], said[1 << 14];
static char data[256], made[256], other[256];
static size_t taken;       /* kinds of images whose figures were kept */
static size_t looked, all; /* as told last */

static void hear(void *user, int level, const char *text)
{
    (void)user;
    size_t used = strlen(said);
    if (level == DRIFT_LOG_DEBUG)
        snprintf(said + used, sizeof said - used, "%s\n", text);
}

static void tell(void *user, const char *kind, size_t done, size_t count)
{
    (void)user;
    int kept = strstr(kind, ", kept") != NULL;
    taken += (size_t)kept;
    if (all) {
        assert_int_equal(done > looked, !kept);
        assert_int_equal(count < all, kept);
    }
    looked = done;
    all = count;
}

static drift_evaluation evaluate(const char *of, size_t count, uint64_t seed)
{
    drift_evaluation e;
    drift_evaluate_options o = {.samples = made,
                                .data = of,
                                .network = "mnist-classifier",
                                .count = count,
                                .seed = seed,
                                .tell = tell};
    said[0] = '\0';
    taken = 0;
    all = 0;
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_true(all > 0);
    assert_int_equal(looked, all);
    return e;
}

static void same(const drift_evaluation *a, const drift_evaluation *b)
{
    assert_memory_equal(&a->samples, &b->samples, sizeof a->samples);
    assert_memory_equal(&a->real, &b->real, sizeof a->real);
    assert_memory_equal(&a->noise, &b->noise, sizeof a->noise);
    assert_int_equal(a->training, b->training);
    assert_int_equal(a->features, b->features);
}

/* Files whose names begin so; the last of them in path. */
static size_t files(const char *start, char path[512])
{
    char **names;
    size_t count, found = 0;
    if (!file_exists(inner))
        return 0;
    expect_ok(file_list(ctx, inner, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (!strncmp(names[i], start, strlen(start))) {
            snprintf(path, 512, "%s/%s", inner, names[i]);
            found++;
        }
    file_list_free(names, count);
    return found;
}

static void empty(void)
{
    char path[512];
    while (files("", path))
        assert_int_equal(unlink(path), 0);
}

static void same_figures(void **state)
{
    (void)state;
    char path[512];
    setenv("DRIFT_CACHE", "off", 1);
    drift_evaluation without = evaluate(data, 30, 1);
    assert_int_equal(files("", path), 0);
    assert_string_equal(said, "");
    unsetenv("DRIFT_CACHE");
    drift_evaluation first = evaluate(data, 30, 1);
    assert_int_equal(taken, 0);
    assert_int_equal(files("look-", path), 1);
    assert_int_equal(files("scores-", path), 2);
    drift_evaluation again = evaluate(data, 30, 1);
    assert_int_equal(taken, 3);
    same(&without, &first);
    same(&without, &again);
    assert_int_equal(again.real.count, 30);
    assert_int_equal(again.noise.count, 30);
}

/* What figures follow from is told apart. */
static void others(void **state)
{
    (void)state;
    char path[512];
    evaluate(data, 30, 1);
    evaluate(data, 30, 2); /* other noise */
    assert_int_equal(taken, 2);
    evaluate(data, 20, 1); /* fewer of both */
    assert_int_equal(taken, 1);
    evaluate(other, 30, 1); /* another training image */
    assert_int_equal(taken, 0);
    assert_int_equal(files("look-", path), 2);
    assert_int_equal(files("scores-", path), 2 + 1 + 2 + 2);
    evaluate(data, 30, 1);
    assert_int_equal(taken, 3);
    empty();
}

/* These bytes in a file's place: `good` is found again and kept, or, where
 * the damage is of no number, taken. */
static int refused(const char *path, const void *bytes, size_t size,
                   const drift_evaluation *good)
{
    drift_evaluation e;
    expect_ok(file_replace(ctx, path, bytes, size));
    e = evaluate(data, 30, 1);
    same(&e, good);
    size_t missed = 3 - taken;
    assert_true(missed <= 1);
    if (missed)
        assert_non_null(strstr(said, ".npz: "));
    e = evaluate(data, 30, 1);
    same(&e, good);
    assert_int_equal(taken, 3);
    return missed == 1;
}

static void damage(const char *start)
{
    char path[512];
    file_view f;
    drift_evaluation good = evaluate(data, 30, 1);
    assert_true(files(start, path) > 0);
    expect_ok(file_open_view(ctx, path, &f));
    size_t size = f.size, passed = 0, tries = 40;
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, f.data, size);
    file_close_view(&f);
    assert_true(refused(path, "", 0, &good));
    assert_true(refused(path, "text", 4, &good));
    for (size_t i = 1; i < 8; i++)
        assert_true(refused(path, bytes, size * i / 8, &good));
    for (size_t i = 0; i < tries; i++) {
        size_t at = i * size / tries;
        bytes[at] ^= 0x10;
        passed += !refused(path, bytes, size, &good);
        bytes[at] ^= 0x10;
    }
    /* In what a zip says twice. */
    assert_true(passed < tries / 2);
    free(bytes);
    empty();
}

static void damaged_look(void **state)
{
    (void)state;
    damage("look-");
}

static void damaged_scores(void **state)
{
    (void)state;
    damage("scores-");
}

/* A whole file, of something else or with another number of features. */
static void foreign(void **state)
{
    (void)state;
    const size_t one = 1, digits = 32;
    const double mu = 0;
    char path[512], key[33];
    zip_writer *w;
    drift_evaluation good = evaluate(data, 30, 1), e;
    for (int wrong_key = 0; wrong_key < 2; wrong_key++) {
        assert_int_equal(files("look-", path), 1);
        snprintf(key, sizeof key, "%.32s", strstr(path, "look-") + 5);
        key[0] = wrong_key ? 'x' : key[0];
        expect_ok(zip_create(ctx, path, &w));
        expect_ok(npz_begin(w, "key", ARRAY_U8, 1, &digits));
        expect_ok(zip_write(w, key, digits));
        expect_ok(npz_begin(w, "mu", ARRAY_F64, 1, &one));
        expect_ok(zip_write(w, &mu, sizeof mu));
        expect_ok(zip_commit(w));
        e = evaluate(data, 30, 1);
        same(&e, &good);
        assert_int_equal(taken, 2);
        assert_non_null(
            strstr(said, wrong_key ? "it is of something else"
                                   : "'sigma' is missing or of another shape"));
    }
    empty();
}

/* No folder to keep them in, and one that is not to be used. */
static void no_folder(void **state)
{
    (void)state;
    drift_evaluation e;
    drift_evaluate_options o = {
        .samples = made, .data = data, .network = "mnist-classifier"};
    setenv("XDG_CACHE_HOME", "/proc", 1);
    evaluate(data, 30, 1);
    evaluate(data, 30, 1);
    assert_int_equal(taken, 0);
    assert_non_null(strstr(said, "kept figures: unable to create"));
    setenv("XDG_CACHE_HOME", folder, 1);
    setenv("DRIFT_CACHE", "perhaps", 1);
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "DRIFT_CACHE: 'perhaps' is not known; allowed: on, off");
    unsetenv("DRIFT_CACHE");
}

/* What is told of comes to an end with each call, whatever its samples. */
static void told(void **state)
{
    (void)state;
    drift_evaluator *e;
    drift_evaluation out;
    drift_evaluate_options o = {.samples = made,
                                .data = data,
                                .network = "mnist-classifier",
                                .count = 30,
                                .quick = 1,
                                .tell = tell};
    size_t real = TRAIN + 30;
    empty();
    for (int kept = 0; kept < 2; kept++) {
        all = taken = 0;
        expect_ok(drift_evaluator_new(ctx, &o, &e));
        assert_int_equal(taken, kept ? 2 : 0);
        assert_int_equal(looked, kept ? 0 : real);
        assert_int_equal(all, looked + 30);
        for (size_t n = 1; n < 4; n++) {
            all = 0;
            expect_ok(drift_evaluator_score(e, n % 2 ? made : data, &out));
            assert_int_equal(all, (kept ? 0 : real) + n * 30);
            assert_int_equal(looked, all);
        }
        drift_evaluator_free(e);
    }
    /* Without real images there are the samples alone. */
    expect_ok(drift_evaluate(
        ctx,
        &(drift_evaluate_options){.samples = made,
                                  .data = data,
                                  .network = "mnist-classifier",
                                  .write_reference = "kept-moments.npz"},
        &out));
    all = 0;
    o.data = NULL;
    o.reference = "kept-moments.npz";
    expect_ok(drift_evaluate(ctx, &o, &out));
    assert_int_equal(all, 30);
    assert_int_equal(looked, 30);
    unlink("kept-moments.npz");
    empty();
}

static drift_status evaluate_few(drift_context *on, void *arg)
{
    drift_evaluation e;
    (void)arg;
    drift_evaluate_options o = {
        .samples = made, .data = data, .network = "mnist-classifier"};
    return drift_evaluate(on, &o, &e);
}

static void memory_runs_out(void **state)
{
    (void)state;
    sweep_memory(evaluate_few, NULL);
    empty();
}

static void put(zip_writer *w, const char *name, const void *bytes,
                array_type type, size_t n, int ndim)
{
    size_t dim[] = {n, SIDE, SIDE, 1};
    expect_ok(npz_begin(w, name, type, ndim, dim));
    expect_ok(zip_write(w, bytes, ndim == 1 ? n * 4 : n * NUMBERS));
}

static void write_data(const char *path, const unsigned char *bytes)
{
    int32_t labels[TRAIN + TEST];
    zip_writer *w;
    for (int i = 0; i < TRAIN + TEST; i++)
        labels[i] = i % 10;
    expect_ok(zip_create(ctx, path, &w));
    put(w, "x_train", bytes, ARRAY_U8, TRAIN, 4);
    put(w, "y_train", labels, ARRAY_I32, TRAIN, 1);
    put(w, "x_test", bytes + TRAIN * NUMBERS, ARRAY_U8, TEST, 4);
    put(w, "y_test", labels, ARRAY_I32, TEST, 1);
    expect_ok(zip_commit(w));
}

static int begin(void **state)
{
    static unsigned char bytes[(TRAIN + TEST + 1) * NUMBERS];
    const drift_options options = {.device = "cpu", .log = hear};
    (void)state;
    if (drift_context_open(&ctx, &options) != DRIFT_OK)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] =
            (unsigned char)rng_below((rng_stream){1, RNG_TEST, 0}, i, 256);
    snprintf(folder, sizeof folder, "%s/drift-kept.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("DRIFT_CACHE");
    snprintf(inner, sizeof inner, "%s/drift", folder);
    snprintf(data, sizeof data, "%s/data.npz", folder);
    snprintf(other, sizeof other, "%s/other.npz", folder);
    snprintf(made, sizeof made, "%s/made.npz", folder);
    write_data(data, bytes);
    write_data(made, bytes + NUMBERS / 2);
    bytes[0] ^= 1;
    write_data(other, bytes);
    return 0;
}

static int end(void **state)
{
    char remove[256];
    snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
    return system(remove) != 0 || teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_figures), cmocka_unit_test(others),
        cmocka_unit_test(damaged_look), cmocka_unit_test(damaged_scores),
        cmocka_unit_test(foreign),      cmocka_unit_test(no_folder),
        cmocka_unit_test(told),         cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, begin, end);
}
