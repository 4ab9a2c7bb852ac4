/* The masked autoencoder as files: what is recognised, what is read and left,
 * written and read again, refused. Its numbers: golden-check mae_*. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "nn/mae.h"
#include "sweep.h"

static drift_context *ctx;
static char folder[] = "/tmp/drift-mae-XXXXXX";
static char path[64], other[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || drift_context_open(&ctx, NULL) != DRIFT_OK)
        return 1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    return 0;
}

static int teardown(void **state)
{
    char **names;
    size_t count;
    (void)state;
    if (file_list(ctx, folder, &names, &count) != DRIFT_OK)
        return 1;
    for (size_t i = 0; i < count; i++) {
        snprintf(other, sizeof other, "%s/%s", folder, names[i]);
        unlink(other);
    }
    file_list_free(names, count);
    rmdir(folder);
    drift_context_close(ctx);
    return 0;
}

static void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

static void expect(drift_status status, drift_status code, const char *text)
{
    if (status != code || !strstr(drift_error_text(ctx), text))
        fail_msg("%d '%s' instead of %d '%s'", status, drift_error_text(ctx),
                 code, text);
    drift_error_clear(ctx);
}

static encoder_config small(void)
{
    return (encoder_config){.kind = ENCODER_MAE,
                            .width = 2,
                            .blocks = {1, 2, 1, 1},
                            .groups = 32,
                            .classes = 3,
                            .patch = 1,
                            .decoder = 1,
                            .channels = 4};
}

static encoder *fresh(const encoder_config *c)
{
    encoder *e;
    expect_ok(encoder_new(ctx, c, 1, 0, &e));
    return e;
}

/* Its parameters under `wrapper`, as a file of others would have them. */
static void list_of(encoder *e, const char *wrapper, array_list *list)
{
    for (size_t i = 0; i < e->params.count; i++) {
        const param *p = &e->params.list[i];
        tensor view = params_view(&e->params, &e->params.value, (int)i);
        array a = {.type = ARRAY_F32, .ndim = p->shape.ndim};
        char name[128];
        memcpy(a.dim, p->shape.dim, sizeof p->shape.dim);
        a.owned = mem_alloc(ctx, shape_count(p->shape), sizeof(float));
        assert_non_null(a.owned);
        a.data = a.owned;
        expect_ok(tensor_read(ctx, &view, a.owned));
        snprintf(name, sizeof name, "%s%s", wrapper, p->name);
        expect_ok(array_list_add(ctx, list, name, &a));
    }
}

static void write_list(const array_list *list)
{
    expect_ok(safetensors_write(ctx, path, list, NULL, NULL, 0));
}

static array *named(array_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].name, name))
            return &list->items[i];
    fail_msg("no '%s'", name);
    return NULL;
}

/* Every parameter of `a` has its numbers in b, too. */
static void expect_same(encoder *a, encoder *b)
{
    for (size_t i = 0; i < a->params.count; i++) {
        int j = params_find(&b->params, a->params.list[i].name);
        assert_true(j >= 0);
        tensor x = params_view(&a->params, &a->params.value, (int)i);
        tensor y = params_view(&b->params, &b->params.value, j);
        size_t n = tensor_count(&x);
        float *p = malloc(n * sizeof *p), *q = malloc(n * sizeof *q);
        assert_int_equal(tensor_count(&y), n);
        expect_ok(tensor_read(ctx, &x, p));
        expect_ok(tensor_read(ctx, &y, q));
        assert_memory_equal(p, q, n * sizeof *p);
        free(p);
        free(q);
    }
}

/* Our own file, and one of others with a wrapper: whole, and for maps alone. */
static void files(void **state)
{
    encoder_config c = small();
    encoder *e = fresh(&c), *read;
    array_list list = {0};
    (void)state;
    list_of(e, "params.", &list);
    for (int own = 0; own < 2; own++) {
        if (own)
            expect_ok(encoder_write(e, &e->params.value, path));
        else
            write_list(&list);
        expect_ok(encoder_open_whole(ctx, path, &read));
        assert_memory_equal(&read->config, &c, sizeof c);
        assert_int_equal(read->params.total, e->params.total);
        expect_same(e, read);
        encoder_free(read);
        expect_ok(encoder_open(ctx, path, &read));
        assert_int_equal(read->config.decoder, 0);
        assert_int_equal(read->config.classes, 0);
        assert_int_equal(params_find(&read->params, "fc.kernel"), -1);
        assert_int_equal(params_find(&read->params, "decoder.head.bias"), -1);
        assert_true(read->params.total < e->params.total);
        expect_same(read, e);
        encoder_free(read);
    }
    array_list_free(&list);
    encoder_free(e);
}

static void write_text(const char *name, const char *text)
{
    snprintf(other, sizeof other, "%s/%s", folder, name);
    expect_ok(file_replace(ctx, other, text, strlen(text)));
}

/* How large the patches are: 192 channels are 8x8 of RGB; else the metadata
 * beside the file says it, or there are none. */
static void patches(void **state)
{
    encoder_config c = small();
    encoder *e, *read;
    array_list list = {0};
    (void)state;
    for (int wide = 1; wide >= 0; wide--) {
        c.channels = wide ? 192 : 48;
        e = fresh(&c);
        list_of(e, "", &list);
        write_list(&list);
        expect_ok(encoder_open(ctx, path, &read));
        assert_int_equal(read->config.patch, wide ? 8 : 1);
        assert_int_equal(read->config.channels, wide ? 3 : 48);
        encoder_free(read);
        array_list_free(&list);
        encoder_free(e);
    }
    static const char *const names[] = {"metadata.json", "a.json"};
    for (int i = 0; i < 2; i++) {
        write_text(names[i],
                   i ? "{\"kind\": \"mae\", \"model_config\": "
                       "{\"in_channels\": 12, \"input_patch_size\": 2}}"
                     : "{\"kind\": \"mae\", \"model_config\": "
                       "{\"in_channels\": 3, \"input_patch_size\": 4}}");
        expect_ok(encoder_open(ctx, path, &read));
        assert_int_equal(read->config.patch, i ? 2 : 4);
        assert_int_equal(read->config.channels, i ? 12 : 3);
        encoder_free(read);
    }
    static const struct {
        const char *json, *error;
    } bad[] = {
        {"{\"kind\": \"mae\", \"model_config\": {\"in_channels\": 3, "
         "\"input_patch_size\": 5}}",
         "patches of 5 x 5 x 3, the weights are for 48 numbers"},
        {"{\"kind\": \"mae\", \"model_config\": {\"in_channels\": 3}}",
         "'input_patch_size' is missing"},
        {"{\"kind\": \"gen\", \"model_config\": {}}", "'kind' is 'gen'"},
        {"{", "a.json': metadata: line 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("a.json", bad[i].json);
        expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
               bad[i].error);
        assert_null(read);
    }
    unlink(other);
    snprintf(other, sizeof other, "%s/metadata.json", folder);
    unlink(other);
}

/* Files that are not one, or not whole. */
static void refused(void **state)
{
    encoder_config c = small();
    encoder *e = fresh(&c), *read;
    array_list list = {0};
    (void)state;
    list_of(e, "", &list);
    array *a = named(&list, "encoder.layer2_norm.bias");
    a->dim[0]--;
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "'encoder.layer2_norm.bias' is [3], not [4]");
    a->dim[0]++;
    strcpy(named(&list, "encoder.gn1.scale")->name, "encoder.gn7.scale");
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "'encoder.gn1.scale' is missing; 'encoder.gn7.scale' is left over");
    strcpy(named(&list, "encoder.gn7.scale")->name, "encoder.gn1.scale");
    /* Half a decoder: no matter for maps, an error for training. */
    a = named(&list, "decoder.up32.proj.gn.bias");
    memcpy(a->name, "lost", 4);
    strcpy(a->name, "decoder.lost");
    write_list(&list);
    expect_ok(encoder_open(ctx, path, &read));
    encoder_free(read);
    expect(encoder_open_whole(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "'decoder.up32.proj.gn.bias' is missing");
    a = named(&list, "encoder.stages_3.layers_0.conv1.kernel");
    a->name[0] = 'E';
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "'encoder.stages_3.layers_0.conv1.kernel' is missing");
    a->name[0] = 'e';
    a = named(&list, "encoder.layer4_norm.scale");
    a->name[0] = 'E';
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "'encoder.layer4_norm.scale' is missing");
    /* A stage is gone. */
    for (size_t i = 0; i < list.count; i++)
        if (!strncmp(list.items[i].name, "encoder.stages_3.", 17))
            list.items[i].name[0] = 'E';
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_USAGE, "four stages");
    named(&list, "encoder.conv1.kernel")->name[0] = 'E';
    write_list(&list);
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "mae has 'encoder.conv1.kernel'");
    array_list_free(&list);
    encoder_free(e);
    expect_ok(file_replace(ctx, path, "GIF89a and so on", 16));
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "a.safetensors': not a file of weights");
    expect_ok(file_replace(ctx, path, "", 0));
    expect(encoder_open(ctx, path, &read), DRIFT_ERROR_FORMAT,
           "not a file of weights");
}

static void misfits(void **state)
{
    encoder_config c = small();
    encoder *e;
    tape *t;
    tensor x, mask;
    encoder_out maps = {.count = 0};
    mae_out out;
    (void)state;
    c.blocks[1] = 200;
    expect(encoder_new(ctx, &c, 0, 0, &e), DRIFT_ERROR_USAGE, "at most");
    c = small();
    c.patch = 2;
    e = fresh(&c);
    expect_ok(tensor_new(ctx, &x, DTYPE_F32, SHAPE(1, 6, 5, 4)));
    expect_ok(tensor_new(ctx, &mask, DTYPE_F32, SHAPE(1, 3, 3, 1)));
    expect_ok(op_fill(ctx, &x, 1));
    expect_ok(op_fill(ctx, &mask, 1));
    expect_ok(tape_new(ctx, 0, &t));
    encoder_forward(e, t, &e->params.value, tape_constant(t, &x), &maps);
    expect(tape_status(t), DRIFT_ERROR_SHAPE, "whole patches");
    tape_reset(t, 0);
    tensor even = tensor_view(&x, 0, SHAPE(1, 4, 6, 4));
    mae_forward(e, t, &e->params.value, tape_constant(t, &even), &mask, &out);
    expect(tape_status(t), DRIFT_ERROR_SHAPE, "a mask of [1,3,3,1]");
    encoder_free(e);
    c.decoder = 0;
    e = fresh(&c);
    tape_reset(t, 0);
    mae_forward(e, t, &e->params.value, tape_constant(t, &even), &mask, &out);
    expect(tape_status(t), DRIFT_ERROR_USAGE, "with a decoder");
    encoder_free(e);
    tape_free(t);
    tensor_free(ctx, &x);
    tensor_free(ctx, &mask);
}

static drift_status open_and_free(drift_context *own, void *arg)
{
    encoder *e;
    drift_status status = encoder_open_whole(own, arg, &e);
    encoder_free(e);
    return status;
}

static void out_of_memory(void **state)
{
    encoder_config c = small();
    (void)state;
    c.width = 1;
    encoder *e = fresh(&c);
    expect_ok(encoder_write(e, &e->params.value, path));
    encoder_free(e);
    sweep_memory(open_and_free, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),         cmocka_unit_test(patches),
        cmocka_unit_test(refused),       cmocka_unit_test(misfits),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
