/* Encoders of other people: cifar_resnet (real weights, data/weights),
 * resnet18, resnet50, convnextv2_*, dinov2 (weights by formula), convnext_a
 * (the release's families). Logits, maps, their means and deviations, and the
 * gradient of a weighted sum of them in the image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formula.h"
#include "golden.h"
#include "networks.h"

/* An encoder at work on one case. */
typedef struct run {
    golden *g;
    char prefix[16]; /* of the case's tensors */
    tape *t;
    var *x;
    encoder_out out;
} run;

/* `arrays` as a kind that knows them; `raw`: with images as they are. */
static drift_status make_encoder(golden *g, const array_list *arrays, int raw,
                                 encoder **out)
{
    drift_status status = DRIFT_OK;
    encoder_config c;
    *out = NULL;
    TRY(encoder_recognize(g->ctx, arrays, &c));
    if (raw)
        c.imagenet = c.clamp = 0;
    TRY(encoder_new(g->ctx, &c, 0, 0, out));
    TRY((*out)->ops->load(*out, arrays, &(*out)->params.value));
out:
    return status;
}

static drift_status run_open(run *r, golden *g, const char *name, encoder *e,
                             const tensor *x)
{
    drift_status status = DRIFT_OK;
    *r = (run){.g = g, .out.want_logits = 1};
    snprintf(r->prefix, sizeof r->prefix, "%s%s", name, *name ? "." : "");
    TRY(tape_new(g->ctx, 1, &r->t));
    r->x = tape_input(r->t, x);
    encoder_forward(e, r->t, &e->params.value, r->x, &r->out);
    TRY(tape_status(r->t));
out:
    return status;
}

/* Backward, and the image's gradient. */
static drift_status near_gradient(run *r)
{
    drift_status status = DRIFT_OK;
    TRY(tape_status(r->t));
    TRY(tape_backward(r->t));
    TRY(golden_near(r->g, &r->x->grad, MAP, "%sdx", r->prefix));
out:
    return status;
}

static drift_status find_map(run *r, const char *name, var **out)
{
    for (size_t i = 0; i < r->out.count; i++)
        if (!strcmp(r->out.list[i].name, name)) {
            *out = r->out.list[i].value;
            return DRIFT_OK;
        }
    return ERROR(r->g->ctx, DRIFT_ERROR_FORMAT, "the encoder has no map '%s'",
                 name);
}

/* Some numbers of a map, which the file has as NCHW. */
static drift_status near_probe(run *r, const tensor *map, const char *name)
{
    golden *g = r->g;
    const array *want = golden_find(g, "%s%s.probe", r->prefix, name);
    drift_status status = DRIFT_OK;
    const size_t *d = map->shape.dim;
    size_t count = tensor_count(map), n = want ? array_count(want) : 0;
    float *host = calloc(count + 1, sizeof *host);
    double *probe = calloc(n + 1, sizeof *probe);
    if (!host || !probe)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, map, host));
    for (size_t i = 0; i < n; i++) {
        size_t at = formula_probe(i, count), location = at % (d[1] * d[2]);
        size_t c = at / (d[1] * d[2]) % d[3];
        size_t image = at / (d[1] * d[2] * d[3]);
        probe[i] = (double)host[(image * d[1] * d[2] + location) * d[3] + c];
    }
    TRY(golden_near_host(g, probe, n, "%s%s.probe", r->prefix, name));
out:
    free(host);
    free(probe);
    return status;
}

/* y [b,...] gets the gradient `weights` [...] in every sample. */
static drift_status seed_all(run *r, var *y, const char *weights)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    tensor *c, *dy;
    TRY(golden_load(g, &c, NULL, "%s", weights));
    TRY(golden_gradient(g, &dy, y->value.shape));
    TRY(op_add_fwd(g->ctx, dy, dy, c, 1, 1));
    tape_seed(r->t, y, dy);
out:
    return status;
}

/* A map against all that the file has of it; its mean is part of the loss. */
static drift_status near_map(run *r, const char *ours, const char *name,
                             const char *weights)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    var *map = NULL, *mean = NULL, *std = NULL;
    TRY(find_map(r, ours, &map));
    const size_t *d = map->value.shape.dim;
    if (golden_find(g, "%s%s", r->prefix, name))
        TRY(golden_near(g, &map->value, MAP, "%s%s", r->prefix, name));
    if (golden_find(g, "%s%s.probe", r->prefix, name))
        TRY(near_probe(r, &map->value, name));
    tape_moments(r->t, map, (int)d[1], (int)d[2], 0, &mean, &std);
    TRY(tape_status(r->t));
    if (golden_find(g, "%s%s.mean", r->prefix, name)) {
        TRY(golden_near(g, &mean->value, NULL, "%s%s.mean", r->prefix, name));
        TRY(golden_near(g, &std->value, NULL, "%s%s.std", r->prefix, name));
    }
    TRY(seed_all(r, mean, weights));
out:
    return status;
}

static drift_status near_layers(run *r, int layers)
{
    drift_status status = DRIFT_OK;
    for (int i = 1; i <= layers; i++) {
        char name[32], weights[32];
        snprintf(name, sizeof name, "layer%d", i);
        snprintf(weights, sizeof weights, "c%d", i);
        TRY(near_map(r, name, name, weights));
    }
    TRY(golden_near(r->g, &r->out.logits->value, NULL, "%slogits", r->prefix));
out:
    return status;
}

/* -- cifar_resnet --------------------------------------------------------- */

/* The bytes as images in [-1,1]; or, with the mean and deviation that the
 * networks were trained with, as they are given to one that does not
 * normalise. */
static drift_status load_images(golden *g, tensor **x, int normalized)
{
    static const float mean[3] = {.485f, .456f, .406f};
    static const float std[3] = {.229f, .224f, .225f};
    drift_status status = DRIFT_OK;
    float *host = NULL;
    TRY(golden_load(g, x, MAP, "images_u8"));
    size_t count = tensor_count(*x);
    host = malloc(count * sizeof *host);
    if (!host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, *x, host));
    for (size_t i = 0; i < count; i++)
        host[i] = normalized ? (host[i] / 255 - mean[i % 3]) / std[i % 3]
                             : host[i] / 127.5f - 1;
    TRY(tensor_write(g->ctx, *x, host));
out:
    free(host);
    return status;
}

static drift_status check_cifar_case(golden *g, const char *name)
{
    char path[sizeof DRIFT_SOURCE_DIR + 64];
    drift_status status = DRIFT_OK;
    safetensors file = {0};
    encoder *e = NULL, *opened = NULL;
    tensor *x;
    run r = {0};
    snprintf(path, sizeof path,
             DRIFT_SOURCE_DIR "/data/weights/cifar10-resnet%s.safetensors",
             name + 1);
    TRY(safetensors_open(g->ctx, path, &file));
    TRY(make_encoder(g, &file.arrays, 1, &e));
    TRY(load_images(g, &x, 1));
    TRY(run_open(&r, g, name, e, x));
    TRY(near_layers(&r, 3));
    TRY(near_gradient(&r));
    tape_free(r.t);
    r.t = NULL;
    /* As a user opens it. */
    TRY(encoder_open_whole(g->ctx, path, &opened));
    TRY(load_images(g, &x, 0));
    TRY(run_open(&r, g, name, opened, x));
    TRY(golden_near(g, &r.out.logits->value, NULL, "%s.logits", name));
out:
    tape_free(r.t);
    encoder_free(e);
    encoder_free(opened);
    safetensors_close(&file);
    return status;
}

static drift_status check_cifar(golden *g)
{
    golden_ignore(g, "labels");
    return golden_each_case(g, check_cifar_case);
}

/* -- resnet18, resnet50: weights by formula ------------------------------- */

static drift_status check_resnet_case(golden *g, const char *name, encoder *e)
{
    drift_status status = DRIFT_OK;
    tensor *x;
    run r = {0};
    TRY(golden_load(g, &x, MAP, "%s.x", name));
    TRY(run_open(&r, g, name, e, x));
    TRY(near_layers(&r, 4));
    TRY(near_gradient(&r));
out:
    tape_free(r.t);
    golden_end_case(g);
    return status;
}

static drift_status check_resnet(golden *g)
{
    int large = !strcmp(g->name, "resnet50");
    encoder_config c = {.kind = ENCODER_RESNET,
                        .width = 64,
                        .blocks = {2, 2, 2, 2},
                        .classes = 1000,
                        .bottleneck = large,
                        .channels = 3};
    static const int more[ENCODER_STAGES] = {3, 4, 6, 3};
    drift_status status = DRIFT_OK;
    array_list arrays = {0};
    encoder *e = NULL;
    if (large)
        memcpy(c.blocks, more, sizeof more);
    TRY(networks_arrays(g->ctx, &c, golden_meta(g, "salt"), &arrays));
    TRY(make_encoder(g, &arrays, 1, &e));
    /* The loss is part of the gradient, the stem no map: layer1 shows it. */
    golden_ignore(g, "?.loss");
    golden_ignore(g, "?.stem.probe");
    TRY(check_resnet_case(g, "a", e));
    TRY(check_resnet_case(g, "b", e));
out:
    encoder_free(e);
    array_list_free(&arrays);
    return status;
}

/* -- convnextv2_*: weights by formula, maps as they are ------------------- */

static void list_of(const golden *g, const char *key, int out[ENCODER_STAGES])
{
    const char *text = golden_meta(g, key);
    int *o = out;
    if (sscanf(text, "[%d, %d, %d, %d]", &o[0], &o[1], &o[2], &o[3]) != 4)
        memset(out, 0, ENCODER_STAGES * sizeof *out);
}

static drift_status check_stages(run *r)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    var *pool = NULL;
    for (int i = 0; i < ENCODER_STAGES; i++) {
        char ours[32], name[32], weights[32];
        snprintf(ours, sizeof ours, "convenxt_stage_%d", i);
        snprintf(name, sizeof name, "stage%d", i);
        snprintf(weights, sizeof weights, "c%d", i);
        TRY(near_map(r, ours, name, weights));
    }
    TRY(find_map(r, "global_mean", &pool));
    TRY(golden_near(g, &pool->value, NULL, "pool"));
    TRY(seed_all(r, pool, "c_pool"));
    TRY(near_gradient(r));
out:
    return status;
}

static drift_status check_convnext(golden *g)
{
    encoder_config c = {.kind = ENCODER_CONVNEXT, .channels = 3};
    drift_status status = DRIFT_OK;
    array_list arrays = {0};
    encoder *e = NULL;
    tensor *x;
    run r = {0};
    list_of(g, "depths", c.blocks);
    list_of(g, "dims", c.widths);
    TRY(networks_arrays(g->ctx, &c, golden_meta(g, "salt"), &arrays));
    TRY(make_encoder(g, &arrays, 1, &e));
    e->config.resize = e->config.map_norm = 0;
    golden_ignore(g, "stem.probe"); /* no map: stage0 shows it */
    TRY(golden_load(g, &x, MAP, "x"));
    TRY(run_open(&r, g, "", e, x));
    TRY(check_stages(&r));
out:
    tape_free(r.t);
    encoder_free(e);
    array_list_free(&arrays);
    return status;
}

/* -- convnext_a: the release's families ----------------------------------- */

/* Family `name` of the map's: compared, and part of the loss. */
static drift_status near_family(run *r, var *y, const char *name)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    tensor *dy;
    if (!golden_find(g, "feat.%s", name))
        return DRIFT_OK;
    TRY(tape_status(r->t));
    TRY(golden_near(g, &y->value, NULL, "feat.%s", name));
    TRY(golden_load(g, &dy, NULL, "ct.%s", name));
    tape_seed(r->t, tape_reshape(r->t, y, dy->shape), dy);
out:
    return status;
}

static drift_status near_families(run *r)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < r->out.count; i++) {
        const encoder_map *m = &r->out.list[i];
        const size_t *d = m->value->value.shape.dim;
        char name[64];
        var *mean = NULL, *std = NULL;
        TRY(near_family(r, m->value, m->name));
        if (!m->families)
            continue;
        tape_moments(r->t, m->value, (int)d[1], (int)d[2], 1e-6f, &mean, &std);
        snprintf(name, sizeof name, "%s_mean", m->name);
        TRY(near_family(r, mean, name));
        snprintf(name, sizeof name, "%s_std", m->name);
        TRY(near_family(r, std, name));
    }
out:
    return status;
}

static drift_status check_convnext_release(golden *g)
{
    char path[4096];
    drift_status status = DRIFT_OK;
    encoder *e = NULL;
    tensor *x;
    run r = {0};
    if (snprintf(path, sizeof path, "%s/%s.params.safetensors", g->directory,
                 g->name) >= (int)sizeof path)
        FAIL(g->ctx, DRIFT_ERROR_USAGE, "the name of the folder is too long");
    TRY(encoder_open(g->ctx, path, &e));
    TRY(golden_load(g, &x, NULL, "x"));
    TRY(run_open(&r, g, "", e, x));
    TRY(near_families(&r));
    TRY(tape_status(r.t));
    TRY(tape_backward(r.t));
    golden_ignore(g, "grad_x");
    g->limit = 1e-4;
    TRY(golden_near(g, &r.x->grad, NULL, "grad_x_f64"));
out:
    tape_free(r.t);
    encoder_free(e);
    return status;
}

/* The weights of another file's check. */
static drift_status check_nothing(golden *g)
{
    golden_ignore(g, "*");
    return DRIFT_OK;
}

/* -- dinov2: weights by formula ------------------------------------------- */

static drift_status make_dino(golden *g, int large, int raw, encoder **out)
{
    encoder_config c = {.kind = ENCODER_DINO,
                        .width = large ? 768 : 384,
                        .blocks = {12},
                        .hidden = large ? 3072 : 1536,
                        .patch = 14,
                        .positions = 37,
                        .channels = 3};
    const char *salt = golden_meta(g, large ? "salt_vitb" : "salt_vits");
    drift_status status = DRIFT_OK;
    array_list arrays = {0};
    TRY(networks_arrays(g->ctx, &c, salt, &arrays));
    TRY(make_encoder(g, &arrays, raw, out));
    if (raw)
        (*out)->config.resize = 0;
out:
    array_list_free(&arrays);
    return status;
}

/* y gets the gradient `weights`, of as many numbers. */
static drift_status seed(run *r, var *y, const char *weights)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    tensor *dy;
    TRY(golden_load(g, &dy, NULL, "%s%s", r->prefix, weights));
    tape_seed(r->t, tape_reshape(r->t, y, dy->shape), dy);
out:
    return status;
}

static drift_status check_tokens(run *r)
{
    golden *g = r->g;
    drift_status status = DRIFT_OK;
    var *tokens = NULL, *cls = NULL;
    TRY(find_map(r, "block11", &tokens));
    TRY(find_map(r, "cls", &cls));
    TRY(golden_near(g, &tokens->value, NULL, "%stokens", r->prefix));
    TRY(golden_near(g, &cls->value, NULL, "%scls", r->prefix));
    TRY(seed(r, tokens, "c_tokens"));
    TRY(seed(r, cls, "c_cls"));
    for (int i = 2; i < 12; i += 3) {
        char name[32];
        var *map = NULL;
        snprintf(name, sizeof name, "block%d", i);
        TRY(find_map(r, name, &map));
        if (golden_find(g, "%smap%d", r->prefix, i))
            TRY(golden_near(g, &map->value, MAP, "%smap%d", r->prefix, i));
    }
out:
    return status;
}

/* 1369 tokens, the image by formula: the table as it is. */
static drift_status check_native(golden *g, encoder *e)
{
    enum { SIDE = 518, TOKENS = 1369, WIDTH = 384 };
    drift_status status = DRIFT_OK;
    uint64_t key = formula_key(golden_meta(g, "salt_image518"), "");
    tensor *x;
    var *tokens = NULL, *cls = NULL;
    run r = {0};
    const array *want = golden_find(g, "native.tokens_probe");
    size_t n = want ? array_count(want) : 0;
    double *mean = calloc(WIDTH, sizeof *mean);
    double *first = calloc(4 * WIDTH, sizeof *first);
    double *probe = calloc(n + 1, sizeof *probe);
    float *host = malloc((size_t)SIDE * SIDE * 3 * sizeof *host);
    if (!mean || !first || !probe || !host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < (size_t)SIDE * SIDE * 3; i++)
        host[i % (SIDE * SIDE) * 3 + i / (SIDE * SIDE)] =
            formula_value(key, i, -2, 2);
    TRY(golden_output(g, &x, SHAPE(1, SIDE, SIDE, 3)));
    TRY(tensor_write(g->ctx, x, host));
    TRY(run_open(&r, g, "native", e, x));
    TRY(find_map(&r, "block11", &tokens));
    TRY(find_map(&r, "cls", &cls));
    TRY(tensor_read(g->ctx, &tokens->value, host));
    for (size_t i = 0; i < (size_t)TOKENS * WIDTH; i++)
        mean[i % WIDTH] += (double)host[i] / TOKENS;
    for (size_t i = 0; i < (size_t)4 * WIDTH; i++)
        first[i] = (double)host[i];
    for (size_t i = 0; i < n; i++)
        probe[i] = (double)host[formula_probe(i, (size_t)TOKENS * WIDTH)];
    TRY(golden_near(g, &cls->value, NULL, "native.cls"));
    TRY(golden_near_host(g, first, (size_t)4 * WIDTH, "native.tokens_first4"));
    TRY(golden_near_host(g, mean, WIDTH, "native.tokens_mean"));
    TRY(golden_near_host(g, probe, n, "native.tokens_probe"));
out:
    tape_free(r.t);
    golden_end_case(g);
    free(mean);
    free(first);
    free(probe);
    free(host);
    return status;
}

static drift_status check_dino_case(golden *g, const char *name, encoder *e)
{
    drift_status status = DRIFT_OK;
    tensor *x;
    run r = {0};
    TRY(golden_load(g, &x, MAP, "%s.x", name));
    TRY(run_open(&r, g, name, e, x));
    if (strcmp(name, "vitb") != 0)
        TRY(check_tokens(&r));
    else
        for (int i = 2; i < 12; i += 3) {
            char ours[32], map[32], weights[32];
            snprintf(ours, sizeof ours, "block%d", i);
            snprintf(map, sizeof map, "map%d", i);
            snprintf(weights, sizeof weights, "vitb.c%d", i);
            TRY(near_map(&r, ours, map, weights));
        }
    TRY(near_gradient(&r));
out:
    tape_free(r.t);
    golden_end_case(g);
    return status;
}

static drift_status check_dino(golden *g)
{
    drift_status status = DRIFT_OK;
    encoder *small = NULL, *large = NULL;
    /* Other ways to resize the table. */
    golden_ignore(g, "?.hf_*");
    golden_ignore(g, "?.timm_*");
    TRY(make_dino(g, 0, 1, &small));
    TRY(check_dino_case(g, "a", small));
    TRY(check_dino_case(g, "b", small));
    TRY(check_native(g, small));
    TRY(make_dino(g, 1, 0, &large));
    TRY(check_dino_case(g, "vitb", large));
out:
    encoder_free(small);
    encoder_free(large);
    return status;
}

const golden_family check_encoder[] = {
    {"cifar_resnet.safetensors", check_cifar, 1e-5},
    {"convnextv2_*.safetensors", check_convnext, 3e-5},
    {"convnext_*.params.safetensors", check_nothing, 0},
    {"convnext_*.safetensors", check_convnext_release, 5e-5},
    {"dinov2.safetensors", check_dino, 5e-5},
    {"resnet*.safetensors", check_resnet, 2e-5},
    {0},
};
