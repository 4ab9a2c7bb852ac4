/* The nearest positives against a double loop over sums in double. */
#include <math.h>
#include <stdlib.h>

#include "drift/nearest.h"
#include "unit.h"
#include "sweep.h"

static const rng_stream stream = {6, RNG_POSITIVE, 2};

/* A store of two families, the second [F,C]; every third row is another
 * class's. */
typedef struct scene {
    size_t n, f, c, rows, count;
    float *x, *y; /* [n,f*c], [rows,f*c] */
    int64_t *candidates;
    feature_store *store;
    tensor gen;
    nearest_input in;
} scene;

/* grid: coordinates 0, 1 or 2, so that many distances are equal. */
static drift_status begin(drift_context *on, scene *s, size_t n, size_t f,
                          size_t c, size_t rows, int grid)
{
    drift_status status = DRIFT_OK;
    store_family families[2] = {{"first", 1, 1}, {"second", f, c}};
    store_plan plan = {.families = families,
                       .family_count = 2,
                       .rows = rows,
                       .type = STORE_F32,
                       .key = "00000000000000000000000000000000"};
    size_t d = f * c;
    *s = (scene){.n = n, .f = f, .c = c, .rows = rows};
    s->x = malloc(n * d * sizeof *s->x);
    s->y = malloc(rows * d * sizeof *s->y);
    s->candidates = malloc(rows * sizeof *s->candidates);
    for (size_t i = 0; i < (n + rows) * d; i++) {
        float *to = i < n * d ? s->x + i : s->y + i - n * d;
        rng_stream from = {9, RNG_TEST, (uint64_t)grid};
        *to = grid ? (float)rng_below(from, i, 3) : 5 + rng_normal(from, i);
    }
    for (size_t r = 0; r < rows; r++)
        if (r % 3)
            s->candidates[s->count++] = (int64_t)r;
    TRY(feature_store_new(on, &plan, &s->store));
    TRY(feature_store_put(s->store, 0, 0, rows, s->y));
    TRY(feature_store_put(s->store, 1, 0, rows, s->y));
    TRY(feature_store_finish(s->store));
    TRY(tensor_new(on, &s->gen, DTYPE_F32, SHAPE(n, f, c)));
    TRY(tensor_write(on, &s->gen, s->x));
    s->in = (nearest_input){s->store, 1, &s->gen, s->candidates, s->count, 0};
out:
    return status;
}

static void end(drift_context *on, scene *s)
{
    tensor_free(on, &s->gen);
    feature_store_free(s->store);
    free(s->x);
    free(s->y);
    free(s->candidates);
}

static double distance(const scene *s, size_t sample, int64_t row)
{
    double sum = 0;
    size_t d = s->f * s->c;
    for (size_t j = 0; j < d; j++) {
        double e =
            (double)s->x[sample * d + j] - (double)s->y[(size_t)row * d + j];
        sum += e * e;
    }
    return sqrt(sum);
}

static int is_among(const int64_t *rows, size_t n, int64_t row)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i] == row)
            return 1;
    return 0;
}

/* The first `taken` of them go round, the rest are other candidates. */
static void expect_choice(const scene *s, const int64_t *got, size_t taken,
                          size_t p)
{
    for (size_t i = 0; i < taken; i++) {
        int64_t best = -1;
        double least = INFINITY;
        for (size_t t = 0; t < s->count; t++) {
            double d = distance(s, i % s->n, s->candidates[t]);
            if (d < least && !is_among(got, i, s->candidates[t])) {
                least = d;
                best = s->candidates[t];
            }
        }
        if (got[i] != best)
            fail_msg("choice %zu is %lld (%.9g) instead of %lld (%.9g)", i,
                     (long long)got[i], distance(s, i % s->n, got[i]),
                     (long long)best, least);
    }
    for (size_t i = taken; i < p; i++) {
        assert_true(is_among(s->candidates, s->count, got[i]));
        assert_false(is_among(got, i, got[i]));
    }
}

static void against_a_double_loop(void **state)
{
    (void)state;
    static const struct {
        size_t n, f, c, rows;
        int grid;
    } cases[] = {
        {1, 1, 2, 5, 0},   {7, 1, 2, 90, 0},     {7, 3, 2, 90, 1},
        {13, 1, 3, 90, 1}, {16, 4, 5, 120, 0},   {5, 1, 70, 61, 0},
        {50, 2, 9, 60, 0}, {3, 2, 9000, 450, 0}, /* in three pieces */
    };
    static const float shares[] = {0, .25f, .5f, 1};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        scene s;
        int64_t got[400];
        expect_ok(begin(ctx, &s, cases[k].n, cases[k].f, cases[k].c,
                        cases[k].rows, cases[k].grid));
        for (size_t i = 0; i < 4; i++) {
            size_t most = s.rows > 400 ? 10 : s.count;
            const size_t asked[] = {1, most / 2, most};
            s.in.share = shares[i];
            for (size_t j = 0; j < 3; j++) {
                size_t p = asked[j];
                double drawn = floor((double)shares[i] * (double)p + .5);
                expect_ok(nearest_positives(ctx, &s.in, stream, 7, got, p));
                expect_choice(&s, got, p - (size_t)drawn, p);
            }
        }
        end(ctx, &s);
    }
}

/* Each of those left as often as the others; other words, another draw. */
static void draws_are_even(void **state)
{
    (void)state;
    enum { ROWS = 30, P = 8, TAKEN = 4, ROUNDS = 8000 };
    int times[ROWS] = {0};
    int64_t got[P], again[P];
    scene s;
    expect_ok(begin(ctx, &s, 3, 1, 2, ROWS, 0));
    s.in.share = .5f;
    for (uint64_t r = 0; r < ROUNDS; r++) {
        expect_ok(nearest_positives(ctx, &s.in, stream, r * P, got, P));
        for (size_t i = TAKEN; i < P; i++)
            times[got[i]]++;
    }
    double mean = (double)ROUNDS * (P - TAKEN) / (double)(s.count - TAKEN);
    for (size_t t = 0; t < s.count; t++) {
        int seen = times[s.candidates[t]];
        if (is_among(got, TAKEN, s.candidates[t]))
            assert_int_equal(seen, 0);
        else
            assert_true(seen > .9 * mean && seen < 1.1 * mean);
    }
    expect_ok(
        nearest_positives(ctx, &s.in, stream, (ROUNDS - 1) * P, again, P));
    assert_memory_equal(got, again, sizeof got);
    expect_ok(nearest_positives(ctx, &s.in, stream, 0, again, P));
    assert_memory_equal(got, again, TAKEN * sizeof *got);
    assert_memory_not_equal(got, again, sizeof got);
    end(ctx, &s);
}

static void refused(void **state)
{
    (void)state;
    scene s;
    int64_t got[20];
    expect_ok(begin(ctx, &s, 4, 2, 3, 30, 0));
    nearest_input in = s.in;
    expect_error(nearest_positives(ctx, &in, stream, 0, got, 21),
                 DRIFT_ERROR_USAGE, "21 positives cannot be chosen from 20");
    in.share = 1.01f;
    expect_error(nearest_positives(ctx, &in, stream, 0, got, 5),
                 DRIFT_ERROR_USAGE, "the share 1.01");
    in = s.in;
    in.family = 0;
    expect_error(nearest_positives(ctx, &in, stream, 0, got, 5),
                 DRIFT_ERROR_SHAPE, "of 1 numbers");
    in.family = 2;
    expect_error(nearest_positives(ctx, &in, stream, 0, got, 5),
                 DRIFT_ERROR_SHAPE, "of 0 numbers");
    s.candidates[4] = s.candidates[3];
    expect_error(nearest_positives(ctx, &s.in, stream, 0, got, 5),
                 DRIFT_ERROR_USAGE, "ascending");
    s.candidates[4]++;
    s.x[7] = NAN;
    expect_ok(tensor_write(ctx, &s.gen, s.x));
    expect_error(nearest_positives(ctx, &s.in, stream, 0, got, 5),
                 DRIFT_ERROR_NUMBER, "generated sample 1 to image 1 is not");
    end(ctx, &s);
}

static drift_status choose(drift_context *c, void *arg)
{
    drift_status status = DRIFT_OK;
    scene s = {0};
    int64_t got[8];
    (void)arg;
    TRY(begin(c, &s, 3, 1, 9, 30, 0));
    s.in.share = .5f;
    TRY(nearest_positives(c, &s.in, stream, 0, got, 8));
out:
    end(c, &s);
    return status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    sweep_memory(choose, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_double_loop),
        cmocka_unit_test(draws_are_even),
        cmocka_unit_test(refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
