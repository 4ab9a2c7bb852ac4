/* The store of real features: what was put is gathered, from memory and from a
 * file, which is used again when all is well and made again when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/half.h"
#include "base/rng.h"
#include "drift/store.h"
#include "sweep.h"

enum { FAMILIES = 3, ROWS = 157, MOST = 44, HEAD = 4096 };
#define KEY   "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"

static const store_family families[FAMILIES] = {
    {"global", 1, 44}, {"layer1", 4, 5}, {"norm_x", 1, 3}};

static drift_context *ctx;
static char folder[64], path[128], said[4096];

static void keep(void *data, int level, const char *text)
{
    (void)data;
    (void)level;
    snprintf(said, sizeof said, "%s", text);
}

static drift_context *opened(int threads)
{
    drift_options options = {.device = "cpu", .threads = threads, .log = keep};
    drift_context *c;
    assert_int_equal(drift_context_open(&c, &options), DRIFT_OK);
    said[0] = '\0';
    return c;
}

static int setup(void **state)
{
    (void)state;
    ctx = opened(2);
    snprintf(folder, sizeof folder, "store.XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/features", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return rmdir(folder); /* every test leaves it empty */
}

static void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

static void expect_error(drift_status status, drift_status wanted,
                         const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

static size_t files(void)
{
    char **names;
    size_t count;
    expect_ok(file_list(ctx, folder, &names, &count));
    file_list_free(names, count);
    return count;
}

/* -- the numbers -------------------------------------------------------------
 */

static store_plan plan(store_type type, const char *where)
{
    return (store_plan){.families = families,
                        .family_count = FAMILIES,
                        .rows = ROWS,
                        .type = type,
                        .path = where,
                        .key = KEY};
}

static size_t numbers(size_t family)
{
    return families[family].locations * families[family].channels;
}

static size_t size_of(store_type type)
{
    size_t sum = 0;
    for (size_t f = 0; f < FAMILIES; f++)
        sum += ROWS * numbers(f) * (type == STORE_F16 ? 2 : 4);
    return sum;
}

static void row_of(float *out, size_t family, size_t row)
{
    rng_stream s = {4, RNG_TEST, family};
    for (size_t k = 0; k < numbers(family); k++)
        out[k] = 100 * rng_normal(s, row * MOST + k);
}

static drift_status put_rows(feature_store *s, size_t family, size_t first,
                             size_t count)
{
    static _Thread_local float values[ROWS * MOST];
    for (size_t i = 0; i < count; i++)
        row_of(values + i * numbers(family), family, first + i);
    return feature_store_put(s, family, first, count, values);
}

/* Stretches of 1, 2, ... rows, and the store is complete. */
static drift_status fill(feature_store *s)
{
    drift_status status = DRIFT_OK;
    for (size_t f = 0; f < FAMILIES; f++)
        for (size_t first = 0, n = 1; first < ROWS; first += n++)
            TRY(put_rows(s, f, first, ROWS - first < n ? ROWS - first : n));
    status = feature_store_finish(s);
out:
    return status;
}

/* A gather in no order, with rows that come twice. */
static void expect_content(feature_store *s, store_type type)
{
    enum { COUNT = 2 * ROWS };
    static float got[COUNT * MOST];
    int64_t rows[COUNT];
    assert_int_equal(feature_store_complete(s), 1);
    assert_int_equal(feature_store_bytes(s), size_of(type));
    for (size_t f = 0; f < FAMILIES; f++) {
        size_t n = numbers(f);
        for (uint64_t i = 0; i < COUNT; i++)
            rows[i] = rng_below((rng_stream){1, RNG_TEST, f}, i, ROWS);
        expect_ok(feature_store_expect(s, rows, COUNT));
        expect_ok(feature_store_gather(s, f, rows, COUNT, got));
        for (size_t i = 0; i < COUNT; i++) {
            float want[MOST];
            uint16_t half[MOST];
            row_of(want, f, (size_t)rows[i]);
            if (type == STORE_F16) {
                (void)half_write(half, want, n);
                half_read(want, half, n);
            }
            assert_memory_equal(got + i * n, want, n * sizeof *got);
        }
    }
}

/* A finished store of the plan; it was not there. */
static feature_store *made(const store_plan *p)
{
    feature_store *s;
    expect_ok(feature_store_new(ctx, p, &s));
    assert_int_equal(feature_store_complete(s), 0);
    expect_ok(fill(s));
    return s;
}

static void in_memory(void **state)
{
    (void)state;
    for (int type = STORE_F16; type <= STORE_F32; type++) {
        store_plan p = plan((store_type)type, NULL);
        feature_store *s = made(&p);
        expect_content(s, p.type);
        feature_store_free(s);
        p.memory = size_of(p.type);
        expect_ok(feature_store_new(ctx, &p, &s));
        feature_store_free(s);
        p.memory--;
        expect_error(feature_store_new(ctx, &p, &s), DRIFT_ERROR_MEMORY,
                     "the features of 157 images take");
        assert_null(s);
    }
    assert_int_equal(files(), 0);
    feature_store_free(NULL);
}

/* -- the file ----------------------------------------------------------------
 */

static void file_is_kept(void **state)
{
    (void)state;
    for (int type = STORE_F16; type <= STORE_F32; type++) {
        store_plan p = plan((store_type)type, path);
        feature_store *s = made(&p);
        file_view view;
        expect_content(s, p.type);
        feature_store_free(s);
        assert_string_equal(said, "");
        for (int again = 0; again < 2; again++) {
            expect_ok(feature_store_new(ctx, &p, &s));
            expect_content(s, p.type);
            feature_store_free(s);
        }
        assert_int_equal(files(), 1);
        expect_ok(file_open_view(ctx, path, &view));
        assert_int_equal(view.size, HEAD + size_of(p.type));
        file_close_view(&view);
        assert_int_equal(unlink(path), 0);
    }
}

/* Nothing has the name until all is there; what had it stays until then. */
static void unfinished_is_gone(void **state)
{
    (void)state;
    store_plan p = plan(STORE_F16, path), other = p;
    feature_store *s;
    expect_ok(feature_store_new(ctx, &p, &s));
    assert_false(file_exists(path));
    expect_ok(put_rows(s, 0, 0, ROWS));
    feature_store_free(s);
    assert_int_equal(files(), 0);
    feature_store_free(made(&p));
    other.key = OTHER;
    expect_ok(feature_store_new(ctx, &other, &s));
    assert_int_equal(files(), 2);
    feature_store_free(s);
    expect_ok(feature_store_new(ctx, &p, &s));
    expect_content(s, STORE_F16);
    feature_store_free(s);
    assert_int_equal(unlink(path), 0);
}

/* The file at the path is refused with these words, made again, and used. */
static void refused(const store_plan *p, const char *words)
{
    feature_store *s;
    said[0] = '\0';
    feature_store_free(made(p));
    if (!strstr(said, words) || !strstr(said, "made again"))
        fail_msg("'%s' lacks '%s'", said, words);
    expect_ok(feature_store_new(ctx, p, &s));
    assert_int_equal(feature_store_complete(s), 1);
    feature_store_free(s);
    assert_int_equal(files(), 1);
}

static void of_another_plan(void **state)
{
    (void)state;
    store_family changed[FAMILIES];
    store_plan p = plan(STORE_F16, path), other[5];
    for (int i = 0; i < 5; i++)
        other[i] = p;
    memcpy(changed, families, sizeof changed);
    changed[1].locations = families[1].channels;
    changed[1].channels = families[1].locations;
    other[0].key = OTHER;
    other[1].rows--;
    other[2].type = STORE_F32;
    other[3].family_count--;
    other[4].families = changed;
    for (int i = 0; i < 5; i++) {
        feature_store *s;
        feature_store_free(made(&p));
        said[0] = '\0';
        expect_ok(feature_store_new(ctx, &other[i], &s));
        assert_int_equal(feature_store_complete(s), 0);
        assert_non_null(strstr(said, i ? "it has other rows or families"
                                       : "of other images or another encoder"));
        feature_store_free(s);
        assert_int_equal(unlink(path), 0);
    }
    /* And the new one takes the place of the old. */
    feature_store_free(made(&p));
    refused(&other[0], "another encoder");
    refused(&p, "another encoder");
    assert_int_equal(unlink(path), 0);
}

/* Wrong lengths and every byte of the head. */
static void damaged(void **state)
{
    (void)state;
    store_plan p = plan(STORE_F16, path);
    file_view whole;
    feature_store_free(made(&p));
    expect_ok(file_open_view(ctx, path, &whole));
    const size_t sizes[] = {0,        1,        HEAD - 1,       HEAD,
                            HEAD + 1, HEAD + 8, whole.size - 1, whole.size + 1};
    unsigned char *copy = mem_alloc(NULL, whole.size + 1, 1);
    assert_non_null(copy);
    memcpy(copy, whole.data, whole.size);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        expect_ok(file_replace(ctx, path, copy, sizes[i]));
        refused(&p, sizes[i] < HEAD ? "it is torn" : "its length is wrong");
    }
    for (size_t at = 0; at < HEAD; at += at < 300 ? 1 : 97) {
        feature_store *s;
        copy[at] ^= 1;
        expect_ok(file_replace(ctx, path, copy, whole.size));
        said[0] = '\0';
        expect_ok(feature_store_new(ctx, &p, &s));
        assert_int_equal(feature_store_complete(s), 0);
        assert_non_null(strstr(said, at < 8    ? "of another format"
                                     : at < 40 ? "another encoder"
                                               : "other rows or families"));
        feature_store_free(s);
        copy[at] ^= 1;
    }
    expect_ok(file_replace(ctx, path, copy, whole.size));
    feature_store *s;
    expect_ok(feature_store_new(ctx, &p, &s));
    expect_content(s, STORE_F16);
    feature_store_free(s);
    mem_free(copy);
    file_close_view(&whole);
    assert_int_equal(unlink(path), 0);
}

/* Told before the first row: a limit on the size of files stands for a full
 * disk. The old file stays. */
static void full_disk(void **state)
{
    (void)state;
    store_plan p = plan(STORE_F32, path);
    struct rlimit old, small;
    feature_store *s;
    expect_ok(file_replace(ctx, path, "old", 3));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = HEAD + 100;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    drift_status status = feature_store_new(ctx, &p, &s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    expect_error(status, DRIFT_ERROR_IO, "unable to take");
    assert_null(s);
    assert_int_equal(files(), 1);
    assert_int_equal(unlink(path), 0);
    p.path = "/dev/full";
    expect_error(feature_store_new(ctx, &p, &s), DRIFT_ERROR_IO, "/dev/full");
    p.path = folder;
    expect_error(feature_store_new(ctx, &p, &s), DRIFT_ERROR_IO, folder);
    p.path = "/proc/none/features";
    expect_error(feature_store_new(ctx, &p, &s), DRIFT_ERROR_IO, p.path);
}

/* -- what does not go in -----------------------------------------------------
 */

static void numbers_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        store_type type;
        float x;
        const char *words; /* NULL: fine */
    } cases[] = {
        {STORE_F16, 65504, NULL},
        {STORE_F16, 65519.99f, NULL},
        {STORE_F16, -65520, "'layer1' of image 9 does not fit f16, use f32"},
        {STORE_F16, 1e30f, "'layer1' of image 9 does not fit f16, use f32"},
        {STORE_F16, INFINITY, "'layer1' of image 9 is not finite"},
        {STORE_F16, NAN, "'layer1' of image 9 is not finite"},
        {STORE_F32, -3e38f, NULL},
        {STORE_F32, -INFINITY, "'layer1' of image 9 is not finite"},
        {STORE_F32, NAN, "'layer1' of image 9 is not finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_plan p = plan(cases[i].type, NULL);
        float values[7 * 20] = {0};
        feature_store *s;
        expect_ok(feature_store_new(ctx, &p, &s));
        values[4 * 20 + 19] = cases[i].x;
        values[6 * 20] = cases[i].x; /* the first one is named */
        drift_status status = feature_store_put(s, 1, 5, 7, values);
        if (cases[i].words)
            expect_error(status, DRIFT_ERROR_NUMBER, cases[i].words);
        else
            expect_ok(status);
        feature_store_free(s);
    }
}

static void misused(void **state)
{
    (void)state;
    static const store_family none = {"none", 3, 0},
                              huge = {"huge", 1, SIZE_MAX},
                              wide = {"wide", SIZE_MAX / 16, 1};
    const store_family *bad[] = {&none, &huge, &wide};
    store_plan p = plan(STORE_F16, NULL), other;
    float values[ROWS * MOST] = {0};
    int64_t row = 0;
    feature_store *s;
    for (size_t i = 0; i < 3; i++) {
        other = p;
        other.families = bad[i];
        other.family_count = 1;
        expect_error(feature_store_new(ctx, &other, &s), DRIFT_ERROR_SHAPE,
                     i < 2 ? bad[i]->name : "157 rows of 1 families");
        assert_null(s);
    }
    other = p;
    other.rows = 0;
    expect_error(feature_store_new(ctx, &other, &s), DRIFT_ERROR_SHAPE,
                 "0 rows");
    other = p;
    other.family_count = 0;
    expect_error(feature_store_new(ctx, &other, &s), DRIFT_ERROR_SHAPE,
                 "0 families");
    other = p;
    other.key = "short";
    expect_error(feature_store_new(ctx, &other, &s), DRIFT_ERROR_USAGE,
                 "'short' is no digest");
    expect_ok(feature_store_new(ctx, &p, &s));
    expect_error(feature_store_gather(s, 0, &row, 1, values), DRIFT_ERROR_USAGE,
                 "before it is finished");
    expect_error(feature_store_put(s, 0, ROWS - 1, 2, values),
                 DRIFT_ERROR_USAGE, "cannot be put");
    expect_error(feature_store_put(s, FAMILIES, 0, 1, values),
                 DRIFT_ERROR_USAGE, "family 3 of 3");
    expect_ok(feature_store_put(s, 0, 0, ROWS, values));
    expect_ok(feature_store_put(s, 1, 0, ROWS, values));
    expect_ok(feature_store_put(s, 2, 0, ROWS - 1, values));
    expect_error(feature_store_finish(s), DRIFT_ERROR_USAGE, "470 of 471");
    expect_ok(feature_store_put(s, 2, ROWS - 1, 1, values));
    expect_ok(feature_store_finish(s));
    expect_error(feature_store_finish(s), DRIFT_ERROR_USAGE, "finished");
    expect_error(feature_store_put(s, 0, 0, 1, values), DRIFT_ERROR_USAGE,
                 "cannot be put");
    row = -1;
    expect_error(feature_store_gather(s, 0, &row, 1, values), DRIFT_ERROR_USAGE,
                 "row -1 of 157");
    row = ROWS;
    expect_error(feature_store_expect(s, &row, 1), DRIFT_ERROR_USAGE,
                 "row 157 of 157");
    expect_ok(feature_store_gather(s, 0, &row, 0, values));
    feature_store_free(s);
}

/* Threads that put rows of their own, and gathers by one and by four. */
static void threads(void **state)
{
    (void)state;
    store_plan p = plan(STORE_F16, path);
    for (int n = 1; n <= 4; n += 3) {
        drift_context *own = opened(n), *outer = ctx;
        feature_store *s;
        int failed = 0;
        ctx = own;
        expect_ok(feature_store_new(ctx, &p, &s));
#pragma omp parallel for num_threads(4) reduction(+ : failed)
        for (size_t i = 0; i < FAMILIES * ROWS; i++)
            failed += put_rows(s, i % FAMILIES, i / FAMILIES, 1) != DRIFT_OK;
        assert_int_equal(failed, 0);
        expect_ok(feature_store_finish(s));
        expect_content(s, STORE_F16);
        feature_store_free(s);
        drift_context_close(own);
        ctx = outer;
        assert_int_equal(unlink(path), 0);
    }
}

static drift_status whole_life(drift_context *c, void *arg)
{
    drift_status status = DRIFT_OK;
    feature_store *s = NULL;
    store_plan p = plan(STORE_F16, arg);
    for (int i = 0; i < 2; i++) {
        float values[MOST];
        int64_t row = 1;
        TRY(feature_store_new(c, &p, &s));
        if (!feature_store_complete(s))
            TRY(fill(s));
        TRY(feature_store_gather(s, 0, &row, 1, values));
        feature_store_free(s);
        s = NULL;
    }
out:
    feature_store_free(s);
    return status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    sweep_memory(whole_life, NULL);
    sweep_memory(whole_life, path);
    assert_int_equal(files(), 1);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
        cmocka_unit_test(file_is_kept),
        cmocka_unit_test(unfinished_is_gone),
        cmocka_unit_test(of_another_plan),
        cmocka_unit_test(damaged),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(numbers_that_do_not_fit),
        cmocka_unit_test(misused),
        cmocka_unit_test(threads),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
