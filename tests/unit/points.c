/* Distances of point sets: the sliced Wasserstein distance by closed forms, and
 * drift_evaluate on points whose faults are known. */
#include <math.h>
#include <unistd.h>

#include "base/threads.h"
#include "data/data.h"
#include "eval/sliced.h"
#include "formats/npy.h"
#include "unit.h"
#include "sweep.h"

enum { N = 600 };

static const char file[] = "points.npz";
static float x[2 * N], y[2 * N];

static double sliced(const float *a, size_t n, const float *b, size_t m)
{
    double d;
    expect_ok(sliced_distance(ctx, a, n, b, m, &d));
    return d;
}

/* Points of a toy by another seed than the evaluation's. */
static void draw(const char *toy, float *out)
{
    data_config c = {.path = (char *)(uintptr_t)toy, .noise = -1};
    dataset *d;
    expect_ok(dataset_open(ctx, &c, 5, &d));
    expect_ok(dataset_read(d, 0, N, out));
    dataset_free(d);
}

/* Along each direction all points move alike: the mean square of s.u over all
 * directions u is |s|^2 / 2. */
static void shifted(void **state)
{
    (void)state;
    draw("moons", x);
    for (size_t i = 0; i < N; i++) {
        y[2 * i] = x[2 * i] + 3;
        y[2 * i + 1] = x[2 * i + 1] - 4;
    }
    assert_true(fabs(sliced(x, N, y, N) - 5 / sqrt(2)) < 1e-6);
    assert_true(sliced(x, N, x, N) == 0);
    assert_true(sliced(x, N, y, N) == sliced(y, N, x, N));
}

/* Quantiles keep their places: the mean square of (a - 1) x.u. */
static void scaled(void **state)
{
    (void)state;
    double square = 0;
    draw("swissroll", x);
    for (size_t i = 0; i < 2 * N; i++) {
        y[i] = 2.5f * x[i];
        square += (double)x[i] * (double)x[i] / N;
    }
    assert_true(fabs(sliced(x, N, y, N) - 1.5 * sqrt(square / 2)) < 1e-6);
}

/* One point, and two about it; what does not depend on the number of copies;
 * and quantiles of 2 and 3 points by hand. */
static void other_counts(void **state)
{
    (void)state;
    static const float one[] = {1, 1}, two[] = {1, 3, 1, -1},
                       six[] = {1, 3, 1, -1, 1, 3, 1, -1, 1, -1, 1, 3};
    assert_true(fabs(sliced(one, 1, two, 2) - sqrt(2)) < 1e-12);
    assert_true(sliced(two, 2, six, 6) < 1e-12);
    assert_true(fabs(sliced(six, 6, one, 1) - sqrt(2)) < 1e-12);
    /* On the first axis: thirds at 0, 3, 6 and halves at 0, 6. The gaps are 0
     * (1/3), 3 (1/6), 3 (1/6), 0 (1/3). */
    static const float thirds[] = {0, 0, 3, 0, 6, 0}, halves[] = {0, 0, 6, 0};
    assert_true(fabs(sliced(thirds, 3, halves, 2) - sqrt(3. / 2)) < 1e-12);
    assert_true(isnan(sliced(one, 0, two, 2)));
    assert_true(isnan(sliced(one, 1, two, 0)));
}

static void threads_agree(void **state)
{
    (void)state;
    draw("moons", x);
    draw("spirals", y);
    threads_set(1);
    double one = sliced(x, N, y, N - 7);
    threads_set(4);
    assert_true(sliced(x, N, y, N - 7) == one);
    threads_set(0);
}

/* -- drift_evaluate -------------------------------------------------------- */

static void save(const float *points, size_t n)
{
    zip_writer *w = NULL;
    size_t dim[] = {n, 2};
    expect_ok(zip_create(ctx, file, &w));
    expect_ok(npz_begin(w, "points", ARRAY_F32, 2, dim));
    expect_ok(zip_write(w, points, n * 2 * sizeof *points));
    expect_ok(zip_commit(w));
}

static drift_evaluation look_at(const float *points, const char *data)
{
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file, .data = data};
    save(points, N);
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_int_equal(e.samples.count, N);
    assert_string_equal(e.network, "");
    assert_int_equal(e.features, 2);
    assert_true(isnan(e.samples.distance) && isnan(e.samples.nearest));
    assert_true(e.noise.energy > 5 * e.real.energy);
    assert_true(e.noise.sliced > 2 * e.real.sliced);
    return e;
}

/* Real draws are as near as fresh ones are to each other. */
static void real_points(void **state)
{
    (void)state;
    for (int t = 0; dataset_toys[t]; t++) {
        drift_evaluation e;
        drift_evaluate_options o = {.samples = file, .data = dataset_toys[t]};
        draw(dataset_toys[t], x);
        save(x, N);
        expect_ok(drift_evaluate(ctx, &o, &e));
        assert_true(e.samples.energy < 2.5 * e.real.energy);
        assert_true(e.samples.sliced < 2 * e.real.sliced);
        assert_true(e.real.energy > 0 && e.noise.energy > 0);
        assert_int_equal(e.real.count, N);
        assert_int_equal(e.noise.count, N);
        assert_int_equal(e.training, 8 * N);
    }
}

static void one_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++)
        x[2 * i] = x[2 * i + 1] = .1f;
    drift_evaluation e = look_at(x, "moons");
    assert_true(e.samples.energy > 10 * e.noise.energy);
    assert_true(e.samples.sliced > 3 * e.noise.sliced);
}

/* One of the two moons, which is above the other: normal points are nearer. */
static void one_mode(void **state)
{
    (void)state;
    static float all[2 * N];
    draw("moons", all);
    for (size_t i = 0, from = 0; i < N; i++) {
        while (all[2 * from + 1] < 0)
            from = (from + 1) % N;
        memcpy(x + 2 * i, all + 2 * from, 2 * sizeof *x);
        from = (from + 1) % N;
    }
    drift_evaluation e = look_at(x, "moons");
    assert_true(e.samples.energy > 2 * e.noise.energy);
    assert_true(e.samples.sliced > 1.5 * e.noise.sliced);
}

/* Data that are no toy are one set of points, and these are themselves. */
static void points_of_a_file(void **state)
{
    (void)state;
    drift_evaluation e;
    drift_evaluate_options o = {.samples = file, .data = file};
    draw("moons", x);
    save(x, N);
    expect_ok(drift_evaluate(ctx, &o, &e));
    assert_true(fabs(e.samples.energy) < 1e-12 && e.samples.sliced == 0);
    assert_true(isnan(e.real.energy) && isnan(e.real.sliced));
    assert_true(e.noise.energy > 0 && e.noise.sliced > 0);
    assert_int_equal(e.training, N);
}

static void what_cannot_be(void **state)
{
    (void)state;
    drift_evaluation e;
    drift_evaluate_options o = {.samples = "moons", .data = "moons"};
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "'moons' is a toy; name points");
    save(x, N);
    o.samples = file;
    o.network = "mnist-judge";
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "'points.npz' are points, which no network looks at");
    o.network = NULL;
    o.data = "mnist";
    expect_error(drift_evaluate(ctx, &o, &e), DRIFT_ERROR_USAGE,
                 "'points.npz' are points, 'mnist' are images");
}

static drift_status evaluate_few(drift_context *on, void *arg)
{
    drift_evaluation e;
    (void)arg;
    drift_evaluate_options o = {.samples = file, .data = "moons"};
    return drift_evaluate(on, &o, &e);
}

static void memory_runs_out(void **state)
{
    (void)state;
    save(x, 20);
    sweep_memory(evaluate_few, NULL);
}

static int end(void **state)
{
    unlink(file);
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shifted),        cmocka_unit_test(scaled),
        cmocka_unit_test(other_counts),   cmocka_unit_test(threads_agree),
        cmocka_unit_test(real_points),    cmocka_unit_test(one_point),
        cmocka_unit_test(one_mode),       cmocka_unit_test(points_of_a_file),
        cmocka_unit_test(what_cannot_be), cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, end);
}
