/* A device that gives out, at every place where it may: the call says what and
 * where, all is let go, and what training had reached is kept. The OpenCL that
 * fails is tests/cli/shim.c. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "../cli/shim.h"
#include "ocl/device.h"
#include "../opencl.h"

#define STEPS 3

static scene s;
static config *c;

static void open_scene(void)
{
    drift_options options = {.device = "opencl:0", .threads = 1};
    scene_open(&s);
    drift_context_close(s.ctx);
    OK(s.ctx, drift_context_open(&s.ctx, &options));
    c = configure(s.ctx, toy_base, "drift.generated=8", "drift.positives=8",
                  "generator.hidden=8", "run.save_every=1", NULL);
}

static void close_scene(void)
{
    config_free(c);
    scene_close(&s);
    assert_int_equal(shim_objects(), 0);
}

/* What became of a run of STEPS steps. */
typedef struct outcome {
    drift_status status;
    long left;  /* of the calls before the fault: 0 when it came */
    int begun;  /* the trainer was made */
    int64_t at; /* the step that failed, 1 ... */
    char text[2048];
} outcome;

static outcome run_with(const char *name, long n, int code, int lost)
{
    outcome o = {.at = 1};
    drift_trainer *t = NULL;
    pool_trim(s.ctx);
    shim_fail(name, n, code, lost);
    o.status = drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t);
    o.begun = o.status == DRIFT_OK;
    for (; o.status == DRIFT_OK && o.at <= STEPS; o.at++)
        o.status = drift_trainer_step(t, NULL);
    o.at -= o.status != DRIFT_OK && o.begun;
    o.left = shim_left();
    snprintf(o.text, sizeof o.text, "%s", drift_error_text(s.ctx));
    drift_trainer_free(t);
    shim_fail("", 0, 0, 0);
    drift_error_clear(s.ctx);
    assert_int_equal(pool_get_stats(s.ctx).used, 0);
    return o;
}

static void holds(const outcome *o, const char *word)
{
    if (!strstr(o->text, word)) {
        print_error("'%s' lacks '%s'\n", o->text, word);
        fail();
    }
}

/* The text names the code and the device; where training had begun there is
 * the state or the word that there is none, and the last checkpoint. */
static void check_failure(const outcome *o, drift_status wanted,
                          const char *code)
{
    checkpoint file;
    int64_t number = -1;
    if (o->status != wanted)
        print_error("%s\n", o->text);
    assert_int_equal(o->status, wanted);
    holds(o, code);
    holds(o, " on opencl:0: ");
    if (!o->begun)
        return;
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    checkpoint_close(&file);
    if (strstr(o->text, "could not be saved")) {
        holds(o, "the last checkpoint is of step ");
        return;
    }
    const char *name = strstr(o->text, "checkpoints/failed-");
    assert_non_null(name);
    assert_int_equal(
        sscanf(name, "checkpoints/failed-%" SCNd64 ".safetensors'", &number),
        1);
    /* What follows a step belongs to the next one. */
    assert_in_range(number, o->at, o->at + 1);
    char *path = mem_printf(NULL, "%s/%.37s", s.run, name);
    OK(s.ctx, checkpoint_open(s.ctx, path, &file));
    assert_int_equal(file.facts.step, number - 1);
    checkpoint_close(&file);
    mem_free(path);
}

static void memory_runs_out(void **state)
{
    (void)state;
    open_scene();
    int kept = 0, unmade = 0, done_without = 0;
    for (long n = 1;; n++) {
        outcome o =
            run_with("clCreateBuffer", n, CL_MEM_OBJECT_ALLOCATION_FAILURE, 0);
        if (o.left) {
            assert_int_equal(o.status, DRIFT_OK);
            break;
        }
        if (o.status == DRIFT_OK) { /* an upload's second buffer */
            done_without++;
            continue;
        }
        check_failure(&o, DRIFT_ERROR_MEMORY,
                      "CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)");
        holds(&o, "tensor [");
        if (o.begun)
            holds(&o, "failed-"); /* a state is always kept */
        kept += o.begun;
        unmade += !o.begun;
    }
    print_message("buffers refused: %d before the run, %d in it\n", unmade,
                  kept);
    assert_true(kept > 20 && unmade > 5 && done_without <= STEPS);
    close_scene();
}

/* One command fails: the state can still be read, unless it was torn. */
static void command_fails(void **state)
{
    static const char *const calls[] = {
        "clEnqueueNDRangeKernel", "clEnqueueReadBuffer", "clEnqueueWriteBuffer",
        "clCreateKernel"};
    (void)state;
    open_scene();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int failed = 0, kept = 0;
        for (long n = 1;; n += 1 + n / 6) {
            outcome o = run_with(calls[i], n, CL_OUT_OF_RESOURCES, 0);
            if (o.left) {
                assert_int_equal(o.status, DRIFT_OK);
                break;
            }
            check_failure(&o, DRIFT_ERROR_DEVICE, "CL_OUT_OF_RESOURCES (-5)");
            failed++;
            kept += strstr(o.text, "failed-") != NULL;
        }
        print_message("%s: %d failures, %d states kept\n", calls[i], failed,
                      kept);
        assert_true(kept > 5);
    }
    close_scene();
}

/* All that comes after fails, too: the last checkpoint stays. */
static void device_is_lost(void **state)
{
    (void)state;
    open_scene();
    int begun = 0;
    for (long n = 1;; n += 1 + n / 4) {
        outcome o =
            run_with("clEnqueueNDRangeKernel", n, CL_DEVICE_NOT_AVAILABLE, 1);
        if (o.left) {
            assert_int_equal(o.status, DRIFT_OK);
            break;
        }
        check_failure(&o, DRIFT_ERROR_DEVICE, "CL_DEVICE_NOT_AVAILABLE (-2)");
        if (o.begun)
            holds(&o, "could not be saved");
        begun += o.begun;
    }
    assert_true(begun > 5);
    close_scene();
}

/* The whole set of parameters changes at once, or there is nothing to save. */
static void torn_step(void **state)
{
    (void)state;
    open_scene();
    drift_trainer *t;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    shim_fail("clEnqueueNDRangeKernel", 1000000, CL_OUT_OF_RESOURCES, 0);
    OK(s.ctx, optimizer_norms(&t->optimizer));
    shim_fail("clEnqueueNDRangeKernel", 2, CL_OUT_OF_RESOURCES, 0);
    assert_int_equal(optimizer_step(&t->optimizer, t->steps),
                     DRIFT_ERROR_DEVICE);
    assert_int_equal(shim_left(), 0);
    drift_error_clear(s.ctx);
    t->saved = -1;
    expect_error(&s, drift_trainer_save(t), DRIFT_ERROR_USAGE, "half way");
    shim_fail("", 0, 0, 0);
    drift_trainer_free(t);
    close_scene();
}

/* Opening a device. */
static void opening_fails(void **state)
{
    static const char *const calls[] = {"clCreateContext",
                                        "clCreateCommandQueue"};
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        drift_context *ctx;
        drift_options options = {.device = "opencl:0"};
        shim_fail(calls[i], 1, CL_DEVICE_NOT_AVAILABLE, 0);
        assert_int_equal(drift_context_open(&ctx, &options),
                         DRIFT_ERROR_DEVICE);
        assert_int_equal(shim_left(), 0);
        assert_non_null(strstr(drift_error_text(ctx), calls[i]));
        assert_non_null(
            strstr(drift_error_text(ctx), "CL_DEVICE_NOT_AVAILABLE (-2) on"));
        drift_context_close(ctx);
        assert_int_equal(shim_objects(), 0);
    }
    shim_fail("", 0, 0, 0);
}

/* A tensor above the largest buffer is told apart from memory that ran out. */
static void too_large_a_buffer(void **state)
{
    (void)state;
    open_scene();
    tensor t;
    size_t most = ((ocl_device *)s.ctx->device)->most_bytes;
    expect_error(&s, tensor_new(s.ctx, &t, DTYPE_F32, SHAPE(most / 4 + 1)),
                 DRIFT_ERROR_MEMORY, "buffers of at most ");
    assert_int_equal(pool_get_stats(s.ctx).used, 0);
    close_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_fails),   cmocka_unit_test(too_large_a_buffer),
        cmocka_unit_test(memory_runs_out), cmocka_unit_test(command_fails),
        cmocka_unit_test(device_is_lost),  cmocka_unit_test(torn_step),
    };
    ocl_listed *list = NULL;
    size_t count = 0;
    if (ocl_list(NULL, &list, &count) != DRIFT_OK || !count) {
        mem_free(list);
        printf("there is no OpenCL device\n");
        return opencl_required() ? 1 : 77;
    }
    mem_free(list);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
