/* The configuration table, its YAML reader and writer, overrides, digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "train/config.h"

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

static config *fresh(void)
{
    config *c;
    assert_int_equal(config_new(ctx, DRIFT_GENERATOR, &c), DRIFT_OK);
    return c;
}

static void defaults_and_table(void **state)
{
    (void)state;
    config *c = fresh();
    assert_int_equal(c->generator.hidden, 768);
    assert_int_equal(c->drift.field.temperatures, 3);
    assert_true(c->drift.field.r[0] == 0.02f);
    assert_true(c->optimizer.lr == 2e-4);
    assert_string_equal(c->data.path, "mnist");
    /* Each default is written as the table shows it. */
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        char *value = config_value(ctx, c, key);
        assert_non_null(value);
        assert_string_equal(value, *key->fallback ? key->fallback : "\"\"");
        mem_free(value);
        assert_true(*key->help && key->help[strlen(key->help) - 1] != '.');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(key->name, config_keys[j].name);
            assert_int_not_equal(key->offset, config_keys[j].offset);
        }
    }
    config_free(c);
}

static void round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "# a comment\n"
        "data:\n  path: \"with space \\\" quote\"\n  noise: .25\n"
        "generator: {kind: conv, hidden: 16, use_alpha: false}\n"
        "drift:\n  temperatures: [.05]\n  memory: 1.5 GiB\n"
        "optimizer:\n  ema:\n    - 0.99\n    - 0.3\n  lr: 3e-3\n"
        "run: {seed: 900000000000000, steps: 7}\n";
    char *first, *second, digest1[DIGEST_TEXT], digest2[DIGEST_TEXT];
    config *c = fresh(), *back = fresh();
    assert_int_equal(config_parse(ctx, c, "a", text, strlen(text)), DRIFT_OK);
    assert_int_equal(config_resolve(ctx, c), DRIFT_OK);
    assert_string_equal(c->data.path, "with space \" quote");
    assert_int_equal(c->generator.kind, GENERATOR_CONV);
    assert_int_equal(c->drift.field.temperatures, 1);
    assert_true(c->drift.memory == (int64_t)3 << 29);
    assert_int_equal(c->optimizer.ema_count, 2);
    assert_true(c->optimizer.ema[1] == 0.3f);
    assert_true(c->run.seed == 900000000000000);
    assert_true(c->optimizer.total_steps == 7);

    assert_int_equal(config_text(ctx, c, &first), DRIFT_OK);
    assert_int_equal(config_parse(ctx, back, "b", first, strlen(first)),
                     DRIFT_OK);
    assert_int_equal(config_text(ctx, back, &second), DRIFT_OK);
    assert_string_equal(first, second);
    assert_int_equal(config_digest(ctx, c, digest1), DRIFT_OK);
    assert_int_equal(config_digest(ctx, back, digest2), DRIFT_OK);
    assert_string_equal(digest1, digest2);
    mem_free(first);
    mem_free(second);
    config_free(c);
    config_free(back);
}

static void digest_covers(void **state)
{
    (void)state;
    char before[DIGEST_TEXT], after[DIGEST_TEXT];
    config *c = fresh();
    assert_int_equal(config_digest(ctx, c, before), DRIFT_OK);
    assert_int_equal(config_set(ctx, c, "t", "run.name", "x"), DRIFT_OK);
    assert_int_equal(config_set(ctx, c, "t", "run.minutes", "3"), DRIFT_OK);
    assert_int_equal(config_digest(ctx, c, after), DRIFT_OK);
    assert_string_equal(before, after);
    /* In a cache of f16 numbers are others. */
    assert_int_equal(config_set(ctx, c, "t", "features.cache", "false"),
                     DRIFT_OK);
    assert_int_equal(config_digest(ctx, c, after), DRIFT_OK);
    assert_string_not_equal(before, after);
    assert_int_equal(config_set(ctx, c, "t", "features.cache", "true"),
                     DRIFT_OK);
    assert_int_equal(config_set(ctx, c, "t", "run.seed", "2"), DRIFT_OK);
    assert_int_equal(config_digest(ctx, c, after), DRIFT_OK);
    assert_string_not_equal(before, after);
    config_free(c);
}

/* Every mistake: its text, and the configuration is untouched. */
static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "f: the configuration is empty"},
        {"# nothing\n", "f: the configuration is empty"},
        {"7\n", "f:1: found a value; allowed: sections"},
        {"- a\n", "f:1: found a list; allowed: sections"},
        {"genrator: {}\n",
         "f:1: unknown section 'genrator' (nearest: "
         "'generator'; sections: data, generator, features, drift, "
         "guidance, optimizer, run)"},
        {"run: 5\n", "f:1: section 'run': found a value; allowed: keys with "
                     "values, indented"},
        {"run:\n", "f:1: section 'run': found a value; allowed: keys with "
                   "values, indented"},
        {"run:\n  seed: 1\ndata: {}\nrun:\n  steps: 2\n",
         "f:4: section 'run' comes again; first on line 1"},
        {"run:\n  seed: 1\n  seed: 1\n",
         "f:3: 'run.seed' comes again; first on line 2"},
        {"generator:\n  hiden: 1\n", "f:2: unknown key 'generator.hiden' "
                                     "(nearest: 'generator.hidden')"},
        {"run:\n  lr: 1\n",
         "f:2: unknown key 'run.lr' (nearest: 'optimizer.lr')"},
        {"run:\n  ? [a]\n  : 1\n", "f:2: found a list where a name belongs"},
        {"generator:\n  hidden: wide\n",
         "f:2: generator.hidden: 'wide' is not a whole number; allowed: 1 to "
         "65536"},
        {"generator:\n  hidden: 64x\n",
         "f:2: generator.hidden: '64x' is not a whole number; allowed: 1 to "
         "65536"},
        {"generator:\n  hidden: 1.5\n",
         "f:2: generator.hidden: '1.5' is not a whole number; allowed: 1 to "
         "65536"},
        {"generator:\n  hidden: \"64\"\n",
         "f:2: generator.hidden: found quoted text \"64\"; allowed: 1 to "
         "65536"},
        {"generator:\n  hidden: 0\n",
         "f:2: generator.hidden: '0' is out of range; allowed: 1 to 65536"},
        {"generator:\n  hidden:\n",
         "f:2: generator.hidden: found no value; allowed: 1 to 65536"},
        {"generator:\n  hidden: [1]\n",
         "f:2: generator.hidden: found a list; allowed: 1 to 65536"},
        {"generator:\n  hidden: {a: 1}\n",
         "f:2: generator.hidden: found a mapping; allowed: 1 to 65536"},
        {"generator:\n  kind: dir\n",
         "f:2: generator.kind: 'dir' is not known here; allowed: dit, conv "
         "or mlp"},
        {"generator:\n  use_class: yes\n",
         "f:2: generator.use_class: 'yes' is not a truth value; allowed: "
         "true or false"},
        {"optimizer:\n  lr: nan\n",
         "f:2: optimizer.lr: 'nan' is not a number; allowed: 0 to 10"},
        {"optimizer:\n  lr: 0x1p-3\n",
         "f:2: optimizer.lr: '0x1p-3' is not a number; allowed: 0 to 10"},
        {"optimizer:\n  lr: -1\n",
         "f:2: optimizer.lr: '-1' is out of range; allowed: 0 to 10"},
        {"drift:\n  memory: 2 GB\n",
         "f:2: drift.memory: '2 GB' is not a size; allowed: 0 or more "
         "bytes, or as 512 MiB, 2 GiB"},
        {"drift:\n  temperatures: 1\n",
         "f:2: drift.temperatures: '1' is not a list; allowed: at most 8 "
         "from 1e-06 to 1e+06, as [1, 2]"},
        {"drift:\n  temperatures: [1,2,3,4,5,6,7,8,9]\n",
         "f:2: drift.temperatures: 9 numbers; at most 8 allowed"},
        {"drift:\n  temperatures:\n    - 1\n    - [2]\n",
         "f:4: drift.temperatures: found a list inside the list; allowed: "
         "numbers"},
        {"data:\n  path: \"a\\0b\"\n",
         "f:2: data.path: a zero byte in the value"},
        {"data:\n  path: \"a\\nb\"\n",
         "f:2: data.path: the value is not plain text in UTF-8"},
        {"run: {seed: 1}\n---\nrun: {seed: 2}\n",
         "f:2: a second document; a configuration has one"},
        {"run: {seed: 1\n", "f:2: not YAML: did not find expected ',' or "
                            "'}', while parsing a flow mapping"},
        {"\xff\xff\n", "f: invalid leading UTF-8 octet at byte 0"},
    };
    char *before, *after;
    config *c = fresh();
    assert_int_equal(config_text(ctx, c, &before), DRIFT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            config_parse(ctx, c, "f", cases[i].text, strlen(cases[i].text)),
            DRIFT_ERROR_USAGE);
        assert_string_equal(drift_error_text(ctx), cases[i].error);
        drift_error_clear(ctx);
    }
    assert_int_equal(config_text(ctx, c, &after), DRIFT_OK);
    assert_string_equal(before, after);
    mem_free(before);
    mem_free(after);
    config_free(c);
}

static void overrides(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"run.step", "5", "w: unknown key 'run.step' (nearest: 'run.steps')"},
        {"run.steps", "5 ",
         "w: run.steps: '5 ' is not a whole number; "
         "allowed: 1 or more steps"},
        {"run.steps", "",
         "w: run.steps: '' is not a whole number; allowed: "
         "1 or more steps"},
        {"run.steps", "--5",
         "w: run.steps: '--5' is not a whole number; "
         "allowed: 1 or more steps"},
        {"optimizer.ema", "0.9,",
         "w: optimizer.ema: '0.9,' ends with a "
         "comma"},
        {"optimizer.ema", "0.9,x",
         "w: optimizer.ema: 'x' is not a number; allowed: at most 8 from 0 to "
         "0.99999999, as [1, 2]"},
        {"data.path", "\xc3(",
         "w: data.path: the value is not plain text in "
         "UTF-8"},
    };
    config *c = fresh();
    assert_int_equal(config_set(ctx, c, "w", "optimizer.ema", "[]"), DRIFT_OK);
    assert_int_equal(c->optimizer.ema_count, 0);
    assert_int_equal(config_set(ctx, c, "w", "optimizer.ema", "[ .5, .25 ]"),
                     DRIFT_OK);
    assert_int_equal(c->optimizer.ema_count, 2);
    assert_int_equal(config_set(ctx, c, "w", "optimizer.ema", "0.9"), DRIFT_OK);
    assert_int_equal(c->optimizer.ema_count, 1);
    assert_int_equal(config_set(ctx, c, "w", "drift.memory", "512MiB"),
                     DRIFT_OK);
    assert_true(c->drift.memory == (int64_t)512 << 20);
    assert_int_equal(config_set(ctx, c, "w", "data.path", "Bücher/ä"),
                     DRIFT_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(config_set(ctx, c, "w", wrong[i][0], wrong[i][1]),
                         DRIFT_ERROR_USAGE);
        assert_string_equal(drift_error_text(ctx), wrong[i][2]);
        drift_error_clear(ctx);
    }
    config_free(c);
}

static void between_keys(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"data.path", "", "data.path is empty: name a data set"},
        {"data.split", "val",
         "data.split: 'val' is not known here; allowed: "
         "train or test"},
        {"drift.temperatures", "[]",
         "drift.temperatures is empty: give at least one number"},
        {"guidance.alpha_min", "5",
         "guidance.alpha_min (5) is above guidance.alpha_max (4)"},
        {"optimizer.ema", "0.5,0.5", "optimizer.ema: 0.5 comes twice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        config *c = fresh();
        assert_int_equal(config_set(ctx, c, "w", wrong[i][0], wrong[i][1]),
                         DRIFT_OK);
        assert_int_equal(config_resolve(ctx, c), DRIFT_ERROR_USAGE);
        assert_string_equal(drift_error_text(ctx), wrong[i][2]);
        drift_error_clear(ctx);
        config_free(c);
    }
}

/* Each subject has its own sections, and says whose the others are. */
static void subjects(void **state)
{
    (void)state;
    static const struct {
        drift_subject subject;
        const char *text, *wanted;
    } cases[] = {
        {DRIFT_GENERATOR, "run:\n  stps: 1\nencoder: {}\n",
         "f:3: section 'encoder' is of drift-encoder, not of drift-train"},
        {DRIFT_ENCODER, "drift: {}\n",
         "f:1: section 'drift' is of drift-train, not of drift-encoder"},
        {DRIFT_ENCODER, "run:\n  gif: true\n",
         "f:2: 'run.gif' is a key of drift-train, not of drift-encoder"},
        {DRIFT_ENCODER, "encodr: {}\n",
         "f:1: unknown section 'encodr' (nearest: 'encoder'; sections: data, "
         "encoder, optimizer, run)"},
        {DRIFT_ENCODER, "encoder:\n  hiden: 1\n",
         "f:2: unknown key 'encoder.hiden' (nearest: 'encoder.hidden')"},
        {DRIFT_ENCODER, "encoder:\n  blocks: 2\n",
         "f:2: encoder.blocks: '2' is not a list; allowed: at most 4 from 1 to "
         "1024, as [1, 2]"},
        {DRIFT_ENCODER, "encoder:\n  blocks: [1.5]\n",
         "f:2: encoder.blocks: '1.5' is not a whole number; allowed: at most 4 "
         "from 1 to 1024, as [1, 2]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config *c;
        const char *text = cases[i].text;
        assert_int_equal(config_new(ctx, cases[i].subject, &c), DRIFT_OK);
        assert_int_equal(config_parse(ctx, c, "f", text, strlen(text)),
                         DRIFT_ERROR_USAGE);
        assert_string_equal(drift_error_text(ctx), cases[i].wanted);
        drift_error_clear(ctx);
        config_free(c);
    }
}

/* What an encoder's configuration has reads back as it was written. */
static void encoder_round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "encoder: {blocks: [3, 1], crop: .5, shift: 2}\n";
    config *c, *back;
    char *out, *again, sum[2][DIGEST_TEXT];
    assert_int_equal(config_new(ctx, DRIFT_ENCODER, &c), DRIFT_OK);
    assert_int_equal(config_new(ctx, DRIFT_ENCODER, &back), DRIFT_OK);
    assert_int_equal(config_parse(ctx, c, "f", text, strlen(text)), DRIFT_OK);
    assert_int_equal(c->encoder.stages, 2);
    assert_int_equal(c->encoder.network.blocks[0], 3);
    assert_int_equal(c->encoder.network.blocks[1], 1);
    assert_int_equal(c->encoder.network.blocks[2], 0);
    assert_int_equal(config_text(ctx, c, &out), DRIFT_OK);
    assert_null(strstr(out, "generator"));
    assert_int_equal(config_parse(ctx, back, "f", out, strlen(out)), DRIFT_OK);
    assert_int_equal(config_text(ctx, back, &again), DRIFT_OK);
    assert_string_equal(out, again);
    /* A key that it does not have is nothing to its digest. */
    back->drift.generated++;
    assert_int_equal(config_digest(ctx, c, sum[0]), DRIFT_OK);
    assert_int_equal(config_digest(ctx, back, sum[1]), DRIFT_OK);
    assert_string_equal(sum[0], sum[1]);
    back->encoder.batch++;
    assert_int_equal(config_digest(ctx, back, sum[1]), DRIFT_OK);
    assert_string_not_equal(sum[0], sum[1]);
    mem_free(out);
    mem_free(again);
    config_free(c);
    config_free(back);
}

/* Out of memory at the n-th allocation: an error, no leak, no crash. */
static void memory_runs_out(void **state)
{
    (void)state;
    static const char text[] = "data: {path: a}\noptimizer: {ema: [.5]}\n";
    for (long n = 1; n < 400; n++) {
        config *c = NULL;
        char *out = NULL;
        mem_fail_after(n);
        drift_status s = config_new(ctx, DRIFT_GENERATOR, &c);
        if (s == DRIFT_OK)
            s = config_parse(ctx, c, "f", text, strlen(text));
        if (s == DRIFT_OK)
            s = config_text(ctx, c, &out);
        mem_fail_after(0);
        assert_true(s == DRIFT_OK || s == DRIFT_ERROR_MEMORY);
        mem_free(out);
        config_free(c);
        drift_error_clear(ctx);
    }
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_int_equal(edit_distance("abc", ""), 3);
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("seed", "sede"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_table),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(digest_covers),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(overrides),
        cmocka_unit_test(between_keys),
        cmocka_unit_test(subjects),
        cmocka_unit_test(encoder_round_trip),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
