/* The check backend with the CPU in the device's place, some ops of which are
 * wrong on purpose. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/compare.h"

#define N 64

static drift_context *ctx;
static backend device; /* the CPU's table, as a test has changed it */
static const backend *cpu;
static char said[1000];

static void keep(void *data, int level, const char *text)
{
    (void)data;
    if (level == DRIFT_LOG_INFO)
        snprintf(said, sizeof said, "%s", text);
}

static int setup(void **state)
{
    (void)state;
    drift_options o = {.device = "cpu", .threads = 1, .log = keep};
    *said = '\0';
    if (drift_context_open(&ctx, &o) != DRIFT_OK)
        return 1;
    cpu = ctx->backend;
    device = *cpu;
    ctx->backend = &device;
    return compare_open(ctx) != DRIFT_OK;
}

static int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    ctx = NULL;
    return 0;
}

static tensor filled(shape s, float first, float step)
{
    static float host[8192];
    tensor t;
    for (size_t i = 0; i < shape_count(s); i++)
        host[i] = first + step * (float)i;
    assert_int_equal(tensor_new(ctx, &t, DTYPE_F32, s), DRIFT_OK);
    assert_int_equal(tensor_write(ctx, &t, host), DRIFT_OK);
    return t;
}

static void text_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' lacks '%s'", text, part);
}

static void right(void **state)
{
    tensor a = filled(SHAPE(N), -1, .03f), b = filled(SHAPE(N), 2, -.07f);
    tensor nan = filled(SHAPE(N), NAN, 0);
    text_has(drift_context_device(ctx), "check: cpu: ");
    assert_int_equal(op_add_fwd(ctx, &a, &a, &b, 1, 2),
                     DRIFT_OK); /* in place */
    nan.fresh = 1;
    assert_int_equal(op_activation_bwd(ctx, &nan, &a, &b, ACT_SILU), DRIFT_OK);
    nan.fresh = 0;
    assert_int_equal(op_ema(ctx, &nan, &b, NULL, .9f), DRIFT_OK);
    float host[N];
    assert_int_equal(tensor_read(ctx, &a, host), DRIFT_OK);
    assert_true(fabs((double)host[1] - (-.97 + 2 * 1.93)) < 1e-6);
    tensor_free(ctx, &a);
    tensor_free(ctx, &b);
    tensor_free(ctx, &nan);
    teardown(state);
    text_has(said, "check: 3 calls of 3 ops on cpu: ");
    text_has(said, "; worst: none, all bits are equal");
}

static drift_status percent(drift_context *c, tensor *y, const tensor *x,
                            int kind)
{
    float host[N];
    drift_status status = cpu->activation_fwd(c, y, x, kind);
    if (status == DRIFT_OK)
        status = cpu->read(c, y, host);
    host[7] *= 1.01f;
    return status == DRIFT_OK ? cpu->write(c, y, host) : status;
}

static void wrong(void **state)
{
    tensor x = filled(SHAPE(8, N / 8), 1, .01f);
    tensor y = filled(SHAPE(8, N / 8), 0, 0);
    device.activation_fwd = percent;
    assert_int_equal(op_activation_fwd(ctx, &y, &x, ACT_SILU),
                     DRIFT_ERROR_DEVICE);
    text_has(drift_error_text(ctx), "activation_fwd: element 7 of y is ");
    text_has(drift_error_text(ctx), " on the device and ");
    text_has(drift_error_text(ctx), " apart (y [8,8], x [8,8])");
    tensor_free(ctx, &x);
    tensor_free(ctx, &y);
    teardown(state);
    text_has(said, "worst: activation_fwd operand y (y [8,8], x [8,8]): off ");
}

/* c = a b by a plain sum, and by one that is off by 1e-3 of a term. */
static float extra;
static drift_status plain(drift_context *c, tensor *y, const tensor *a,
                          const tensor *b, int ta, int tb, float alpha,
                          float beta)
{
    static float ha[8192], hb[8192];
    size_t k = tensor_count(a);
    volatile float sum = extra;
    (void)ta, (void)tb, (void)alpha, (void)beta;
    drift_status status = cpu->read(c, a, ha);
    if (status == DRIFT_OK)
        status = cpu->read(c, b, hb);
    for (size_t i = 0; i < k; i++)
        sum += ha[i] * hb[i];
    float result = sum;
    return status == DRIFT_OK ? cpu->write(c, y, &result) : status;
}

/* Sums of large numbers that cancel differ by what rounding does to the large
 * ones, and no more. */
static void cancelling(void **state)
{
    (void)state;
    enum { K = 4096 };
    static float host[K];
    tensor a = filled(SHAPE(1, K), 1, 0), b = filled(SHAPE(K, 1), 1, 0);
    tensor c = filled(SHAPE(1, 1), 0, 0);
    device.gemm = plain;
    for (int i = 0; i < K; i++) /* the second half takes the first away */
        host[i] = sinf((float)(i % (K / 2))) * (i < K / 2 ? 100.0f : -100.0f);
    assert_int_equal(tensor_write(ctx, &a, host), DRIFT_OK);
    extra = 0;
    assert_int_equal(op_gemm(ctx, &c, &a, &b, 0, 0, 1, 0), DRIFT_OK);
    extra = 10;
    assert_int_equal(op_gemm(ctx, &c, &a, &b, 0, 0, 1, 0), DRIFT_ERROR_DEVICE);
    tensor_free(ctx, &a);
    tensor_free(ctx, &b);
    tensor_free(ctx, &c);
}

/* What the op itself refuses keeps its words. */
static void refused(void **state)
{
    (void)state;
    tensor table = filled(SHAPE(3, 4), 0, 1), y = filled(SHAPE(1, 4), 0, 0);
    tensor index;
    int out = 3;
    assert_int_equal(tensor_new(ctx, &index, DTYPE_I32, SHAPE(1, 1)), DRIFT_OK);
    assert_int_equal(tensor_write(ctx, &index, &out), DRIFT_OK);
    assert_int_not_equal(op_embedding_fwd(ctx, &y, &table, &index, 0),
                         DRIFT_OK);
    text_has(drift_error_text(ctx), "embedding");
    drift_error_clear(ctx);
    out = 2;
    assert_int_equal(tensor_write(ctx, &index, &out), DRIFT_OK);
    assert_int_equal(op_embedding_fwd(ctx, &y, &table, &index, 0), DRIFT_OK);
    tensor_free(ctx, &table);
    tensor_free(ctx, &y);
    tensor_free(ctx, &index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelling, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
