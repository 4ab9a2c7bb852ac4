/* The profile of a context: lines of ops on the CPU, of kernels with bytes and
 * flops on an OpenCL device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ops/ops.h"
#include "../opencl.h"

#define N 1000

static drift_context *ctx;
static tensor x, y;

static void begin(const char *device, int profile)
{
    drift_options options = {.device = device, .profile = profile};
    assert_int_equal(drift_context_open(&ctx, &options), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &x, DTYPE_F32, SHAPE(N)), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &y, DTYPE_F32, SHAPE(N)), DRIFT_OK);
    assert_int_equal(op_fill(ctx, &x, 1), DRIFT_OK);
}

static void end(void)
{
    tensor_free(ctx, &x);
    tensor_free(ctx, &y);
    drift_context_close(ctx);
}

static drift_profile profiled(void)
{
    drift_profile p;
    assert_int_equal(drift_context_profile(ctx, &p), DRIFT_OK);
    assert_true(p.busy >= 0 && p.busy <= p.seconds);
    assert_true(p.waited >= 0 && p.waited <= p.seconds);
    return p;
}

static drift_profile_line line_of(const char *name)
{
    drift_profile p = profiled();
    for (size_t i = 0; i < p.count; i++)
        if (!strcmp(p.lines[i].name, name))
            return p.lines[i];
    return (drift_profile_line){0};
}

static void no_profile(void **state)
{
    (void)state;
    begin("cpu", 0);
    assert_int_equal(profiled().count, 0);
    assert_int_equal(drift_context_profile_restart(ctx), DRIFT_OK);
    end();
}

static void restart(const char *line)
{
    assert_true(line_of(line).calls > 0);
    assert_int_equal(drift_context_profile_restart(ctx), DRIFT_OK);
    assert_true(profiled().busy == 0);
    assert_int_equal(line_of(line).calls, 0);
    assert_int_equal(op_fill(ctx, &x, 1), DRIFT_OK);
    assert_int_equal(line_of(line).calls, 1);
}

static void memory_runs_out(void)
{
    for (long n = 1, left = 0; !left; n++) {
        (void)mem_fail_after(n);
        drift_status status = op_fill(ctx, &x, 1);
        left = mem_fail_after(0);
        assert_int_equal(status, left ? DRIFT_OK : DRIFT_ERROR_MEMORY);
        drift_error_clear(ctx);
    }
}

static void ops(void **state)
{
    (void)state;
    begin("cpu", 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(op_add_fwd(ctx, &y, &x, &x, 1, 1), DRIFT_OK);
    drift_profile p = profiled();
    assert_int_equal(p.kernels, 0);
    assert_true(p.waited == 0);
    assert_int_equal(line_of("add_fwd").calls, 3);
    assert_true(line_of("add_fwd").seconds > 0);
    assert_int_equal(line_of("fill").calls, 1);
    restart("fill");
    end();
    begin("cpu", 1);
    assert_int_equal(op_add_fwd(ctx, &y, &x, &x, 1, 1), DRIFT_OK);
    memory_runs_out();
    end();
}

#ifdef HAVE_OPENCL
#define MANY 2500 /* more than are kept before one is looked at */

static void products(void)
{
    tensor a, b, c;
    drift_profile_line line;
    assert_int_equal(tensor_new(ctx, &a, DTYPE_F32, SHAPE(3, 5, 7)), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &b, DTYPE_F32, SHAPE(3, 7, 2)), DRIFT_OK);
    assert_int_equal(tensor_new(ctx, &c, DTYPE_F32, SHAPE(3, 5, 2)), DRIFT_OK);
    assert_int_equal(op_gemm(ctx, &c, &a, &b, 0, 0, 1, 0), DRIFT_OK);
    line = line_of("gemm");
    assert_int_equal(line.calls, 1);
    assert_true(line.seconds > 0);
    assert_true(line.flops == 2 * 3 * 5 * 7 * 2);
    assert_true(line.bytes == 4 * 3 * (5 * 7 + 7 * 2 + 5 * 2));
    assert_int_equal(op_gemm(ctx, &c, &a, &b, 0, 0, 1, 1), DRIFT_OK);
    assert_true(line_of("gemm").bytes ==
                2 * line.bytes + 4 * 3 * 5 * 2); /* c is read, too */
    tensor_free(ctx, &a);
    tensor_free(ctx, &b);
    tensor_free(ctx, &c);
}

static void kernels(void **state)
{
    (void)state;
    begin("opencl", 1);
    assert_int_equal(op_add_fwd(ctx, &y, &x, &x, 1, 1), DRIFT_OK);
    assert_int_equal(profiled().kernels, 1);
    assert_int_equal(line_of("add_fwd").calls, 1);
    assert_true(line_of("add_fwd").seconds > 0);
    assert_true(line_of("add_fwd").bytes == 3 * 4 * N);
    /* A gradient that is added to is read and written. */
    assert_int_equal(op_add_bwd(ctx, &y, NULL, &x, 1, 1), DRIFT_OK);
    assert_true(line_of("add_bwd_a").bytes == 3 * 4 * N);
    y.fresh = 1;
    assert_int_equal(op_add_bwd(ctx, &y, NULL, &x, 1, 1), DRIFT_OK);
    assert_true(line_of("add_bwd_a").bytes == (3 + 2) * 4 * N);
    products();
    float host[N];
    assert_int_equal(drift_context_profile_restart(ctx), DRIFT_OK);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(op_fill(ctx, &x, 1), DRIFT_OK);
    assert_int_equal(tensor_read(ctx, &x, host), DRIFT_OK);
    assert_int_equal(line_of("fill").calls, MANY);
    assert_true(profiled().waited > 0);
    restart("fill");
    for (int i = 0; i < MANY; i++) /* left where they are by the closing */
        assert_int_equal(op_fill(ctx, &x, 1), DRIFT_OK);
    end();
    begin("opencl", 1);
    memory_runs_out();
    end();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_profile),
        cmocka_unit_test(ops),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
#ifdef HAVE_OPENCL
    const struct CMUnitTest device_tests[] = {cmocka_unit_test(kernels)};
    drift_options options = {.device = "opencl"};
    int there = drift_context_open(&ctx, &options) == DRIFT_OK;
    drift_context_close(ctx);
    if (there || opencl_required())
        failed += cmocka_run_group_tests(device_tests, NULL, NULL);
#endif
    return failed;
}
