/* Feature families: names, shapes and numbers against plain loops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "drift/features.h"
#include "unit.h"

enum { B = 2, C = 5, MOST = B * 12 * 12 * C };

typedef struct fixture {
    tape *tape;
    tensor tensor;
    var *map;
    features f;
    float x[MOST];
    size_t h, w;
} fixture;

/* A map [B,h,w,C]; one channel is constant, another far from 0. */
static void begin(fixture *q, size_t h, size_t w)
{
    *q = (fixture){.h = h, .w = w};
    for (size_t i = 0; i < B * h * w * C; i++) {
        float z = rng_normal((rng_stream){5, RNG_TEST, h}, i);
        q->x[i] = i % C == 0 ? .25f : i % C == 1 ? 10 + z : z;
    }
    expect_ok(tensor_new(ctx, &q->tensor, DTYPE_F32, SHAPE(B, h, w, C)));
    expect_ok(tensor_write(ctx, &q->tensor, q->x));
    expect_ok(tape_new(ctx, 0, &q->tape));
    q->map = tape_constant(q->tape, &q->tensor);
}

static void end(fixture *q)
{
    features_free(&q->f);
    tape_free(q->tape);
    tensor_free(ctx, &q->tensor);
    assert_int_equal(pool_get_stats(ctx).used, 0);
}

/* Mean or standard deviation of channel c in the patch at row y, column x. */
static double statistic(const fixture *q, size_t b, size_t y, size_t x,
                        size_t c, size_t ph, size_t pw, int std)
{
    double mean = 0, square = 0, n = (double)(ph * pw);
    const float *at = q->x + ((b * q->h + y) * q->w + x) * C + c;
    for (size_t i = 0; i < ph * pw; i++)
        mean += (double)at[(i / pw * q->w + i % pw) * C] / n;
    for (size_t i = 0; i < ph * pw; i++) {
        double e = (double)at[(i / pw * q->w + i % pw) * C] - mean;
        square += e * e / n;
    }
    return std ? sqrt(square + 1e-6) : mean;
}

/* Family i is `name` and holds the statistic of patches ph x pw. */
static void expect_family(fixture *q, size_t i, const char *name, size_t ph,
                          size_t pw, int std)
{
    static float got[MOST];
    size_t rows = q->h / ph, columns = q->w / pw, locations = rows * columns;
    assert_true(i < q->f.count);
    assert_string_equal(q->f.list[i].name, name);
    tensor *t = &q->f.list[i].value->value;
    assert_true(shape_equal(t->shape, SHAPE(B, locations, C)));
    expect_ok(tensor_read(ctx, t, got));
    for (size_t k = 0; k < B * locations * C; k++) {
        size_t l = k / C % locations;
        double want = statistic(q, k / C / locations, l / columns * ph,
                                l % columns * pw, k % C, ph, pw, std);
        if (!(fabs((double)got[k] - want) <= 2e-6 * fmax(1, fabs(want))))
            fail_msg("%s[%zu] is %.9g instead of %.9g", name, k, (double)got[k],
                     want);
    }
}

/* All families of a map in order; patches that do not divide are left out. */
static void families_of_a_map(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{8, 12}, {6, 10}, {12, 6},
                                      {4, 4},  {5, 4},  {1, 1}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t h = sizes[k][0], w = sizes[k][1], i = 3;
        fixture q;
        begin(&q, h, w);
        features_of_map(q.tape, &q.f, q.map, "layer1", FAMILY_ALL);
        expect_ok(tape_status(q.tape));
        expect_family(&q, 0, "layer1", 1, 1, 0);
        expect_family(&q, 1, "layer1_mean", h, w, 0);
        expect_family(&q, 2, "layer1_std", h, w, 1);
        for (size_t p = 2; p <= 4; p += 2) {
            char mean[32], std[32];
            if (h % p || w % p)
                continue;
            snprintf(mean, sizeof mean, "layer1_mean_%zu", p);
            snprintf(std, sizeof std, "layer1_std_%zu", p);
            expect_family(&q, i++, mean, p, p, 0);
            expect_family(&q, i++, std, p, p, 1);
        }
        assert_int_equal(q.f.count, i);
        end(&q);
    }
}

static void parts_are_chosen(void **state)
{
    (void)state;
    fixture q;
    begin(&q, 8, 8);
    features_of_map(q.tape, &q.f, q.map, "a",
                    FAMILY_STD | FAMILY_MEAN_2 | FAMILY_STD_4);
    features_of_map(q.tape, &q.f, q.map, "b", FAMILY_LOCATIONS);
    features_of_map(q.tape, &q.f, q.map, "c", 0);
    expect_ok(tape_status(q.tape));
    expect_family(&q, 0, "a_std", 8, 8, 1);
    expect_family(&q, 1, "a_mean_2", 2, 2, 0);
    expect_family(&q, 2, "a_std_4", 4, 4, 1);
    expect_family(&q, 3, "b", 1, 1, 0);
    assert_int_equal(q.f.count, 4);
    end(&q);
}

static void a_map_is_one_vector(void **state)
{
    (void)state;
    static float got[MOST];
    fixture q;
    begin(&q, 7, 9);
    features_of_map(q.tape, &q.f, q.map, "a", FAMILY_FLAT);
    expect_ok(tape_status(q.tape));
    assert_int_equal(q.f.count, 1);
    assert_string_equal(q.f.list[0].name, "a_flat");
    tensor *flat = &q.f.list[0].value->value;
    assert_true(shape_equal(flat->shape, SHAPE(B, 1, 7 * 9 * C)));
    expect_ok(tensor_read(ctx, flat, got));
    assert_memory_equal(got, q.x, B * 7 * 9 * C * sizeof(float));
    end(&q);
}

/* The sample itself, and the root mean square of each channel. */
static void without_an_encoder(void **state)
{
    (void)state;
    static float got[MOST];
    fixture q;
    begin(&q, 7, 9);
    features_global(q.tape, &q.f, q.map);
    features_norm_x(q.tape, &q.f, q.map);
    expect_ok(tape_status(q.tape));
    assert_int_equal(q.f.count, 2);
    assert_string_equal(q.f.list[0].name, "global");
    tensor *all = &q.f.list[0].value->value, *norm = &q.f.list[1].value->value;
    assert_true(shape_equal(all->shape, SHAPE(B, 1, 7 * 9 * C)));
    expect_ok(tensor_read(ctx, all, got));
    assert_memory_equal(got, q.x, B * 7 * 9 * C * sizeof(float));
    assert_string_equal(q.f.list[1].name, "norm_x");
    assert_true(shape_equal(norm->shape, SHAPE(B, 1, C)));
    expect_ok(tensor_read(ctx, norm, got));
    for (size_t k = 0; k < (size_t)B * C; k++) {
        double sum = 0;
        for (size_t i = 0; i < 7 * 9; i++) {
            double x = (double)q.x[(k / C * 7 * 9 + i) * C + k % C];
            sum += x * x / (7 * 9);
        }
        assert_true(fabs((double)got[k] / sqrt(sum + 1e-6) - 1) < 2e-6);
    }
    end(&q);
}

/* Nothing happens on a tape that failed; a value or a name that does not fit
 * makes it fail. */
static void refused(void **state)
{
    (void)state;
    static const char longest[FEATURE_NAME] =
        "a-name-of-47-characters-which-is-just-allowed--";
    char name[FEATURE_NAME + 1];
    fixture q;
    for (int i = 0; i < 3; i++) {
        begin(&q, 4, 4);
        features_global(q.tape, &q.f, q.map);
        features_add(q.tape, &q.f, q.f.list[0].value, longest);
        features_add(q.tape, &q.f, NULL, "nothing");
        features_global(q.tape, &q.f, NULL);
        features_of_map(q.tape, &q.f, NULL, "nothing", FAMILY_ALL);
        features_norm_x(q.tape, &q.f, NULL);
        expect_ok(tape_status(q.tape));
        assert_int_equal(q.f.count, 2);
        assert_string_equal(q.f.list[1].name, longest);
        snprintf(name, sizeof name, "%s%c", longest, 'x');
        if (i == 0)
            features_add(q.tape, &q.f, q.map, "map"); /* not [B,F,C] */
        else if (i == 1)
            features_add(q.tape, &q.f, q.f.list[0].value, name);
        else
            features_of_map(q.tape, &q.f, q.map, name, FAMILY_MEAN_2);
        assert_int_equal(tape_status(q.tape), DRIFT_ERROR_SHAPE);
        assert_non_null(strstr(drift_error_text(ctx),
                               i ? "is too long" : "'map' is not [B,F,C]"));
        drift_error_clear(ctx);
        features_global(q.tape, &q.f, q.map);
        assert_int_equal(q.f.count, 2);
        end(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_of_a_map),
        cmocka_unit_test(parts_are_chosen),
        cmocka_unit_test(a_map_is_one_vector),
        cmocka_unit_test(without_an_encoder),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
