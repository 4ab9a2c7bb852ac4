/* Runs that go on: what was logged, what may change, where the data are,
 * pictures and counts from before. That the numbers are the same to the bit is
 * in step.c. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Steps logged after the last checkpoint, and a torn line, are cut off. */
static void metrics_are_cut_back(void **state)
{
    (void)state;
    scene s;
    size_t count;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.steps=5", NULL);
    drift_trainer *t;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    for (int i = 0; i < 4; i++) {
        OK(s.ctx, drift_trainer_step(t, NULL));
        if (i == 1)
            OK(s.ctx, drift_trainer_save(t));
    }
    drift_trainer_free(t);
    int file = open(s.lines, O_WRONLY | O_APPEND);
    assert_int_equal(write(file, "{\"step\":5,", 10), 10);
    close(file);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    OK(s.ctx, drift_trainer_save(t));
    drift_trainer_free(t);
    for (size_t i = 0; i < 3; i++) {
        json_t *found = line(&s, i, &count);
        assert_int_equal(count, 3);
        assert_int_equal(json_integer_value(json_object_get(found, "step")),
                         i + 1);
        json_decref(found);
    }
    config_free(c);
    scene_close(&s);
}

/* A line that is none of a run costs nothing of what follows. */
static void foreign_lines_stay(void **state)
{
    (void)state;
    scene s;
    size_t count;
    file_view view;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.steps=5", NULL);
    drift_trainer *t;
    run_steps(s.ctx, c, s.run, 2);
    OK(s.ctx, file_open_view(s.ctx, s.lines, &view));
    char *text = mem_printf(NULL, "# mine\n%.*s", (int)view.size,
                            (const char *)view.data);
    file_close_view(&view);
    OK(s.ctx, file_replace(s.ctx, s.lines, text, strlen(text)));
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    drift_trainer_free(t);
    json_t *last = line(&s, 2, &count);
    assert_int_equal(count, 3);
    assert_int_equal(json_integer_value(json_object_get(last, "step")), 2);
    json_decref(last);
    mem_free(text);
    config_free(c);
    scene_close(&s);
}

static void overrides_are_checked(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c =
        configure(s.ctx, toy_base, "run.steps=2", "optimizer.schedule=cosine",
                  "optimizer.warmup_steps=0", NULL);
    drift_trainer *t;
    drift_progress p;
    run_steps(s.ctx, c, s.run, 2);
    const char *bad[] = {"optimizer.lr=1", "run.seed=4", "run.nothing=1",
                         "run.steps"};
    const char *word[] = {"run.KEY", "seed", "run.nothing", "run.KEY"};
    for (int i = 0; i < 4; i++)
        expect_error(
            &s,
            drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, &bad[i], 1, &t),
            DRIFT_ERROR_USAGE, word[i]);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    OK(s.ctx, drift_trainer_step(t, &p));
    assert_true(p.done && p.step == 2);
    drift_trainer_free(t);
    const char *fewer = "run.steps=1";
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, &fewer, 1, &t),
        DRIFT_ERROR_USAGE, "2 steps already");
    const char *more = "run.steps=3";
    OK(s.ctx,
       drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, &more, 1, &t));
    OK(s.ctx, drift_trainer_step(t, &p));
    assert_true(p.done && p.step == 3);
    /* The schedule's length stays what it was as the run began. */
    assert_int_equal(t->c->optimizer.total_steps, 2);
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

static void minutes_end_a_run(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.minutes=1e-6", NULL);
    drift_trainer *t;
    drift_progress p;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    OK(s.ctx, drift_trainer_step(t, &p));
    assert_true(p.done && p.step == 1);
    OK(s.ctx, drift_trainer_step(t, &p));
    assert_true(p.done && p.step == 1);
    assert_true(file_exists(s.latest));
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

/* The end by time is not known before; its line is as whole as the others. */
static void last_line_is_whole(void **state)
{
    (void)state;
    scene s;
    size_t count;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.log_every=1000",
                          "run.minutes=0.0003", NULL);
    drift_trainer *t;
    drift_progress p = {0};
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    while (!p.done)
        OK(s.ctx, drift_trainer_step(t, &p));
    assert_true(p.spread >= 0);
    drift_trainer_free(t);
    json_t *last = line(&s, p.step > 1, &count);
    assert_int_equal(count, p.step > 1 ? 2 : 1);
    assert_non_null(json_object_get(last, "spread"));
    json_decref(last);
    config_free(c);
    scene_close(&s);
}

/* The data by another path: that of the start is kept whole, another may be
 * given, and the digest sees to it that they are the same. */
static void data_may_move(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, image_base, "data.path=mnist", NULL);
    drift_trainer *t;
    char path[512];
    run_steps(s.ctx, c, s.run, 1);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    assert_true(t->c->data.path[0] == '/');
    drift_trainer_free(t);
    char *link = path_in(s.folder, "moved");
    assert_int_equal(symlink(DRIFT_SOURCE_DIR "/data/mnist", link), 0);
    snprintf(path, sizeof path, "data.path=%s", link);
    const char *moved = path, *other = "data.path=moons";
    OK(s.ctx,
       drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, &moved, 1, &t));
    drift_trainer_free(t);
    assert_int_not_equal(
        drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, &other, 1, &t),
        DRIFT_OK);
    drift_error_clear(s.ctx);
    drift_config *found;
    const char *longer = "run.steps=77";
    OK(s.ctx,
       drift_config_resume(s.ctx, DRIFT_GENERATOR, s.run, &longer, 1, &found));
    assert_int_equal(found->run.steps, 77);
    config_free(found);
    mem_free(link);
    config_free(c);
    scene_close(&s);
}

/* Pictures of steps before the resume; frames of another size are left out. */
static void pictures_go_on(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, toy_base, "run.preview_every=1", NULL);
    drift_trainer *t;
    run_steps(s.ctx, c, s.run, 3);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    assert_int_equal(t->preview.snapshot_count, 4);
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(t->preview.snapshots[i].step, i);
    drift_trainer_free(t);
    config_free(c);
    char *images = path_in(s.folder, "images");
    char *gif = path_in(images, "run.gif");
    c = configure(s.ctx, image_base, "run.steps=1", "run.gif=true", NULL);
    run_steps(s.ctx, c, images, 1);
    const char *more[] = {"run.steps=2", "run.preview_count=40"};
    OK(s.ctx,
       drift_trainer_resume(s.ctx, DRIFT_GENERATOR, images, more, 2, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    assert_int_equal(file_exists(gif), !t->no_plots);
    drift_trainer_free(t);
    mem_free(gif);
    mem_free(images);
    config_free(c);
    scene_close(&s);
}

/* The count of poor steps in a row goes on. */
static void watch_goes_on(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, image_base, NULL);
    drift_trainer *t;
    OK(s.ctx, drift_trainer_new(s.ctx, c, s.run, 0, &t));
    OK(s.ctx, drift_trainer_step(t, NULL));
    t->watch.below[3] = 7;
    OK(s.ctx, drift_trainer_save(t));
    drift_trainer_free(t);
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    assert_int_equal(t->watch.below[3], 7);
    drift_trainer_free(t);
    config_free(c);
    scene_close(&s);
}

static void changed_data_are_refused(void **state)
{
    (void)state;
    scene s;
    scene_open(&s);
    config *c = configure(s.ctx, image_base, NULL);
    drift_trainer *t;
    checkpoint file;
    run_steps(s.ctx, c, s.run, 1);
    OK(s.ctx, checkpoint_open(s.ctx, s.latest, &file));
    OK(s.ctx, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t));
    file.facts.data_digest[0] ^= 1;
    OK(s.ctx, checkpoint_write(s.ctx, s.latest, t->c, &file.facts,
                               &t->optimizer, NULL));
    drift_trainer_free(t);
    checkpoint_close(&file);
    expect_error(
        &s, drift_trainer_resume(s.ctx, DRIFT_GENERATOR, s.run, NULL, 0, &t),
        DRIFT_ERROR_FORMAT, "data have changed");
    config_free(c);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_cut_back),
        cmocka_unit_test(foreign_lines_stay),
        cmocka_unit_test(overrides_are_checked),
        cmocka_unit_test(minutes_end_a_run),
        cmocka_unit_test(last_line_is_whole),
        cmocka_unit_test(data_may_move),
        cmocka_unit_test(pictures_go_on),
        cmocka_unit_test(watch_goes_on),
        cmocka_unit_test(changed_data_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
