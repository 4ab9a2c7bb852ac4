/* Runs as files: the folder, metrics, checkpoints, and what goes wrong with
 * them: refused folders, torn and foreign files, a full disk, a killed
 * process, lack of memory. Going on with a run is in resume.c. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"

static const char *program; /* argv[0], for the process that is killed */

/* -- the folder --------------------------------------------------------- */

static void folder_is_guarded(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.save_every=1", NULL);
    char *own = path_in(s.run, "notes.txt");
    char *old = path_in(s.run, "checkpoints/step-000003.safetensors");
    drift_trainer *t;
    run_steps(s.ctx, c, s.run, 3);
    assert_true(file_exists(old));
    OK(s.ctx, file_replace(s.ctx, own, "mine", 4));
    expect_error(&s, drift_trainer_new(s.ctx, c, s.run, 0, &t),
                 DRIFT_ERROR_USAGE, "holds a run already");
    assert_null(t);
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t));
    assert_false(file_exists(old));
    assert_true(file_exists(s.latest)); /* of step 0 */
    assert_true(file_exists(own));
    drift_trainer_free(t);
    mem_free(old);
    mem_free(own);
    config_free(c);
    scene_close(&s);
}

/* Names that only look like a run's stay; files under the names of a run are
 * in the way, even of force, where there is no run. */
static void only_a_run_is_cleared_away(void **state)
{
    (void)state;
    static const char *const own[] = {"config.yaml.old",
                                      "my-config.yaml",
                                      "curves.png.txt",
                                      "events.txt",
                                      "samples/holiday.png",
                                      "samples/step-1-mine.png",
                                      "samples/step-.png",
                                      "checkpoints/mine.safetensors",
                                      "checkpoints/x.part",
                                      "checkpoints/step-a.safetensors",
                                      "notes.tmp-1",
                                      "checkpoints/latest.safetensors.tmp-x",
                                      "checkpoints/failed.safetensors"};
    static const char *const made[] = {"config.yaml",
                                       "metrics.jsonl",
                                       "samples.png",
                                       "samples/step-000001.png",
                                       "checkpoints/step-000001.safetensors",
                                       "checkpoints/failed-000001.safetensors"};
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    drift_trainer *t;
    run_steps(s.ctx, c, s.run, 1);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        char *path = path_in(s.run, own[i]);
        OK(s.ctx, file_replace(s.ctx, path, "mine", 4));
        mem_free(path);
    }
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t));
    drift_trainer_free(t);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        char *path = path_in(s.run, own[i]);
        if (!file_exists(path))
            print_error("'%s' is gone\n", path);
        assert_true(file_exists(path));
        mem_free(path);
    }
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char *folder = mem_printf(NULL, "%s/folder-%zu", s.folder, i);
        char *path = path_in(folder, made[i]), *slash = strrchr(path, '/');
        *slash = '\0';
        OK(s.ctx, file_make_dir(s.ctx, path));
        *slash = '/';
        OK(s.ctx, file_replace(s.ctx, path, "mine", 4));
        for (int flags = 0; flags <= DRIFT_TRAINER_FORCE; flags++)
            expect_error(&s, drift_trainer_new(s.ctx, c, folder, flags, &t),
                         DRIFT_ERROR_USAGE, made[i]);
        assert_true(file_exists(path));
        mem_free(path);
        mem_free(folder);
    }
    config_free(c);
    scene_close(&s);
}

static void folder_cannot_be_made(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    char *below = path_in(s.run, "below");
    drift_trainer *t;
    OK(s.ctx, file_replace(s.ctx, s.run, "a file", 6));
    expect_error(&s, drift_trainer_new(s.ctx, c, below, 0, &t), DRIFT_ERROR_IO,
                 s.run);
    mem_free(below);
    config_free(c);
    scene_close(&s);
}

/* A run that could not start leaves nothing that would refuse the next, and
 * the run that it was to replace. */
static void failed_start_leaves_no_run(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "data.path=/nowhere/at/all", "drift.memory=1000",
        "run.preview_count=100000", "drift.push=1"};
    static const char *const words[] = {"/nowhere/at/all", "drift.memory",
                                        "run.preview_count", "drift.push"};
    scene s;
    scene_open(&s);
    drift_trainer *t;
    for (int i = 0; i < 4; i++) {
        config *c = configure(s.ctx, image_base, bad[i], NULL);
        assert_int_not_equal(drift_trainer_new(s.ctx, c, s.run, 0, &t),
                             DRIFT_OK);
        assert_non_null(strstr(drift_error_text(s.ctx), words[i]));
        drift_error_clear(s.ctx);
        assert_false(file_exists(s.run));
        config_free(c);
    }
    config *good = configure(s.ctx, image_base, NULL);
    run_steps(s.ctx, good, s.run, 1);
    for (int i = 0; i < 4; i++) {
        config *c = configure(s.ctx, image_base, bad[i], NULL);
        assert_int_not_equal(
            drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t),
            DRIFT_OK);
        drift_error_clear(s.ctx);
        config_free(c);
    }
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    assert_int_equal(t->steps, 1);
    drift_trainer_free(t);
    config_free(good);
    scene_close(&s);
}

/* From its start on a run can be resumed, and what a start leaves that was
 * killed before is in nobody's way. */
static void no_dead_ends(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    char *folder = path_in(s.run, "checkpoints");
    char *log = path_in(s.run, "log.txt");
    char *torn = path_in(folder, "latest.safetensors.tmp-77");
    drift_trainer *t;
    drift_model *m;
    drift_progress p;
    OK(s.ctx, file_make_dir(s.ctx, folder));
    OK(s.ctx, file_replace(s.ctx, log, "begun\n", 6));
    OK(s.ctx, file_replace(s.ctx, torn, "half", 4));
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t),
        DRIFT_ERROR_IO, "holds no checkpoint yet");
    expect_error(&s, drift_model_open(s.ctx, s.run, NULL, &m), DRIFT_ERROR_IO,
                 "holds no checkpoint yet");
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    assert_false(file_exists(torn));
    drift_trainer_free(t);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    OK(s.ctx, drift_trainer_step(t, &p));
    assert_int_equal(p.step, 1);
    drift_trainer_free(t);
    mem_free(torn);
    mem_free(log);
    mem_free(folder);
    config_free(c);
    scene_close(&s);
}

static void old_checkpoints_go(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c =
        configure(s.ctx, toy_base, "run.save_every=1", "run.keep_last=2", NULL);
    char **names, *folder = path_in(s.run, "checkpoints");
    size_t count;
    run_steps(s.ctx, c, s.run, 5);
    OK(s.ctx, file_list(s.ctx, folder, &names, &count));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "latest.safetensors");
    assert_string_equal(names[1], "step-000004.safetensors");
    assert_string_equal(names[2], "step-000005.safetensors");
    file_list_free(names, count);
    mem_free(folder);
    config_free(c);
    scene_close(&s);
}

/* -- metrics ------------------------------------------------------------ */

static void metrics_say_it_all(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "step",          "seconds",         "images",
        "loss",          "drift",           "ess",
        "ess_p10",       "grad_norm",       "lr",
        "spread",        "families",        "samples_per_second",
        "alpha_drawn",   "grad_norm_parts", "unconditional_share",
        "phase_seconds", "resident_bytes",  "alpha_realised"};
    static const char *const about[] = {
        "name",   "version", "revision",      "compiler",    "options",
        "device", "seed",    "config_digest", "data_digest", "libraries"};
    scene s;
    size_t count;
    scene_open(&s);
    config *c = configure(s.ctx, image_base, "run.name=test", NULL);
    run_steps(s.ctx, c, s.run, 2);
    json_t *first = line(&s, 0, &count), *second = line(&s, 1, &count);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!json_object_get(second, keys[i]))
            print_error("key '%s' is missing\n", keys[i]);
        assert_non_null(json_object_get(first, keys[i]));
        assert_non_null(json_object_get(second, keys[i]));
    }
    json_t *run = json_object_get(first, "run");
    for (size_t i = 0; i < sizeof about / sizeof *about; i++)
        assert_non_null(json_object_get(run, about[i]));
    assert_null(json_object_get(second, "run"));
    json_t *global =
        json_object_get(json_object_get(second, "families"), "global");
    assert_non_null(
        json_object_get(json_object_get(global, "raw_mean_square"), "0.05"));
    double share =
        json_number_value(json_object_get(second, "unconditional_share"));
    double drawn = json_number_value(json_object_get(second, "alpha_drawn"));
    double real = json_number_value(json_object_get(second, "alpha_realised"));
    assert_true(share > 0 && share < 1 && drawn > 1 && drawn < 4);
    assert_true(fabs(real * (1 - share) - 1) < 1e-6);
    json_decref(first);
    json_decref(second);
    config_free(c);
    scene_close(&s);
}

/* -- damaged and foreign checkpoints ------------------------------------ */

static void torn_checkpoints(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    drift_trainer *t;
    checkpoint file;
    file_view view;
    run_steps(s.ctx, c, s.run, 1);
    OK(s.ctx, file_open_view(s.ctx, s.latest, &view));
    unsigned char *bytes = mem_alloc(s.ctx, view.size, 1);
    size_t size = view.size;
    memcpy(bytes, view.data, size);
    file_close_view(&view);
    size_t header = 8;
    for (int i = 0; i < 8; i++)
        header += (size_t)bytes[i] << 8 * i;
    assert_true(header > 1000 && header < size);
    /* Cut here and there in the data, and at every byte of the header. */
    for (size_t cut = size - 1; cut > 0;
         cut -= cut > header + size / 97 ? size / 97 : 1) {
        assert_int_equal(truncate(s.latest, (off_t)cut), 0);
        expect_error(&s, checkpoint_open(s.ctx, s.latest, &file),
                     DRIFT_ERROR_FORMAT, s.latest);
        checkpoint_close(&file);
    }
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t),
        DRIFT_ERROR_FORMAT, s.latest);
    /* One bit changed anywhere. */
    for (size_t at = 0; at < size; at += at < 64 ? 1 : size / 301 + 1) {
        bytes[at] ^= 4;
        OK(s.ctx, file_replace(s.ctx, s.latest, bytes, size));
        drift_status status = checkpoint_open(s.ctx, s.latest, &file);
        checkpoint_close(&file);
        expect_error(&s, status, DRIFT_ERROR_FORMAT, s.latest);
        bytes[at] ^= 4;
    }
    mem_free(bytes);
    OK(s.ctx, file_replace(s.ctx, s.latest, "", 0));
    expect_error(&s, checkpoint_open(s.ctx, s.latest, &file),
                 DRIFT_ERROR_FORMAT, s.latest);
    checkpoint_close(&file);
    config_free(c);
    scene_close(&s);
}

static void foreign_checkpoints(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    static const char *const with[] = {"generator.hidden=25",
                                       "generator.use_alpha=true",
                                       "generator.style_tokens=0"};
    static const char *const words[] = {"wanted [", "is missing", "tensors"};
    config *c = configure(s.ctx, toy_base, "generator.use_class=true",
                          "generator.style_tokens=1", NULL);
    sample_shape sample = {1, 1, 2, 1};
    checkpoint file;
    char set[SET_TEXT];
    run_steps(s.ctx, c, s.run, 1);
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    for (int i = 0; i < 3; i++) {
        generator *g;
        config *other = configure(s.ctx, toy_base, "generator.use_class=true",
                                  "generator.style_tokens=1", with[i], NULL);
        OK(s.ctx, generator_new(s.ctx, &other->generator, sample, 1, 0, &g));
        drift_status status = checkpoint_read(s.ctx, &file, "model", &g->params,
                                              &g->params.value);
        expect_error(&s, status, DRIFT_ERROR_SHAPE, words[i]);
        generator_free(g);
        config_free(other);
    }
    OK(s.ctx, checkpoint_set(s.ctx, &file, c, NULL, set));
    assert_string_equal(set, "ema.0.9");
    OK(s.ctx, checkpoint_set(s.ctx, &file, c, "none", set));
    assert_string_equal(set, "model");
    expect_error(&s, checkpoint_set(s.ctx, &file, c, "0.5", set),
                 DRIFT_ERROR_USAGE, "0.9");
    checkpoint_close(&file);
    config_free(c);
    scene_close(&s);
}

/* Sizes that do not belong together, under a digest that is right. */
static void crafted_checkpoints(void **state)
{
    (void)state;
    static const struct {
        sample_shape sample;
        int points;
        int64_t step;
        const char *word;
    } bad[] = {{{1, 1, 1, 1}, 1, 1, "'sample'"},
               {{1, 2, 2, 1}, 1, 1, "'sample'"},
               {{1, 1, 3, 1}, 1, 1, "'sample'"},
               {{1, 1, 2, 0}, 1, 1, "'sample'"},
               {{100000, 100000, 3, 1}, 0, 1, "'sample'"},
               {{1, 1, 2, 1}, 1, INT64_MAX, "'step'"},
               {{1, 1, 2, 1}, 1, -1, "'step'"}};
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    drift_trainer *t;
    checkpoint file;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        checkpoint_facts facts = {.step = bad[i].step,
                                  .sample = bad[i].sample,
                                  .points = bad[i].points};
        OK(s.ctx, checkpoint_write(s.ctx, s.latest, t->c, &facts, &t->optimizer,
                                   NULL));
        expect_error(&s, checkpoint_open(s.ctx, s.latest, &file),
                     DRIFT_ERROR_FORMAT, bad[i].word);
        checkpoint_close(&file);
    }
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

static void class_names_are_kept(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, NULL);
    drift_trainer *t;
    checkpoint file;
    char cat[] = "cat, \"tabby\"", odd[] = "\xff";
    char *names[] = {cat, odd};
    checkpoint_facts facts = {.sample = {1, 1, 2, 2}, .points = 1};
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    OK(s.ctx,
       checkpoint_write(s.ctx, s.latest, t->c, &facts, &t->optimizer, NULL));
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    assert_null(file.facts.class_names);
    checkpoint_close(&file);
    facts.class_names = names;
    OK(s.ctx,
       checkpoint_write(s.ctx, s.latest, t->c, &facts, &t->optimizer, NULL));
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    assert_string_equal(file.facts.class_names[0], cat);
    assert_string_equal(file.facts.class_names[1], "1");
    checkpoint_close(&file);
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

/* -- a full disk, a killed process, no memory --------------------------- */

/* Files that may not grow stand for a disk that is full. */
static void full_disk(void **state)
{
    (void)state;
    scene s;
    struct rlimit limit, old;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.save_every=1", NULL);
    drift_trainer *t;
    checkpoint file;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    limit = old;
    limit.rlim_cur = 5000; /* of a checkpoint of more, and more of lines */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    drift_status status = DRIFT_OK;
    for (int i = 0; i < 100 && status == DRIFT_OK; i++)
        status = drift_trainer_step(t, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    expect_error(&s, status, DRIFT_ERROR_IO, "unable to write");
    drift_trainer_free(t);
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    assert_int_equal(file.facts.step, 1);
    checkpoint_close(&file);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

/* The process that gets killed: saves after every step, for ever. */
static int endless(const char *run)
{
    drift_context *ctx = open_context(1);
    config *c =
        configure(ctx, toy_base, "run.save_every=1", "run.steps=1000000", NULL);
    drift_trainer *t;
    if (drift_trainer_new(ctx, c, run, 0, &t) != DRIFT_OK)
        return 1;
    while (drift_trainer_step(t, NULL) == DRIFT_OK)
        ;
    return 1;
}

static void sleep_ms(long ms)
{
    struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

static void killed_process(void **state)
{
    (void)state;
    for (long round = 0; round < 8; round++) {
        scene s;
        scene_open(&s);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            execl(program, program, "endless", s.run, (char *)NULL);
            _exit(1);
        }
        for (int i = 0; i < 1000 && !file_exists(s.latest); i++)
            sleep_ms(10);
        assert_true(file_exists(s.latest));
        sleep_ms(3 + 7 * round);
        kill(child, SIGKILL);
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        drift_trainer *t;
        drift_progress p;
        OK(s.ctx,
           drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
        OK(s.ctx, drift_trainer_step(t, &p));
        assert_true(p.step >= 1);
        drift_trainer_free(t);
        /* What the kill left half-written is gone. */
        char **names, *folder = path_in(s.run, "checkpoints");
        size_t count;
        OK(s.ctx, file_list(s.ctx, folder, &names, &count));
        for (size_t i = 0; i < count; i++)
            assert_null(strstr(names[i], ".tmp-"));
        file_list_free(names, count);
        mem_free(folder);
        scene_close(&s);
    }
}

/* Whichever allocation fails, the trainer says so and lets go of all. */
static void out_of_memory(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "drift.generated=4",
                          "drift.positives=4", "generator.hidden=4", NULL);
    int failures = 0;
    for (long n = 1; n < 4000; n += 1 + n / 8) {
        drift_trainer *t = NULL;
        mem_fail_after(n);
        drift_status status =
            drift_trainer_new(s.ctx, c, s.run, DRIFT_TRAINER_FORCE, &t);
        if (status == DRIFT_OK)
            status = drift_trainer_step(t, NULL);
        if (status == DRIFT_OK)
            status = drift_trainer_save(t);
        mem_fail_after(0);
        drift_trainer_free(t);
        assert_true(status == DRIFT_OK || status == DRIFT_ERROR_MEMORY);
        failures += status != DRIFT_OK;
        drift_error_clear(s.ctx);
        assert_int_equal(pool_get_stats(s.ctx).used, 0);
    }
    assert_true(failures > 10);
    config_free(c);
    scene_close(&s);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && !strcmp(argv[1], "endless"))
        return endless(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_guarded),
        cmocka_unit_test(only_a_run_is_cleared_away),
        cmocka_unit_test(folder_cannot_be_made),
        cmocka_unit_test(failed_start_leaves_no_run),
        cmocka_unit_test(no_dead_ends),
        cmocka_unit_test(old_checkpoints_go),
        cmocka_unit_test(metrics_say_it_all),
        cmocka_unit_test(torn_checkpoints),
        cmocka_unit_test(foreign_checkpoints),
        cmocka_unit_test(crafted_checkpoints),
        cmocka_unit_test(class_names_are_kept),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(killed_process),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
