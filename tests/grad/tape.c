/* The tape's bookkeeping: scopes, what stays in memory, seeds, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "slope.h"

#define ROWS  64
#define WIDTH 32
#define DEPTH 6

/* x += w2 silu(w1 rmsnorm(x)), DEPTH times; arg: values computed again. */
static var *network(slope *s, tape *t, void *arg)
{
    tape_open(t);
    var *x = slope_leaf(s, t, 0);
    for (int i = 0; i < DEPTH; i++) {
        tape_open(t);
        var *n = tape_rmsnorm(t, x, slope_leaf(s, t, 1), 1e-6f);
        n = tape_reshape(t, arg ? tape_again(t, n) : n, SHAPE(ROWS, WIDTH));
        n = tape_linear(t, n, slope_leaf(s, t, 2), slope_leaf(s, t, 3));
        n = tape_activation(t, n, ACT_SILU);
        n = tape_linear(t, arg ? tape_again(t, n) : n, slope_leaf(s, t, 4),
                        NULL);
        n = tape_close(t, tape_add(t, x, n, 1, 1));
        tape_drop(t, x);
        x = n;
    }
    return tape_close(t, x);
}

static void open_network(slope *s, int threads)
{
    *s =
        (slope){.ctx = slope_context(threads), .name = "network", .f = network};
    slope_add(s, SHAPE(ROWS, WIDTH), -1, 1);
    slope_add(s, SHAPE(WIDTH), 0.5, 1.5);
    slope_add(s, SHAPE(WIDTH, 2 * WIDTH), -0.2, 0.2);
    slope_add(s, SHAPE(2 * WIDTH), -0.2, 0.2);
    slope_add(s, SHAPE(2 * WIDTH, WIDTH), -0.2, 0.2);
}

static void close_network(slope *s)
{
    slope_free(s);
    assert_int_equal(pool_get_stats(s->ctx).used, 0);
    drift_context_close(s->ctx);
}

static size_t run_peak(slope *s, int record)
{
    size_t before = pool_get_stats(s->ctx).used;
    pool_reset_peak(s->ctx);
    slope_run(s, record);
    assert_int_equal(pool_get_stats(s->ctx).used, before);
    return pool_get_stats(s->ctx).peak - before;
}

static void memory(void **state)
{
    static int lean;
    slope s;
    (void)state;
    open_network(&s, 1);
    s.step = 1.0 / 2048; /* the weights are shared, the slope is steep */
    size_t row = ROWS * WIDTH * 4;
    slope_check(&s);
    size_t forward = run_peak(&s, 0), record = run_peak(&s, 1);
    size_t asked = pool_get_stats(s.ctx).device_allocations;
    assert_int_equal(run_peak(&s, 1), record);
    assert_int_equal(pool_get_stats(s.ctx).device_allocations, asked);
    /* Recording keeps x, its norm, 2 + 2 hidden; forward only, one block. */
    print_message("forward only %zu, all kept %zu bytes\n", forward, record);
    assert_true(record > DEPTH * 6 * row);
    assert_true(forward < 10 * row);
    /* Computed again: x, the norm's statistics, 2 hidden. */
    s.arg = &lean;
    slope_check(&s);
    size_t less = run_peak(&s, 1);
    assert_true(less < record * 3 / 4);
    print_message("computed again %zu bytes\n", less);
    /* Frozen weights: nothing is kept for their gradients. */
    s.arg = NULL;
    for (size_t i = 1; i < s.count; i++)
        s.frozen[i] = 1;
    size_t frozen = run_peak(&s, 1);
    assert_true(frozen < record - DEPTH * 2 * row);
    close_network(&s);
}

static void forward_only(void **state)
{
    float y[2][ROWS * WIDTH];
    slope s;
    (void)state;
    open_network(&s, 1);
    for (int record = 0; record < 2; record++) {
        tape *t;
        assert_int_equal(tape_new(s.ctx, record, &t), 0);
        var *v = network(&s, t, NULL);
        assert_non_null(v);
        assert_int_equal(tensor_read(s.ctx, &v->value, y[record]), 0);
        tape_free(t);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    close_network(&s);
}

static void threads(void **state)
{
    float grad[2][WIDTH * 2 * WIDTH];
    (void)state;
    for (int k = 0; k < 2; k++) {
        slope s;
        open_network(&s, k ? 4 : 1);
        slope_run(&s, 1);
        assert_int_equal(tensor_read(s.ctx, &s.grad[2], grad[k]), 0);
        close_network(&s);
    }
    assert_memory_equal(grad[0], grad[1], sizeof grad[0]);
}

/* -- scopes and misuse ---------------------------------------------------- */

typedef struct bench {
    drift_context *ctx;
    tape *t;
    tensor x, grad;
} bench;

static bench open_bench(int record)
{
    bench b = {.ctx = slope_context(1)};
    assert_int_equal(tape_new(b.ctx, record, &b.t), 0);
    assert_int_equal(tensor_new(b.ctx, &b.x, DTYPE_F32, SHAPE(4, 4)), 0);
    assert_int_equal(tensor_new(b.ctx, &b.grad, DTYPE_F32, SHAPE(4, 4)), 0);
    assert_int_equal(op_fill(b.ctx, &b.x, 1), 0);
    assert_int_equal(op_fill(b.ctx, &b.grad, 0), 0);
    return b;
}

static void close_bench(bench *b)
{
    tape_free(b->t);
    tensor_free(b->ctx, &b->x);
    tensor_free(b->ctx, &b->grad);
    assert_int_equal(pool_get_stats(b->ctx).used, 0);
    drift_context_close(b->ctx);
}

static void must_fail(bench *b, drift_status status, const char *text)
{
    assert_int_equal(tape_status(b->t), status);
    assert_non_null(strstr(drift_error_text(b->ctx), text));
    drift_error_clear(b->ctx);
    tape_reset(b->t, 1);
}

static void misuse(void **state)
{
    (void)state;
    bench b = open_bench(1);
    tape *t = b.t;
    /* A value from a closed scope, freed or still kept by a step. */
    for (int kept = 0; kept < 2; kept++) {
        var *x = tape_leaf(t, &b.x, &b.grad);
        tape_open(t);
        var *y = tape_add(t, x, NULL, 2, 0);
        if (kept)
            (void)tape_activation(t, y, ACT_SILU);
        assert_null(tape_close(t, NULL));
        assert_null(tape_activation(t, y, ACT_SILU));
        assert_null(tape_linear(t, x, x, NULL)); /* nothing more happens */
        must_fail(&b, DRIFT_ERROR_USAGE, "after its scope was closed");
    }
    assert_null(tape_close(t, NULL));
    must_fail(&b, DRIFT_ERROR_USAGE, "not open");
    var *x;
    /* Seeds. */
    x = tape_leaf(t, &b.x, &b.grad);
    tape_seed(t, x, &(tensor){.shape = SHAPE(2, 8)});
    must_fail(&b, DRIFT_ERROR_SHAPE, "another shape");
    tape_reset(t, 0);
    x = tape_leaf(t, &b.x, &b.grad);
    tape_seed(t, x, &b.x);
    must_fail(&b, DRIFT_ERROR_USAGE, "does not record");
    /* Shapes. */
    x = tape_leaf(t, &b.x, &b.grad);
    assert_null(tape_reshape(t, x, SHAPE(5, 3)));
    must_fail(&b, DRIFT_ERROR_SHAPE, "reshape");
    x = tape_leaf(t, &b.x, &b.grad);
    assert_null(tape_split(t, x, 2, 0, 1));
    must_fail(&b, DRIFT_ERROR_SHAPE, "split");
    x = tape_leaf(t, &b.x, &b.grad);
    assert_null(tape_split(t, x, 1, 3, 2));
    must_fail(&b, DRIFT_ERROR_SHAPE, "split");
    x = tape_leaf(t, &b.x, &b.grad);
    var *five[5] = {x, x, x, x, x};
    assert_null(tape_concat(t, 0, five, 5));
    must_fail(&b, DRIFT_ERROR_SHAPE, "concat");
    var *two[2] = {tape_leaf(t, &b.x, &b.grad), tape_input(t, &b.x)};
    assert_null(tape_concat(t, 3, two, 2));
    must_fail(&b, DRIFT_ERROR_SHAPE, "concat");
    x = tape_leaf(t, &b.x, &b.grad);
    assert_null(tape_patchify(t, x, 0, PATCH_PIXEL_MAJOR));
    tape_reset(t, 1);
    close_bench(&b);
}

static void scopes(void **state)
{
    (void)state;
    bench b = open_bench(0);
    tape *t = b.t;
    var *x = tape_constant(t, &b.x), *y = x;
    size_t before = pool_get_stats(b.ctx).used;
    for (int i = 0; i < 20; i++) /* deep */
        tape_open(t);
    y = tape_add(t, y, NULL, 3, 0);
    for (int i = 0; i < 20; i++)
        y = tape_close(t, y);
    assert_ptr_equal(tape_close(t, NULL), NULL);
    must_fail(&b, DRIFT_ERROR_USAGE, "not open");
    tape_reset(t, 0);
    x = tape_constant(t, &b.x);
    for (int i = 0; i < 100; i++) {
        tape_open(t);
        y = tape_activation(t, tape_add(t, x, NULL, 2, 0), ACT_TANH);
        tape_close(t, NULL);
    }
    assert_non_null(y);
    assert_int_equal(pool_get_stats(b.ctx).used, before);
    assert_int_equal(tape_status(t), 0);
    /* A result that the inner scope did not make. */
    tape_open(t);
    assert_ptr_equal(tape_close(t, x), x);
    assert_non_null(tape_activation(t, x, ACT_TANH));
    close_bench(&b);
}

static void seeds(void **state)
{
    (void)state;
    float g[16];
    bench b = open_bench(1);
    tape *t = b.t;
    var *x = tape_leaf(t, &b.x, &b.grad);
    var *in = tape_input(t, &b.x), *unused = tape_input(t, &b.x);
    var *frozen = tape_leaf(t, &b.x, NULL);
    var *y = tape_add(t, x, in, 2, 3), *z = tape_add(t, y, NULL, 5, 0);
    var *still = tape_add(t, frozen, NULL, 2, 0);
    tape_seed(t, y, &b.x);
    tape_seed(t, z, &b.x);
    tape_seed(t, z, &b.x);
    tape_seed(t, x, &b.x);
    tape_seed(t, still, &b.x); /* nobody wants it: fine */
    assert_int_equal(tape_backward(t), 0);
    assert_int_equal(tensor_read(b.ctx, &b.grad, g), 0);
    assert_true(g[0] == 2 * (1 + 5 + 5) + 1); /* exact */
    assert_int_equal(tensor_read(b.ctx, &in->grad, g), 0);
    assert_true(g[15] == 3 * (1 + 5 + 5));
    assert_null(unused->grad.block);
    /* A second walk adds: leaves keep what they have. */
    tape_reset(t, 1);
    x = tape_leaf(t, &b.x, &b.grad);
    y = tape_reshape(t, tape_reshape(t, x, SHAPE(16)), SHAPE(2, 8));
    tape_seed(t, tape_reshape(t, y, SHAPE(4, 4)), &b.x);
    assert_int_equal(tape_backward(t), 0);
    assert_int_equal(tensor_read(b.ctx, &b.grad, g), 0);
    assert_true(g[0] == 24);
    close_bench(&b);
}

/* -- out of memory -------------------------------------------------------- */

static void out_of_memory(void **state)
{
    static int lean;
    (void)state;
    for (int k = 0; k < 2; k++) {
        slope s;
        long n = 0;
        drift_status status;
        open_network(&s, 1);
        s.arg = k ? &lean : NULL;
        size_t before = pool_get_stats(s.ctx).used;
        do {
            tape *t = NULL;
            pool_trim(s.ctx); /* so that the pool has to ask */
            mem_fail_after(++n);
            status = tape_new(s.ctx, 1, &t);
            if (status == DRIFT_OK) {
                var *y = network(&s, t, s.arg);
                tape_seed(t, y, &s.value[0]);
                status = tape_backward(t);
            }
            mem_fail_after(0);
            tape_free(t);
            assert_int_equal(pool_get_stats(s.ctx).used, before);
            if (status != DRIFT_OK) {
                assert_int_equal(status, DRIFT_ERROR_MEMORY);
                assert_int_equal(drift_error_code(s.ctx), status);
                drift_error_clear(s.ctx);
            }
        } while (status != DRIFT_OK);
        assert_true(n > 50);
        close_network(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory),        cmocka_unit_test(forward_only),
        cmocka_unit_test(threads),       cmocka_unit_test(misuse),
        cmocka_unit_test(scopes),        cmocka_unit_test(seeds),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
