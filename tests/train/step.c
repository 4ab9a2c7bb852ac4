/* Training steps as numbers: the loss, cutting, threads, resuming, memory,
 * NaN. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* -- schedules ---------------------------------------------------------- */

static void schedule(void **state)
{
    (void)state;
    optimizer_config c = {.lr = 4e-3, .warmup_steps = 4, .total_steps = 10};
    assert_true(fabs(optimizer_rate(&c, 0) - 1e-6) < 1e-18);
    assert_true(fabs(optimizer_rate(&c, 2) - (4e-3 + 1e-6) / 2) < 1e-18);
    assert_true(fabs(optimizer_rate(&c, 4) - 4e-3) < 1e-18);
    assert_true(fabs(optimizer_rate(&c, 1000) - 4e-3) < 1e-18);
    c.schedule = SCHEDULE_COSINE;
    assert_true(fabs(optimizer_rate(&c, 4) - 4e-3) < 1e-18);
    assert_true(fabs(optimizer_rate(&c, 7) - 4e-3 * (1 + 1e-6) / 2) < 1e-9);
    assert_true(fabs(optimizer_rate(&c, 10) - 4e-9) < 1e-15);
    assert_true(fabs(optimizer_rate(&c, 99) - 4e-9) < 1e-15);
    c.warmup_steps = 0;
    assert_true(fabs(optimizer_rate(&c, 0) - 4e-3) < 1e-18);
}

/* -- learning ----------------------------------------------------------- */

/* The raw drift of the widest kernel falls (the narrow ones soon only see how
 * few the samples are): first three steps against the last ten. */
static void learn(const char *const *base, const char *const more[3],
                  int64_t steps, double share)
{
    drift_context *ctx = open_context(1);
    config *c = configure(ctx, base, "drift.micro_batch=17", more[0], more[1],
                          more[2], NULL);
    char *folder = scratch_new();
    char *run = path_in(folder, "run");
    drift_trainer *t;
    double first = 0, last = 0;
    OK(ctx, drift_trainer_new(ctx, c, run, 0, &t));
    for (int64_t i = 0; i < steps; i++) {
        drift_progress p;
        OK(ctx, drift_trainer_step(t, &p));
        assert_int_equal(p.step, i + 1);
        assert_true(isfinite(p.loss) && isfinite(p.grad_norm));
        assert_true(p.spread > 0);
        for (int j = 0; j < p.temperatures; j++)
            assert_true(p.drift[j] > 0 && p.ess[j] >= 1 - 1e-5);
        if (i < 3)
            first += p.drift[p.temperatures - 1] / 3;
        if (i >= steps - 10)
            last += p.drift[p.temperatures - 1] / 10;
    }
    print_message("raw drift of the last steps / the first: %.3f\n",
                  last / first);
    assert_true(last < share * first);
    drift_trainer_free(t);
    mem_free(run);
    scratch_remove(folder);
    config_free(c);
    drift_context_close(ctx);
}

static void toy_learns(void **state)
{
    (void)state;
    static const char *const more[] = {"drift.generated=64",
                                       "drift.positives=128", "run.seed=1"};
    learn(toy_base, more, 100, .85);
}

static void digits_learn(void **state)
{
    (void)state;
    static const char *const more[] = {"data.classes=1", "drift.generated=32",
                                       "drift.positives=128"};
    learn(image_base, more, 30, .85);
}

/* -- the same numbers --------------------------------------------------- */

static void threads_agree(void **state)
{
    (void)state;
    static const char *const *const bases[] = {toy_base, image_base};
    for (int i = 0; i < 2; i++) {
        char *folder = scratch_new();
        char *one = path_in(folder, "one"), *four = path_in(folder, "four");
        drift_context *ctx = open_context(1);
        config *c = configure(ctx, bases[i], NULL);
        run_steps(ctx, c, one, 1 + !i);
        config_free(c);
        drift_context_close(ctx);
        ctx = open_context(4);
        c = configure(ctx, bases[i], NULL);
        run_steps(ctx, c, four, 1 + !i);
        expect_same_state(ctx, one, four);
        config_free(c);
        drift_context_close(ctx);
        mem_free(one);
        mem_free(four);
        scratch_remove(folder);
    }
}

/* Four steps, and two, closed, two more with other threads: with rings and a
 * constant rate; with the whole set, mirrored images, a cosine and parts. */
static void resume_agrees(void **state)
{
    (void)state;
    static const char *const variants[][4] = {
        {"drift.bank=8", "optimizer.schedule=constant", "data.flip=false",
         "drift.micro_batch=0"},
        {"drift.bank=0", "optimizer.schedule=cosine", "data.flip=true",
         "drift.micro_batch=7"},
        /* The cut is made again, whatever the pictures take. */
        {"drift.bank=8", "drift.generated=40", "run.preview_count=500",
         "drift.memory=125 MiB"}};
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const char *const *v = variants[i];
        char *folder = scratch_new();
        char *whole = path_in(folder, "whole"), *cut = path_in(folder, "cut");
        drift_context *ctx = open_context(1);
        config *c =
            configure(ctx, image_base, "run.steps=4", "optimizer.ema=0.9,0.5",
                      v[0], v[1], v[2], v[3], NULL);
        drift_trainer *t;
        drift_progress p;
        run_steps(ctx, c, whole, 4);
        run_steps(ctx, c, cut, 2);
        config_free(c);
        drift_context_close(ctx);
        ctx = open_context(2);
        OK(ctx, drift_trainer_resume(ctx, DRIFT_GENERATOR, cut, NULL, 0, &t));
        for (int k = 0; k < 2; k++)
            OK(ctx, drift_trainer_step(t, &p));
        assert_int_equal(p.step, 4);
        assert_true(p.done);
        drift_trainer_free(t);
        expect_same_state(ctx, whole, cut);
        drift_context_close(ctx);
        mem_free(whole);
        mem_free(cut);
        scratch_remove(folder);
    }
}

/* -- cutting ------------------------------------------------------------ */

/* The gradient of the first step, to be freed. */
static float *gradient(const char *const *base, const char *a, const char *b,
                       size_t *count, size_t *parts, size_t *kept)
{
    fixture f;
    fixture_open(&f, open_context(1), base, a, b);
    OK(f.ctx, step_draw(&f.step, 0));
    OK(f.ctx, step_gradient(&f.step));
    *count = f.generator->params.total;
    *parts = f.step.part_count;
    *kept = 0;
    for (size_t i = 0; i < *parts; i++)
        *kept += f.step.parts[i].keeps != 0;
    float *g = mem_alloc(NULL, *count, sizeof *g);
    assert_non_null(g);
    OK(f.ctx, tensor_read(f.ctx, &f.generator->params.grad, g));
    fixture_close(&f);
    return g;
}

static void cuts_agree(void **state)
{
    (void)state;
    static const char *const *const bases[] = {toy_base, image_base};
    static const char *const cuts[] = {"drift.micro_batch=1",
                                       "drift.micro_batch=7"};
    for (int i = 0; i < 2; i++) {
        size_t count, n, parts, kept;
        float *all = gradient(bases[i], "drift.micro_batch=100000",
                              "run.seed=3", &count, &parts, &kept);
        assert_int_equal(parts, 1);
        for (int k = 0; k < 2; k++) {
            float *g =
                gradient(bases[i], cuts[k], "run.seed=3", &n, &parts, &kept);
            assert_true(parts > 5 && kept == parts);
            double error = apart(g, all, count);
            print_message("%s: %zu parts, gradient off by %.2g\n", cuts[k],
                          parts, error);
            /* Sums of at most 64 samples' parts in another order. */
            assert_true(error < 64 * FLT_EPSILON);
            mem_free(g);
        }
        mem_free(all);
    }
}

/* Most tensor memory that the pool held during the gradient of a first step,
 * with the base's configuration and two keys. */
static size_t most_held(const char *const *base, const char *a, const char *b)
{
    fixture f;
    fixture_open(&f, open_context(1), base, a, b);
    OK(f.ctx, step_draw(&f.step, 0));
    pool_reset_peak(f.ctx);
    OK(f.ctx, step_gradient(&f.step));
    size_t held = pool_get_stats(f.ctx).held;
    fixture_close(&f);
    return held;
}

#define RESERVE ((size_t)96 << 20) /* for all that is no tensor (cut.c) */

/* A bound that leaves room for some of the tapes: less is kept, the numbers
 * are the same to the bit as with the same cut and all kept. */
static void some_are_kept(void **state)
{
    (void)state;
    size_t count, n, parts, kept;
    float *all = gradient(image_base, "drift.generated=40",
                          "drift.micro_batch=5", &count, &parts, &kept);
    size_t most =
        most_held(image_base, "drift.generated=40", "drift.micro_batch=5");
    /* The field may have an eighth of the bound. */
    size_t bound = (RESERVE + most * 5 / 8) / 7 * 8;
    const char *base[64];
    char text[64];
    size_t used = 0;
    snprintf(text, sizeof text, "drift.memory=%zu", bound);
    for (; image_base[used]; used++)
        base[used] = image_base[used];
    base[used++] = text;
    base[used] = NULL;
    float *g = gradient(base, "drift.generated=40", "drift.micro_batch=5", &n,
                        &parts, &kept);
    print_message("peak %zu kB unbounded; %zu of %zu parts kept in %zu kB\n",
                  most >> 10, kept, parts, bound >> 10);
    assert_true(kept && kept < parts);
    assert_memory_equal(g, all, count * sizeof *g);
    mem_free(g);
    mem_free(all);
}

/* What is no tensor counts too, so only a step that takes much more than the
 * reserve shows whether the bound holds. */
static void memory_is_bounded(void **state)
{
    (void)state;
    const char *many = "drift.generated=200", *bound = "drift.memory=160 MiB";
    size_t tensors = ((size_t)160 << 20) - RESERVE;
    size_t most = most_held(image_base, many, "drift.memory=0");
    size_t held = most_held(image_base, many, bound);
    print_message("%zu kB unbounded, %zu of %zu kB bounded\n", most >> 10,
                  held >> 10, tensors >> 10);
    assert_true(most > 3 * tensors / 2);
    assert_true(held <= tensors);
}

/* Found at the start; the bound that the text names is enough. */
static void too_little_memory(void **state)
{
    (void)state;
    static const char *const bounds[] = {"drift.memory=1000",
                                         "drift.memory=100MiB"};
    for (int i = 0; i < 2; i++) {
        drift_context *ctx = open_context(1);
        config *c = configure(ctx, image_base, bounds[i], NULL);
        char *folder = scratch_new(), *run = path_in(folder, "run");
        char enough[64];
        long mib = 0;
        drift_trainer *t;
        assert_int_equal(drift_trainer_new(ctx, c, run, 0, &t),
                         DRIFT_ERROR_USAGE);
        assert_non_null(strstr(drift_error_text(ctx), "drift.memory"));
        const char *least = strstr(drift_error_text(ctx), "at least ");
        assert_non_null(least);
        assert_int_equal(sscanf(least, "at least %ld MiB", &mib), 1);
        drift_error_clear(ctx);
        snprintf(enough, sizeof enough, "drift.memory=%ldMiB", mib);
        OK(ctx, drift_config_set(ctx, c, enough));
        OK(ctx, drift_trainer_new(ctx, c, run, 0, &t));
        OK(ctx, drift_trainer_step(t, NULL));
        drift_trainer_free(t);
        config_free(c);
        mem_free(run);
        scratch_remove(folder);
        drift_context_close(ctx);
    }
}

/* After the first step no tensor memory is asked from the device. */
static void memory_is_reused(void **state)
{
    (void)state;
    static const char *const *const bases[] = {toy_base, image_base};
    static const char *const cuts[] = {"drift.micro_batch=7",
                                       "drift.micro_batch=0"};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            fixture f;
            fixture_open(&f, open_context(1), bases[i], cuts[k], "run.seed=1");
            OK(f.ctx, step_run(&f.step, 0, 1));
            OK(f.ctx, step_spread(&f.step));
            size_t asked = pool_get_stats(f.ctx).device_allocations;
            for (int64_t n = 1; n < 4; n++) {
                OK(f.ctx, step_run(&f.step, n, 0));
                OK(f.ctx, step_spread(&f.step));
            }
            assert_int_equal(pool_get_stats(f.ctx).device_allocations, asked);
            fixture_close(&f);
        }
}

/* -- NaN ---------------------------------------------------------------- */

static void poison(drift_context *ctx, tensor *t)
{
    float bad = NAN;
    tensor one = tensor_view(t, 0, SHAPE(1));
    OK(ctx, tensor_write(ctx, &one, &bad));
}

static void nan_stops(void **state)
{
    (void)state;
    drift_context *ctx = open_context(2);
    config *c = configure(ctx, toy_base, NULL);
    char *folder = scratch_new();
    char *run = path_in(folder, "run");
    char *latest = path_in(run, "checkpoints/latest.safetensors");
    char *failed = path_in(run, "checkpoints/failed-000003.safetensors");
    drift_trainer *t;
    checkpoint file;
    OK(ctx, drift_trainer_new(ctx, c, run, 0, &t));
    OK(ctx, drift_trainer_step(t, NULL));
    OK(ctx, drift_trainer_save(t));
    OK(ctx, drift_trainer_step(t, NULL));
    for (size_t i = 0; i < t->generator->params.count; i++) {
        tensor w = params_view(&t->generator->params,
                               &t->generator->params.value, (int)i);
        poison(ctx, &w);
    }
    assert_int_equal(drift_trainer_step(t, NULL), DRIFT_ERROR_NUMBER);
    assert_non_null(strstr(drift_error_text(ctx), "step 3"));
    assert_non_null(strstr(drift_error_text(ctx), "global"));
    assert_non_null(strstr(drift_error_text(ctx), failed));
    drift_trainer_free(t);
    drift_error_clear(ctx);
    OK(ctx, checkpoint_open(ctx, latest, &file));
    assert_int_equal(file.facts.step, 1);
    checkpoint_close(&file);
    OK(ctx, checkpoint_open(ctx, failed, &file));
    assert_int_equal(file.facts.step, 2);
    checkpoint_close(&file);
    mem_free(failed);
    mem_free(latest);
    mem_free(run);
    scratch_remove(folder);
    config_free(c);
    drift_context_close(ctx);
}

/* A gradient whose norm is not finite, though the drift is: inner weights so
 * small and outer ones so large that the samples are as before. */
static void bad_gradient_stops(void **state)
{
    (void)state;
    drift_context *ctx = open_context(1);
    config *c = configure(ctx, toy_base, "generator.depth=1", NULL);
    char *folder = scratch_new();
    char *run = path_in(folder, "run");
    char *failed = path_in(run, "checkpoints/failed-000002.safetensors");
    drift_trainer *t;
    checkpoint file;
    OK(ctx, drift_trainer_new(ctx, c, run, 0, &t));
    OK(ctx, drift_trainer_step(t, NULL));
    params *p = &t->generator->params;
    for (size_t i = 0; i < p->count; i++) {
        tensor w = params_view(p, &p->value, (int)i);
        int outer = !strcmp(p->list[i].name, "layers.1.weight");
        OK(ctx, op_add_fwd(ctx, &w, &w, NULL, outer ? 1e25f : 1e-25f, 0));
    }
    assert_int_equal(drift_trainer_step(t, NULL), DRIFT_ERROR_NUMBER);
    const char *text = drift_error_text(ctx);
    assert_non_null(strstr(text, "step 2"));
    assert_non_null(strstr(text, failed));
    assert_non_null(strstr(text, "family 'global'"));
    assert_non_null(strstr(text, "gradient of part"));
    drift_trainer_free(t);
    drift_error_clear(ctx);
    OK(ctx, checkpoint_open(ctx, failed, &file));
    assert_int_equal(file.facts.step, 1);
    checkpoint_close(&file);
    mem_free(failed);
    mem_free(run);
    scratch_remove(folder);
    config_free(c);
    drift_context_close(ctx);
}

/* A bad gradient is named by its part of the network. */
static void bad_gradient(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f, open_context(1), toy_base, "run.seed=1", "run.seed=1");
    params *p = &f.generator->params;
    OK(f.ctx, op_fill(f.ctx, &p->grad, 1));
    OK(f.ctx, optimizer_norms(&f.optimizer));
    OK(f.ctx, optimizer_read(&f.optimizer));
    double sum = 0;
    for (size_t k = 0; k < p->part_count; k++)
        sum += f.optimizer.part_norms[k] * f.optimizer.part_norms[k];
    assert_true(fabs(sqrt(sum) / f.optimizer.grad_norm - 1) < 1e-12);
    tensor last = params_view(p, &p->grad, (int)p->count - 1);
    poison(f.ctx, &last);
    OK(f.ctx, optimizer_norms(&f.optimizer));
    assert_int_equal(optimizer_read(&f.optimizer), DRIFT_ERROR_NUMBER);
    assert_non_null(
        strstr(drift_error_text(f.ctx), p->parts[p->list[p->count - 1].part]));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule),
        cmocka_unit_test(toy_learns),
        cmocka_unit_test(digits_learn),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(resume_agrees),
        cmocka_unit_test(cuts_agree),
        cmocka_unit_test(some_are_kept),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(too_little_memory),
        cmocka_unit_test(memory_is_reused),
        cmocka_unit_test(nan_stops),
        cmocka_unit_test(bad_gradient_stops),
        cmocka_unit_test(bad_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
