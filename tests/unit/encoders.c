/* Encoders of other people: their files are recognised, with and without
 * wrappers; one with an array missing, wrong or too many is refused by name.
 * Values against the originals: golden-check cifar_resnet, resnet*,
 * convnext*, dinov2, inception. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/tensors.h"
#include "../golden/formula.h"
#include "../golden/networks.h"

static drift_context *open_context(void)
{
    drift_context *ctx;
    assert_int_equal(drift_context_open(&ctx, NULL), DRIFT_OK);
    return ctx;
}

static void close_context(drift_context *ctx)
{
    assert_int_equal(pool_get_stats(ctx).used, 0);
    drift_context_close(ctx);
}

/* Every kind in small, as its files tell it. */
static const encoder_config kinds[] = {
    {.kind = ENCODER_CIFAR_RESNET,
     .width = 4,
     .blocks = {2, 1, 3},
     .classes = 5,
     .channels = 3,
     .imagenet = 1},
    {.kind = ENCODER_RESNET,
     .width = 4,
     .blocks = {1, 2, 1, 1},
     .classes = 5,
     .channels = 3,
     .resize = 64,
     .imagenet = 1},
    {.kind = ENCODER_RESNET,
     .width = 4,
     .blocks = {2, 1, 1, 1},
     .classes = 6,
     .bottleneck = 1,
     .channels = 3,
     .resize = 64,
     .imagenet = 1},
    {.kind = ENCODER_CONVNEXT,
     .width = 4,
     .blocks = {1, 1, 2, 1},
     .widths = {4, 6, 8, 5},
     .channels = 3,
     .resize = 224,
     .imagenet = 1,
     .shrink = 1,
     .map_norm = 1},
    {.kind = ENCODER_DINO,
     .width = 64,
     .blocks = {2},
     .hidden = 256,
     .patch = 14,
     .heads = 1,
     .positions = 37,
     .channels = 3,
     .resize = 112,
     .imagenet = 1,
     .clamp = 1},
    {.kind = ENCODER_INCEPTION,
     .width = 2,
     .classes = 5,
     .channels = 3,
     .image_height = 299,
     .image_width = 299},
};
#define KINDS   (sizeof kinds / sizeof *kinds)
#define DINO    (KINDS - 2)
#define ANCHORS 1 /* arrays without which nothing is recognised */

/* The arrays of a kind, each name with `wrapper` before it. */
static void make_arrays(drift_context *ctx, const encoder_config *c,
                        const char *wrapper, array_list *list)
{
    array_list bare = {0};
    assert_int_equal(networks_arrays(ctx, c, "unit/", &bare), 0);
    for (size_t i = 0; i < bare.count; i++) {
        char name[256];
        array a = bare.items[i];
        snprintf(name, sizeof name, "%s%s", wrapper, a.name);
        bare.items[i].owned = NULL;
        assert_int_equal(array_list_add(ctx, list, name, &a), 0);
    }
    array_list_free(&bare);
}

static drift_status load(drift_context *ctx, const array_list *list,
                         encoder_config *c)
{
    encoder *e = NULL;
    drift_status status = encoder_recognize(ctx, list, c);
    if (status == DRIFT_OK)
        status = encoder_new(ctx, c, 0, 0, &e);
    if (status == DRIFT_OK)
        status = e->ops->load(e, list, &e->params.value);
    encoder_free(e);
    return status;
}

static void recognized(void **state)
{
    static const char *const wrappers[] = {"", "module.", "state_dict."};
    drift_context *ctx = open_context();
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
            array_list list = {0};
            encoder_config c;
            make_arrays(ctx, &kinds[k], wrappers[i], &list);
            if (load(ctx, &list, &c) != DRIFT_OK)
                fail_msg("%zu: %s", k, drift_error_text(ctx));
            assert_memory_equal(&c, &kinds[k], sizeof c);
            array_list_free(&list);
        }
    close_context(ctx);
}

/* The error names the array, also where nothing is recognised without it and
 * the file is refused as a whole, which gives 1. */
static int refused(drift_context *ctx, const array_list *list, const char *name,
                   const char *what)
{
    encoder_config c;
    char text[256];
    assert_int_equal(load(ctx, list, &c), DRIFT_ERROR_FORMAT);
    const char *error = drift_error_text(ctx);
    snprintf(text, sizeof text, "'%s' is %s", name, what);
    int whole = strstr(error, "are not those of an encoder") != NULL;
    if (whole)
        snprintf(text, sizeof text, "'%s'", name);
    const char *told = strstr(error, text);
    if (told && !whole && strstr(told + 1, text))
        fail_msg("told twice: %s", error);
    if (!told)
        fail_msg("%s, but: %s", text, error);
    drift_error_clear(ctx);
    return whole;
}

static void misfits(void **state)
{
    drift_context *ctx = open_context();
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        array_list list = {0};
        int whole = 0, wrong = 0;
        make_arrays(ctx, &kinds[k], "", &list);
        for (size_t i = 0; i < list.count; i++) {
            array *a = &list.items[i];
            char *name = a->name, other[] = "other.weight";
            if (!strcmp(name, "mask_token")) /* of no use */
                continue;
            a->name = other;
            whole += refused(ctx, &list, name, "missing");
            a->name = name;
            a->dim[a->ndim - 1]++;
            wrong += refused(ctx, &list, name, "[");
            a->dim[a->ndim - 1]--;
        }
        array more = {.type = ARRAY_F32, .ndim = 1, .dim = {1}, .data = ""};
        assert_int_equal(array_list_add(ctx, &list, "more.bias", &more), 0);
        assert_int_equal(refused(ctx, &list, "more.bias", "left over"), 0);
        assert_true(whole <= ANCHORS && wrong <= ANCHORS);
        array_list_free(&list);
    }
    close_context(ctx);
}

/* The network of published scores has its own 1008 classes. */
static void other_inception(void **state)
{
    drift_context *ctx = open_context();
    array_list list = {0};
    encoder_config found;
    array stem = {.type = ARRAY_F32, .ndim = 4, .dim = {32, 3, 3, 3}};
    array head = {.type = ARRAY_F32, .ndim = 2, .dim = {1000, 2048}};
    (void)state;
    stem.data = stem.owned = calloc(array_count(&stem), 4);
    head.data = head.owned = calloc(array_count(&head), 4);
    assert_int_equal(
        array_list_add(ctx, &list, "Conv2d_1a_3x3.conv.weight", &stem), 0);
    assert_int_equal(array_list_add(ctx, &list, "fc.weight", &head), 0);
    assert_int_not_equal(load(ctx, &list, &found), 0);
    assert_non_null(strstr(drift_error_text(ctx), "has 1000 classes"));
    array_list_free(&list);
    close_context(ctx);
}

/* MoCo's file has two encoders and a queue, and no head for classes. */
static void moco(void **state)
{
    drift_context *ctx = open_context();
    encoder_config c = kinds[2], found;
    array_list list = {0};
    array queue = {.type = ARRAY_F32, .ndim = 1, .dim = {1}, .data = "abc"};
    (void)state;
    make_arrays(ctx, &c, "state_dict.module.encoder_q.", &list);
    make_arrays(ctx, &c, "state_dict.module.encoder_k.", &list);
    assert_int_equal(
        array_list_add(ctx, &list, "state_dict.module.queue", &queue), 0);
    assert_int_equal(load(ctx, &list, &found), 0);
    c.classes = 0;
    assert_memory_equal(&found, &c, sizeof c);
    array_list_free(&list);
    close_context(ctx);
}

/* Transformers' names of what torch hub calls otherwise. */
static void rename_dino(drift_context *ctx, array *a)
{
    static const char *const names[][2] = {
        {"cls_token", "embeddings.cls_token"},
        {"mask_token", "embeddings.mask_token"},
        {"pos_embed", "embeddings.position_embeddings"},
        {"patch_embed.proj.", "embeddings.patch_embeddings.projection."},
        {"attn.proj.", "attention.output.dense."},
        {"ls1.gamma", "layer_scale1.lambda1"},
        {"ls2.gamma", "layer_scale2.lambda1"},
    };
    char name[256], *part;
    snprintf(name, sizeof name, "%s", a->name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((part = strstr(a->name, names[i][0])) != NULL)
            snprintf(name, sizeof name, "%.*s%s%s", (int)(part - a->name),
                     a->name, names[i][1], part + strlen(names[i][0]));
    int blocks = !strncmp(name, "blocks.", 7),
        last = !strncmp(name, "norm.", 5);
    mem_free(a->name);
    a->name = mem_printf(ctx, "dinov2.%s%s",
                         blocks ? "encoder.layer."
                         : last ? "layer"
                                : "",
                         name + (blocks ? 7 : 0));
    assert_non_null(a->name);
}

/* qkv becomes three arrays of a third of it each. */
static void cut_qkv(drift_context *ctx, array_list *list, size_t i)
{
    static const char *const parts[] = {"query", "key", "value"};
    array all = list->items[i];
    const char *at = strstr(all.name, "attn.qkv");
    all.dim[0] /= 3;
    for (size_t k = 0; k < 3; k++) {
        array a = all;
        size_t n = array_count(&a);
        float *x = malloc(n * sizeof *x);
        char name[256];
        memcpy(x, (const float *)all.data + k * n, n * sizeof *x);
        a.data = a.owned = x;
        snprintf(name, sizeof name, "%.*sattention.attention.%s%s",
                 (int)(at - all.name), all.name, parts[k], at + 8);
        if (k < 2) {
            assert_int_equal(array_list_add(ctx, list, name, &a), 0);
            continue;
        }
        mem_free(list->items[i].name);
        mem_free(list->items[i].owned);
        list->items[i] = a;
        list->items[i].name = mem_strdup(ctx, name);
        assert_non_null(list->items[i].name);
    }
}

/* Both names of DINOv2's arrays give the same parameters. */
static void dino_names(void **state)
{
    drift_context *ctx = open_context();
    float *x[2];
    size_t n = 0;
    (void)state;
    for (int k = 0; k < 2; k++) {
        array_list list = {0};
        encoder_config c;
        encoder *e;
        make_arrays(ctx, &kinds[DINO], "", &list);
        for (size_t i = 0, count = list.count; k && i < count; i++)
            if (strstr(list.items[i].name, "attn.qkv"))
                cut_qkv(ctx, &list, i);
        for (size_t i = 0; k && i < list.count; i++)
            rename_dino(ctx, &list.items[i]);
        assert_int_equal(encoder_recognize(ctx, &list, &c), 0);
        assert_memory_equal(&c, &kinds[DINO], sizeof c);
        assert_int_equal(encoder_new(ctx, &c, 0, 0, &e), 0);
        if (e->ops->load(e, &list, &e->params.value) != DRIFT_OK)
            fail_msg("%s", drift_error_text(ctx));
        n = e->params.total;
        x[k] = malloc(n * sizeof *x[k]);
        assert_int_equal(tensor_read(ctx, &e->params.value, x[k]), 0);
        encoder_free(e);
        array_list_free(&list);
    }
    assert_memory_equal(x[0], x[1], n * sizeof **x);
    free(x[0]);
    free(x[1]);
    close_context(ctx);
}

static float *numbers(drift_context *ctx, const tensor *t, size_t *count)
{
    *count = tensor_count(t);
    float *x = malloc(*count * sizeof *x);
    assert_non_null(x);
    assert_int_equal(tensor_read(ctx, t, x), 0);
    return x;
}

/* In our own file, every size comes back. */
static void written(void **state)
{
    static const char path[] = "encoders.tmp.safetensors";
    drift_context *ctx = open_context();
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        encoder *e, *again;
        size_t n;
        assert_int_equal(encoder_new(ctx, &kinds[k], 3, 0, &e), 0);
        assert_int_equal(encoder_write(e, &e->params.value, path), 0);
        if (encoder_open_whole(ctx, path, &again) != DRIFT_OK)
            fail_msg("%s", drift_error_text(ctx));
        assert_memory_equal(&again->config, &e->config, sizeof e->config);
        float *x = numbers(ctx, &e->params.value, &n);
        float *y = numbers(ctx, &again->params.value, &n);
        assert_memory_equal(x, y, n * sizeof *x);
        free(x);
        free(y);
        encoder_free(e);
        encoder_free(again);
    }
    remove(path);
    close_context(ctx);
}

/* Sizes in our own file: those of older versions are fewer, those of newer ones
 * more. */
static void sizes(void **state)
{
    static const char path[] = "encoders.tmp.safetensors";
    static const struct {
        const char *rest, *error; /* NULL: the file is read */
    } cases[] = {
        {"", NULL},
        {", \"newer\": 0", NULL},
        {", \"newer\": 1", "has 'newer', which this version does not know"},
        {", \"resize\": -1", "'resize' is no whole number"},
        {", \"resize\": 1.5", "'resize' is no whole number"},
        {", \"resize\": 4097", "resize is 4097, not from 0 to 4096"},
        {", \"blocks2\": 1025", "blocks2 is 1025"},
        {", \"blocks2\": 1", "is missing"},
        {", \"blocks2\": 1024, \"blocks3\": 1000", "of these sizes has"},
    };
    drift_context *ctx = open_context();
    encoder_config c = {
        .kind = ENCODER_CIFAR_RESNET, .width = 4, .blocks = {2}, .channels = 3};
    encoder *e, *again;
    tensors file;
    (void)state;
    assert_int_equal(encoder_new(ctx, &c, 3, 0, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *key = "drift.encoder";
        char text[200], *value = text;
        assert_int_equal(encoder_write(e, &e->params.value, path), 0);
        assert_int_equal(tensors_open(ctx, path, &file), 0);
        snprintf(text, sizeof text,
                 "{\"kind\": \"cifar-resnet\", \"width\": 4, \"blocks1\": 2, "
                 "\"image_channels\": 3%s}",
                 cases[i].rest);
        assert_int_equal(safetensors_write(ctx, path, file.arrays, &key,
                                           (const char *const *)&value, 1),
                         0);
        tensors_close(&file);
        drift_status status = encoder_open(ctx, path, &again);
        assert_int_equal(status != DRIFT_OK, cases[i].error != NULL);
        if (cases[i].error && !strstr(drift_error_text(ctx), cases[i].error))
            fail_msg("'%s', but: %s", cases[i].error, drift_error_text(ctx));
        if (!cases[i].error)
            assert_memory_equal(&again->config, &c, sizeof c);
        encoder_free(again);
        drift_error_clear(ctx);
    }
    encoder_free(e);
    remove(path);
    close_context(ctx);
}

/* SimCLR's images are in [0,1], which its file does not tell: a file beside it
 * does. */
static void beside(void **state)
{
    static const char path[] = "encoders.tmp.safetensors";
    static const struct {
        const char *json, *error; /* NULL: the file is read */
        int imagenet, unit, resize;
    } cases[] = {
        {"{\"drift.encoder\": {\"imagenet\": 0, \"unit\": 1}}", NULL, 0, 1, 64},
        {"{\"drift.encoder\": {\"imagenet\": 0, \"resize\": 0}}", NULL, 0, 0,
         0},
        {"{\"other\": 1}", NULL, 1, 0, 64},
        {"{\"drift.encoder\": {\"unite\": 1}}",
         "tmp.json': its 'drift.encoder' has 'unite'", 0, 0, 0},
        {"{\"drift.encoder\": 1}",
         "tmp.json': its 'drift.encoder' is no object", 0, 0, 0},
        {"{", "tmp.json': line 1", 0, 0, 0},
    };
    drift_context *ctx = open_context();
    array_list list = {0};
    (void)state;
    make_arrays(ctx, &kinds[1], "state_dict.", &list);
    assert_int_equal(safetensors_write(ctx, path, &list, NULL, NULL, 0), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        encoder *e;
        assert_int_equal(file_replace(ctx, "encoders.tmp.json", cases[i].json,
                                      strlen(cases[i].json)),
                         0);
        drift_status status = encoder_open(ctx, path, &e);
        assert_int_equal(status != DRIFT_OK, cases[i].error != NULL);
        if (cases[i].error && !strstr(drift_error_text(ctx), cases[i].error))
            fail_msg("'%s', but: %s", cases[i].error, drift_error_text(ctx));
        drift_error_clear(ctx);
        if (!e)
            continue;
        assert_int_equal(e->config.imagenet, cases[i].imagenet);
        assert_int_equal(e->config.unit, cases[i].unit);
        assert_int_equal(e->config.resize, cases[i].resize);
        encoder_free(e);
    }
    array_list_free(&list);
    remove(path);
    remove("encoders.tmp.json");
    close_context(ctx);
}

/* Images as they are prepared: (x+1)/2, clamped or not. */
static void unit_images(void **state)
{
    static const float x[2 * 3] = {-1.5f, -1, 0, .5f, 1, 1.25f};
    drift_context *ctx = open_context();
    encoder_config c = kinds[0];
    (void)state;
    c.imagenet = 0;
    c.unit = 1;
    for (c.clamp = 0; c.clamp < 2; c.clamp++) {
        encoder *e;
        tensor image;
        tape *t;
        size_t n;
        assert_int_equal(encoder_new(ctx, &c, 3, 0, &e), 0);
        assert_int_equal(tensor_new(ctx, &image, DTYPE_F32, SHAPE(1, 1, 2, 3)),
                         0);
        assert_int_equal(tensor_write(ctx, &image, x), 0);
        assert_int_equal(tape_new(ctx, 0, &t), 0);
        var *v = encoder_input(e, t, tape_constant(t, &image));
        assert_int_equal(tape_status(t), 0);
        float *y = numbers(ctx, &v->value, &n);
        for (size_t i = 0; i < n; i++) {
            float want = (x[i] + 1) / 2;
            if (c.clamp)
                want = want < 0 ? 0 : want > 1 ? 1 : want;
            assert_true(y[i] == want);
        }
        free(y);
        tape_free(t);
        tensor_free(ctx, &image);
        encoder_free(e);
    }
    close_context(ctx);
}

/* What an encoder says to images that are none of its. */
static void other_images(void **state)
{
    drift_context *ctx = open_context();
    encoder_config c = kinds[0];
    (void)state;
    for (int sized = 0; sized < 2; sized++) {
        encoder_out out = {.want_logits = 0};
        encoder *e;
        tensor image;
        tape *t;
        c.image_height = c.image_width = sized ? 8 : 0;
        assert_int_equal(encoder_new(ctx, &c, 3, 0, &e), 0);
        assert_int_equal(tensor_new(ctx, &image, DTYPE_F32, SHAPE(1, 4, 4, 2)),
                         0);
        assert_int_equal(tape_new(ctx, 0, &t), 0);
        encoder_forward(e, t, &e->params.value, tape_constant(t, &image), &out);
        assert_int_equal(tape_status(t), DRIFT_ERROR_SHAPE);
        assert_non_null(strstr(drift_error_text(ctx),
                               sized ? "it is for 8 x 8 with 3 channels or 1"
                                     : "it is for any size with 3 channels"));
        drift_error_clear(ctx);
        tape_free(t);
        tensor_free(ctx, &image);
        encoder_free(e);
    }
    close_context(ctx);
}

/* The vector `cls` of a dino for an image of these numbers, times `factor` and
 * held in [-1,1] where `held`. */
static float *cls_of(encoder *e, float factor, int held, size_t *count)
{
    drift_context *ctx = e->ctx;
    encoder_out out = {.want_logits = 0};
    tensor image;
    float x[10 * 12 * 3];
    tape *t;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        x[i] = factor * formula_value(1, i, -1, 1);
        if (held)
            x[i] = x[i] > 1 ? 1 : x[i] < -1 ? -1 : x[i];
    }
    assert_int_equal(tensor_new(ctx, &image, DTYPE_F32, SHAPE(1, 10, 12, 3)),
                     0);
    assert_int_equal(tensor_write(ctx, &image, x), 0);
    assert_int_equal(tape_new(ctx, 0, &t), 0);
    encoder_forward(e, t, &e->params.value, tape_constant(t, &image), &out);
    assert_int_equal(tape_status(t), 0);
    const encoder_map *last = &out.list[out.count - 1];
    assert_string_equal(last->name, "cls");
    float *cls = numbers(ctx, &last->value->value, count);
    tape_free(t);
    tensor_free(ctx, &image);
    return cls;
}

static void clamped(void **state)
{
    drift_context *ctx = open_context();
    encoder *e;
    size_t n;
    (void)state;
    assert_int_equal(encoder_new(ctx, &kinds[DINO], 3, 0, &e), 0);
    float *far = cls_of(e, 3, 0, &n), *held = cls_of(e, 3, 1, &n);
    float *near = cls_of(e, 1, 0, &n);
    assert_memory_equal(far, held, n * sizeof *far);
    assert_memory_not_equal(far, near, n * sizeof *far);
    free(far);
    free(held);
    free(near);
    encoder_free(e);
    close_context(ctx);
}

/* The first maps are the same where no more are wanted, and what follows them
 * is not computed. */
static void cut_short(void **state)
{
    static const encoder_config own[] = {
        {.kind = ENCODER_CLASSIFIER,
         .width = 4,
         .blocks = {1, 1},
         .groups = 2,
         .hidden = 6,
         .patch = 2,
         .channels = 3},
        {.kind = ENCODER_AUTOENCODER,
         .width = 4,
         .blocks = {1, 1},
         .groups = 2,
         .latent = 2,
         .image_height = 16,
         .image_width = 16,
         .channels = 3},
        {.kind = ENCODER_MAE,
         .width = 4,
         .blocks = {1, 1, 1, 1},
         .groups = 2,
         .patch = 2,
         .channels = 3},
    };
    drift_context *ctx = open_context();
    (void)state;
    for (size_t k = 0; k < KINDS + sizeof own / sizeof *own; k++) {
        const encoder_config *c = k < KINDS ? &kinds[k] : &own[k - KINDS];
        encoder_out all = {0}, some = {.most = 1};
        encoder *e;
        tensor image;
        tape *t;
        size_t n, m;
        assert_int_equal(encoder_new(ctx, c, 3, 0, &e), 0);
        assert_int_equal(
            tensor_new(ctx, &image, DTYPE_F32, SHAPE(1, 16, 16, 3)), 0);
        assert_int_equal(op_fill(ctx, &image, .5), 0);
        assert_int_equal(tape_new(ctx, 0, &t), 0);
        encoder_forward(e, t, &e->params.value, tape_constant(t, &image), &all);
        for (size_t most = 1; most <= all.count; most++) {
            some.most = most;
            encoder_forward(e, t, &e->params.value, tape_constant(t, &image),
                            &some);
            assert_int_equal(tape_status(t), 0);
            assert_in_range(some.count, most, all.count);
            if (most == 1)
                assert_true(some.count < all.count);
            const encoder_map *a = &all.list[most - 1];
            const encoder_map *b = &some.list[most - 1];
            assert_string_equal(a->name, b->name);
            float *x = numbers(ctx, &a->value->value, &n);
            float *y = numbers(ctx, &b->value->value, &m);
            assert_int_equal(n, m);
            assert_memory_equal(x, y, n * sizeof *x);
            free(x);
            free(y);
        }
        tape_free(t);
        tensor_free(ctx, &image);
        encoder_free(e);
    }
    close_context(ctx);
}

/* README-formula.md, check values. */
static void formula(void **state)
{
    uint64_t key = formula_key("s1:", "conv1.weight");
    (void)state;
    assert_true(formula_key("", "") == 0xcbf29ce484222325u);
    assert_true(formula_key("a", "") == 0xaf63dc4c8601ec8cu);
    assert_true(key == 0x3af42d20f81829b8u);
    assert_true(formula_bits(0, 2) == 0x975835de1c9756ceu);
    assert_true(formula_bits(key, 3) == 0xbf8a17745967454cu);
    assert_true(formula_value(key, 1, -1.0 / 7, 1.0 / 7) == -0x1.a0ddcp-8f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognized), cmocka_unit_test(misfits),
        cmocka_unit_test(other_inception),
        cmocka_unit_test(moco),       cmocka_unit_test(dino_names),
        cmocka_unit_test(written),    cmocka_unit_test(clamped),
        cmocka_unit_test(sizes),      cmocka_unit_test(other_images),
        cmocka_unit_test(beside),     cmocka_unit_test(unit_images),
        cmocka_unit_test(formula),    cmocka_unit_test(cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
