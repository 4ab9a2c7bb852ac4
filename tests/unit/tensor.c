/* Tensors and their pool: shapes, views, counts, reuse, memory that runs
 * out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/threads.h"
#include "ops/ops.h"
#include "sweep.h"

static drift_context *ctx;

static int setup(void **state)
{
    (void)state;
    return drift_context_open(&ctx, NULL) != DRIFT_OK;
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return 0;
}

static void shapes(void **state)
{
    (void)state;
    char text[SHAPE_TEXT];
    assert_string_equal(shape_text(SHAPE(2, 3, 4), text), "[2,3,4]");
    assert_int_equal(shape_count(SHAPE(2, 3, 4)), 24);
    shape none = {.ndim = 0};
    assert_string_equal(shape_text(none, text), "[]");
    assert_int_equal(shape_count(none), 1);
    size_t most = SIZE_MAX;
    shape widest = SHAPE(most, most, most, most, most);
    assert_int_equal(shape_text(widest, text)[strlen(text) - 1], ']');
    assert_true(shape_equal(SHAPE(2, 3), SHAPE(2, 3)));
    assert_false(shape_equal(SHAPE(2, 3), SHAPE(3, 2)));
    assert_false(shape_equal(SHAPE(2, 3), SHAPE(2, 3, 1)));
}

static void too_large(void **state)
{
    (void)state;
    tensor t;
    size_t half = SIZE_MAX / 16;
    assert_int_equal(tensor_new(ctx, &t, DTYPE_F32, SHAPE(half, 3)),
                     DRIFT_ERROR_SHAPE);
    assert_non_null(strstr(drift_error_text(ctx), "tensor too large"));
    drift_error_clear(ctx);
    assert_null(t.block);
    tensor_free(ctx, &t);
}

static void views(void **state)
{
    (void)state;
    tensor t;
    float numbers[24], got[6];
    for (int i = 0; i < 24; i++)
        numbers[i] = (float)i;
    assert_int_equal(tensor_new(ctx, &t, DTYPE_F32, SHAPE(2, 3, 4)), DRIFT_OK);
    assert_int_equal(tensor_write(ctx, &t, numbers), DRIFT_OK);
    tensor v = tensor_view(&t, 5, SHAPE(2, 3));
    assert_int_equal(tensor_read(ctx, &v, got), DRIFT_OK);
    assert_memory_equal(got, numbers + 5, sizeof got);
    tensor w = tensor_view(&v, 2, SHAPE(3));
    assert_int_equal(tensor_read(ctx, &w, got), DRIFT_OK);
    assert_memory_equal(got, numbers + 7, 3 * sizeof *got);
    tensor r = tensor_reshape(&t, SHAPE(24));
    assert_int_equal(tensor_count(&r), 24);

    /* A second owner keeps the memory. */
    size_t used = pool_get_stats(ctx).used;
    tensor s = tensor_share(&t);
    tensor_free(ctx, &t);
    assert_int_equal(pool_get_stats(ctx).used, used);
    assert_int_equal(tensor_read(ctx, &s, numbers), DRIFT_OK);
    tensor_free(ctx, &s);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    tensor_free(ctx, &s); /* again: harmless */
}

/* A round as a training step does it: several sizes, some freed early. */
static drift_status one_round(drift_context *c, void *arg)
{
    drift_status status = DRIFT_OK;
    tensor a = {0}, b = {0}, y = {0}, mean = {0}, rstd = {0}, dx = {0},
           dw = {0};
    (void)arg;
    TRY(tensor_new(c, &a, DTYPE_F32, SHAPE(4, 5, 6)));
    TRY(tensor_new(c, &b, DTYPE_F32, SHAPE(1000)));
    TRY(op_fill(c, &a, 1));
    tensor_free(c, &b);
    TRY(tensor_new(c, &y, DTYPE_F32, SHAPE(4, 5, 6)));
    TRY(tensor_new(c, &mean, DTYPE_F32, SHAPE(4, 2)));
    TRY(tensor_new(c, &rstd, DTYPE_F32, SHAPE(4, 2)));
    TRY(op_groupnorm_fwd(c, &y, &mean, &rstd, &a, NULL, NULL, NULL, 2, 1e-5f,
                         ACT_NONE));
    TRY(tensor_new(c, &dx, DTYPE_F32, SHAPE(4, 5, 6)));
    TRY(tensor_new(c, &dw, DTYPE_F32, SHAPE(6)));
    TRY(op_fill(c, &dx, 0));
    TRY(op_fill(c, &dw, 0));
    TRY(op_groupnorm_bwd(c, &dx, &dw, NULL, NULL, &y, &a, NULL, NULL, NULL,
                         &mean, &rstd, 2, ACT_SILU));
out:
    tensor_free(c, &a);
    tensor_free(c, &b);
    tensor_free(c, &y);
    tensor_free(c, &mean);
    tensor_free(c, &rstd);
    tensor_free(c, &dx);
    tensor_free(c, &dw);
    return status;
}

static void second_round_allocates_nothing(void **state)
{
    (void)state;
    assert_int_equal(one_round(ctx, NULL), DRIFT_OK);
    size_t asked = pool_get_stats(ctx).device_allocations;
    assert_true(asked > 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(one_round(ctx, NULL), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).device_allocations, asked);
    assert_int_equal(pool_get_stats(ctx).used, 0);
}

/* A context's number of threads holds for its ops, whoever set another. */
static void own_threads(void **state)
{
    drift_context *c;
    drift_options options = {.threads = 3};
    tensor t = {0};
    (void)state;
    assert_int_equal(drift_context_open(&c, &options), DRIFT_OK);
    int three = threads_get(); /* 1: built without OpenMP */
    threads_set(1);
    assert_int_equal(tensor_new(c, &t, DTYPE_F32, SHAPE(5)), DRIFT_OK);
    assert_int_equal(op_fill(c, &t, 1), DRIFT_OK);
    assert_int_equal(threads_get(), three);
    tensor_free(c, &t);
    drift_context_close(c);
    threads_set(0);
}

static void pool_counts(void **state)
{
    (void)state;
    tensor a, b;
    pool_trim(ctx);
    assert_int_equal(pool_get_stats(ctx).idle, 0);
    pool_reset_peak(ctx);
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(1000)), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &b, DTYPE_I32, SHAPE(500)), DRIFT_OK);
    pool_stats s = pool_get_stats(ctx);
    assert_true(s.used >= 6000 && s.used < 7000);
    assert_int_equal(s.peak, s.used);
    tensor_free(ctx, &a);
    assert_int_equal(pool_get_stats(ctx).peak, s.peak);
    assert_true(pool_get_stats(ctx).idle >= 4000);
    /* A block a quarter too large fits, a much larger one does not. */
    size_t asked = pool_get_stats(ctx).device_allocations;
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(900)), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).device_allocations, asked);
    tensor_free(ctx, &a);
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(100)), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).device_allocations, asked + 1);
    tensor_free(ctx, &a);
    tensor_free(ctx, &b);
    assert_int_equal(pool_get_stats(ctx).used, 0);
    pool_trim(ctx);
    assert_int_equal(pool_get_stats(ctx).idle, 0);
    pool_reset_peak(ctx);
    assert_int_equal(pool_get_stats(ctx).peak, 0);
}

/* What is idle goes before more than the bound is held, the largest first;
 * what is in use may go beyond it. */
static void idle_is_bounded(void **state)
{
    (void)state;
    tensor a, b, c;
    pool_trim(ctx);
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(1024)), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &b, DTYPE_F32, SHAPE(512)), DRIFT_OK);
    tensor_free(ctx, &a);
    tensor_free(ctx, &b);
    pool_limit(ctx, 5000);
    assert_int_equal(pool_get_stats(ctx).idle, 2048);
    pool_reset_peak(ctx);
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(704)), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).held, 2048 + 2816);
    assert_int_equal(tensor_new(ctx, &b, DTYPE_F32, SHAPE(128)), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).idle, 0);
    assert_int_equal(pool_get_stats(ctx).held, 2048 + 2816);
    assert_int_equal(tensor_new(ctx, &c, DTYPE_F32, SHAPE(1024)), DRIFT_OK);
    assert_int_equal(pool_get_stats(ctx).held, 2816 + 512 + 4096);
    tensor_free(ctx, &a);
    pool_limit(ctx, 0);
    tensor_free(ctx, &b);
    tensor_free(ctx, &c);
    assert_int_equal(pool_get_stats(ctx).idle, 2816 + 512 + 4096);
}

static void memory_runs_out(void **state)
{
    (void)state;
    sweep_memory(one_round, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(too_large),
        cmocka_unit_test(views),
        cmocka_unit_test(second_round_allocates_nothing),
        cmocka_unit_test(own_threads),
        cmocka_unit_test(pool_counts),
        cmocka_unit_test(idle_is_bounded),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
