/* The endless 2-D toys, and mirroring samples at random. */
#include <math.h>

#include "data/data.h"
#include "unit.h"

static dataset *open_ok(data_config c)
{
    dataset *d;
    expect_ok(dataset_open(ctx, &c, 1, &d));
    return d;
}

static void open_bad(data_config c, drift_status wanted, const char *text)
{
    dataset *d;
    expect_error(dataset_open(ctx, &c, 1, &d), wanted, text);
    assert_null(d);
}

#define OPEN(...) open_ok((data_config){__VA_ARGS__})
#define BAD(status, text, ...)                                                 \
    open_bad((data_config){__VA_ARGS__}, DRIFT_ERROR_##status, text)

static void test_toys(void **state)
{
    (void)state;
    char digests[8][DIGEST_TEXT];
    for (int t = 0; dataset_toys[t]; t++) {
        data_config c = {.path = (char *)(uintptr_t)dataset_toys[t],
                         .noise = -1};
        dataset *d = open_ok(c), *again = open_ok(c), *other;
        expect_ok(dataset_open(ctx, &c, 2, &other));
        assert_int_equal(d->count, 0);
        assert_int_equal(d->points, 1);
        assert_int_equal(d->classes, 1);
        assert_int_equal(d->channels, 2);
        assert_string_equal(d->digest, again->digest);
        assert_string_not_equal(d->digest, other->digest);
        strcpy(digests[t], d->digest);
        for (int k = 0; k < t; k++)
            assert_string_not_equal(digests[k], digests[t]);
        double sum = 0, square = 0, most = 0;
        int same = 0;
        enum { N = 4000 };
        for (size_t i = 0; i < N; i++) {
            float x[2], y[2], z[2];
            expect_ok(d->get(d, i, x));
            expect_ok(again->get(again, i, y));
            expect_ok(other->get(other, i, z));
            assert_memory_equal(x, y, sizeof x);
            same += !memcmp(x, z, sizeof x);
            for (int k = 0; k < 2; k++) {
                sum += x[k];
                square += x[k] * x[k];
                most = fmax(most, fabs(x[k]));
            }
        }
        assert_int_equal(same, 0);
        assert_true(most < 1.3 && most > .8);
        assert_true(fabs(sum / (2 * N)) < .1);
        assert_true(square / (2 * N) > .1);
        dataset_free(d);
        dataset_free(again);
        dataset_free(other);
    }
}

/* The authors' shapes: without noise every swiss-roll point lies on the curve,
 * every checkerboard point in a black square. */
static void test_toy_shapes(void **state)
{
    (void)state;
    dataset *roll = OPEN(.path = "swissroll", .noise = 0);
    dataset *board = OPEN(.path = "checkerboard", .noise = 0);
    int squares[4][4] = {{0}};
    double far = 0;
    for (size_t i = 0; i < 2048; i++) {
        float p[2];
        expect_ok(roll->get(roll, i, p));
        double r = hypot(p[0], p[1]) * 4.5 * 3.14159265358979;
        assert_true(r > 1.57 && r < 14.138);
        assert_true(fabs(p[0] * 14.1371669411 - r * cos(r)) < 1e-4);
        assert_true(fabs(p[1] * 14.1371669411 - r * sin(r)) < 1e-4);
        far = fmax(far, fmax(fabs(p[0]), fabs(p[1])));
        expect_ok(board->get(board, i, p));
        int x = (int)floor(2 * p[0] + 2), y = (int)floor(2 * p[1] + 2);
        assert_true(x >= 0 && x < 4 && y >= 0 && y < 4);
        assert_int_equal((x + y) % 2, 0);
        squares[y][x]++;
    }
    /* A batch of 2048 misses the sup by less than a hundredth. */
    assert_true(far > .99 && far <= 1);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            assert_true((x + y) % 2 || squares[y][x] > 180);
    dataset_free(roll);
    dataset_free(board);
}

static void test_toys_bad(void **state)
{
    (void)state;
    BAD(USAGE, "set of points", .path = "moons", .height = 8, .width = 8);
    BAD(USAGE, "has no classes", .path = "moons", .classes = 2);
    BAD(USAGE, "'mooons' is no toy; there are moons, swissroll, ",
        .path = "mooons", .kind = DATA_TOY);
    BAD(IO, "'mooons': No such file", .path = "mooons");
    dataset *d = OPEN(.path = "moons", .limit = 10);
    assert_int_equal(d->count, 10);
    dataset_free(d);
}

static void test_augment(void **state)
{
    (void)state;
    float from[12], x[12];
    dataset d = {.height = 2, .width = 3, .channels = 2, .flip = 1};
    rng_stream s = {5, RNG_AUGMENT, 9};
    int flips = 0;
    for (int i = 0; i < 12; i++)
        from[i] = (float)i;
    for (uint64_t i = 0; i < 1000; i++) {
        memcpy(x, from, sizeof x);
        dataset_augment(&d, s, i, x);
        int flipped = x[0] > 0;
        flips += flipped;
        for (int y = 0; y < 2; y++)
            for (int k = 0; k < 3; k++)
                for (int c = 0; c < 2; c++)
                    assert_true(x[(y * 3 + k) * 2 + c] ==
                                from[(y * 3 + (flipped ? 2 - k : k)) * 2 + c]);
    }
    assert_true(flips > 430 && flips < 570);
    d.flip = 0;
    for (uint64_t i = 0; i < 10; i++) {
        memcpy(x, from, sizeof x);
        dataset_augment(&d, s, i, x);
        assert_memory_equal(x, from, sizeof x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toys),
        cmocka_unit_test(test_toy_shapes),
        cmocka_unit_test(test_toys_bad),
        cmocka_unit_test(test_augment),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
