/* Banks to the letter: rings that forget the oldest, labels from the last
 * batch, draws with and without replacement. What a ring holds after each push
 * is held against the release's by golden-check (jax/bank). */
#include "drift/bank.h"
#include "unit.h"
#include "sweep.h"

static rng_stream stream(uint64_t step)
{
    return (rng_stream){11, RNG_POSITIVE, step};
}

/* Samples first ... last-1, sample i of class i % classes. */
static void push(bank *b, int64_t first, int64_t last, int classes)
{
    int64_t index[200];
    int label[200];
    size_t n = 0;
    for (int64_t i = first; i < last; i++, n++) {
        index[n] = i;
        label[n] = (int)(i % classes);
    }
    expect_ok(bank_push(b, index, label, n));
}

/* How often each of 0 ... count-1 is among n draws; other numbers fail. */
static void count_draws(const int64_t *draw, size_t n, int *times, size_t count)
{
    for (size_t i = 0; i < n; i++) {
        assert_in_range(draw[i], 0, count - 1);
        times[draw[i]]++;
    }
}

/* Rings of 4 and 10 slots, classes 0, 1, 2 in turn: the last 4 of a class and
 * the last 10 of all are left. */
static void rings_forget_the_oldest(void **state)
{
    (void)state;
    bank *b;
    int64_t draw[10];
    expect_ok(bank_new(ctx, 3, 4, 10, &b));
    push(b, 0, 20, 3);
    push(b, 20, 30, 3);
    for (int c = 0; c < 3; c++) {
        int times[30] = {0};
        assert_int_equal(b->by_class.count[c], 4);
        expect_ok(bank_positives(b, c, stream(0), 0, draw, 4));
        count_draws(draw, 4, times, 30);
        for (int i = 0; i < 30; i++)
            assert_int_equal(times[i], i >= 18 && i % 3 == c);
    }
    int times[30] = {0};
    expect_ok(bank_negatives(b, stream(0), 0, draw, 10));
    count_draws(draw, 10, times, 30);
    for (int i = 0; i < 30; i++)
        assert_int_equal(times[i], i >= 20);
    bank_free(b);
}

/* From a ring that holds enough, each sample at most once, each as often as
 * the others; from a smaller one with replacement. */
static void draws_are_even(void **state)
{
    (void)state;
    enum { HELD = 12, ROUNDS = 6000 };
    static const size_t asked[] = {1, 5, 11, 12, 13, 30};
    bank *b;
    expect_ok(bank_new(ctx, 1, HELD, HELD, &b));
    push(b, 0, HELD, 1);
    for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
        size_t n = asked[k];
        int total[HELD] = {0}, repeats = 0;
        for (uint64_t r = 0; r < ROUNDS; r++) {
            int64_t draw[30];
            int times[HELD] = {0};
            /* As a step does: one stream, a stretch for each entry. */
            expect_ok(bank_positives(b, 0, stream(r / 8), r % 8 * n, draw, n));
            count_draws(draw, n, times, HELD);
            for (int i = 0; i < HELD; i++) {
                repeats += times[i] > 1;
                total[i] += times[i];
            }
        }
        assert_true(n > HELD ? repeats > ROUNDS : repeats == 0);
        double mean = (double)(ROUNDS * n) / HELD;
        for (int i = 0; i < HELD; i++)
            if (total[i] < .9 * mean || total[i] > 1.1 * mean)
                fail_msg("%zu of %d: %d draws of %d, mean %g", n, HELD,
                         total[i], i, mean);
    }
    bank_free(b);
}

/* The same words give the same draw, others another. */
static void draws_follow_their_stream(void **state)
{
    (void)state;
    bank *b;
    int64_t x[20], y[20];
    expect_ok(bank_new(ctx, 2, 100, 200, &b));
    push(b, 0, 200, 2);
    expect_ok(bank_negatives(b, stream(4), 40, x, 20));
    expect_ok(bank_negatives(b, stream(4), 40, y, 20));
    assert_memory_equal(x, y, sizeof x);
    /* Each class entry draws its own. */
    expect_ok(bank_negatives(b, stream(4), 60, y, 20));
    assert_memory_not_equal(x, y, sizeof x);
    expect_ok(bank_negatives(b, stream(5), 40, y, 20));
    assert_memory_not_equal(x, y, sizeof x);
    bank_free(b);
}

/* Labels of the last batch, each at most as often as there. */
static void labels_come_from_the_last_batch(void **state)
{
    (void)state;
    static const int64_t index[] = {1, 2, 3, 4, 5, 6};
    static const int old[] = {3, 3, 3, 3, 3, 3}, label[] = {0, 1, 1, 1, 2, 4};
    static const int there[] = {1, 3, 1, 0, 1};
    int out[7], total[5] = {0};
    bank *b;
    expect_ok(bank_new(ctx, 5, 8, 8, &b));
    expect_error(bank_labels(b, stream(0), out, 1), DRIFT_ERROR_USAGE,
                 "a batch of 0");
    expect_ok(bank_push(b, index, old, 6));
    expect_ok(bank_push(b, index, label, 6));
    for (uint64_t r = 0; r < 4000; r++) {
        int times[5] = {0};
        expect_ok(bank_labels(b, stream(r), out, 3));
        for (int i = 0; i < 3; i++)
            times[out[i]]++;
        for (int c = 0; c < 5; c++) {
            assert_in_range(times[c], 0, there[c]);
            total[c] += times[c];
        }
    }
    for (int c = 0; c < 5; c++) /* 3 of 6 each round */
        assert_in_range(total[c], 1900 * there[c], 2100 * there[c]);
    expect_error(bank_labels(b, stream(0), out, 7), DRIFT_ERROR_USAGE,
                 "7 classes a step cannot be drawn from a batch of 6");
    bank_free(b);
}

static void whole_set(void **state)
{
    (void)state;
    static const int labels[] = {2, 0, 1, 2, 2, 0, 1, 2};
    static const int bad[] = {0, 1, 3}, gap[] = {0, 2, 2};
    int out[8];
    int64_t draw[8], one = 0;
    bank *b;
    expect_ok(bank_new_whole(ctx, 3, labels, 8, &b));
    for (int c = 0; c < 3; c++) {
        int times[8] = {0};
        size_t n = c == 2 ? 4 : 2;
        expect_ok(bank_positives(b, c, stream(1), 0, draw, n));
        count_draws(draw, n, times, 8);
        for (int i = 0; i < 8; i++)
            assert_int_equal(times[i], labels[i] == c);
    }
    int times[8] = {0};
    expect_ok(bank_negatives(b, stream(1), 0, draw, 8));
    count_draws(draw, 8, times, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(times[i], 1);
    /* More entries than classes: permutations one after the other. */
    for (uint64_t r = 0; r < 100; r++) {
        expect_ok(bank_labels(b, stream(r), out, 8));
        assert_int_equal(out[0] + out[1] + out[2], 3);
        assert_int_equal(out[3] + out[4] + out[5], 3);
        assert_true(out[0] != out[1] && out[1] != out[2] && out[0] != out[2]);
        assert_true(out[6] != out[7]);
    }
    expect_error(bank_push(b, &one, labels, 1), DRIFT_ERROR_USAGE,
                 "the whole set");
    bank_free(b);
    expect_error(bank_new_whole(ctx, 3, bad, 3, &b), DRIFT_ERROR_FORMAT,
                 "label 3 is not within 0 and 2");
    assert_null(b);
    expect_error(bank_new_whole(ctx, 3, gap, 3, &b), DRIFT_ERROR_FORMAT,
                 "class 1 has no sample");
    assert_null(b);
}

static void refused(void **state)
{
    (void)state;
    static const int64_t index[] = {5, 6};
    static const int label[] = {1, 2}, low[] = {0, -1};
    int64_t draw[2];
    bank *b;
    expect_error(bank_new(ctx, 2, 0, 4, &b), DRIFT_ERROR_SHAPE,
                 "without slots");
    assert_null(b);
    expect_error(bank_new(ctx, 0, 4, 4, &b), DRIFT_ERROR_SHAPE, "0 classes");
    assert_null(b);
    expect_ok(bank_new(ctx, 2, 4, 4, &b));
    expect_error(bank_negatives(b, stream(0), 0, draw, 1), DRIFT_ERROR_FORMAT,
                 "the bank is empty");
    /* Nothing of a batch with a wrong label goes in. */
    expect_error(bank_push(b, index, label, 2), DRIFT_ERROR_FORMAT,
                 "label 2 is not within 0 and 1");
    expect_error(bank_push(b, index, low, 2), DRIFT_ERROR_FORMAT, "label -1");
    assert_int_equal(b->all.count[0], 0);
    expect_ok(bank_push(b, index, label, 1));
    expect_error(bank_positives(b, 0, stream(0), 0, draw, 2),
                 DRIFT_ERROR_FORMAT, "class 0 has no sample in the bank");
    expect_error(bank_positives(b, 2, stream(0), 0, draw, 2),
                 DRIFT_ERROR_FORMAT, "label 2");
    expect_ok(bank_positives(b, 1, stream(0), 0, draw, 2));
    assert_int_equal(draw[0], 5);
    assert_int_equal(draw[1], 5);
    bank_free(b);
    bank_free(NULL);
}

static drift_status fill(drift_context *c, void *arg)
{
    static const int64_t index[] = {0, 1, 2};
    static const int label[] = {0, 1, 1};
    drift_status status = DRIFT_OK;
    bank *b = NULL, *whole = NULL;
    int out[3];
    (void)arg;
    TRY(bank_new(c, 2, 4, 4, &b));
    TRY(bank_push(b, index, label, 3));
    TRY(bank_labels(b, stream(0), out, 3));
    TRY(bank_new_whole(c, 2, label, 3, &whole));
out:
    bank_free(b);
    bank_free(whole);
    return status;
}

static void memory_runs_out(void **state)
{
    (void)state;
    sweep_memory(fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_forget_the_oldest),
        cmocka_unit_test(draws_are_even),
        cmocka_unit_test(draws_follow_their_stream),
        cmocka_unit_test(labels_come_from_the_last_batch),
        cmocka_unit_test(whole_set),
        cmocka_unit_test(refused),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
