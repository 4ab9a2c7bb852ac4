/* What the files of others say about the network inside them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "nn/foreign.h"
#include "nn/weights.h"

#define MOST 65536 /* any size in a file */

/* The architecture of the release, all but its sizes. */
static generator_config release(void)
{
    return (generator_config){.kind = GENERATOR_DIT,
                              .noise_std = 1,
                              .use_class = 1,
                              .use_alpha = 1,
                              .alpha_max_period = 10000,
                              .alpha_norm = 1,
                              .zero_output = 1,
                              .extra_conditioned = 1,
                              .mlp_bias = 1,
                              .qkv_bias = 1,
                              .position_table = 1,
                              .patch_order = PATCH_PIXEL_MAJOR,
                              .qk_norm = 1};
}

/* That of the PyTorch re-implementations. */
static generator_config pytorch(void)
{
    return (generator_config){.kind = GENERATOR_DIT,
                              .noise_std = 1,
                              .use_class = 1,
                              .use_alpha = 1,
                              .null_class = 1,
                              .style_tokens = 32,
                              .style_shared = 1,
                              .alpha_max_period = 10,
                              .patch_order = PATCH_CHANNEL_MAJOR};
}

/* -- metadata.json -------------------------------------------------------- */

typedef struct reader {
    drift_context *ctx;
    drift_status status;
    json_t *object;
} reader;

static json_t *field(reader *r, const char *key)
{
    json_t *value = json_object_get(r->object, key);
    if (!value && r->status == DRIFT_OK)
        r->status = ERROR(r->ctx, DRIFT_ERROR_FORMAT,
                          "model_config: '%s' is missing", key);
    return value;
}

static int whole(reader *r, const char *key, int least)
{
    json_t *value = field(r, key);
    json_int_t n = json_integer_value(value);
    if (r->status != DRIFT_OK)
        return 0;
    if (!json_is_integer(value) || n < least || n > MOST) {
        r->status = ERROR(r->ctx, DRIFT_ERROR_FORMAT,
                          "model_config: '%s' is not a whole number from %d "
                          "to %d",
                          key, least, MOST);
        return 0;
    }
    return (int)n;
}

static int yes(reader *r, const char *key)
{
    json_t *value = field(r, key);
    if (r->status == DRIFT_OK && !json_is_boolean(value))
        r->status = ERROR(r->ctx, DRIFT_ERROR_FORMAT,
                          "model_config: '%s' is not true or false", key);
    return json_is_true(value);
}

/* An option of which the release only ever had one value. */
static void must_be(reader *r, const char *key)
{
    if (!yes(r, key) && r->status == DRIFT_OK)
        r->status = ERROR(r->ctx, DRIFT_ERROR_UNAVAILABLE,
                          "model_config: a network with %s false is not "
                          "known here",
                          key);
}

static void known_keys(reader *r)
{
    static const char *const known[] = {
        "cond_dim",    "num_classes",  "noise_classes", "noise_coords",
        "input_size",  "in_channels",  "n_cls_tokens",  "patch_size",
        "hidden_size", "depth",        "num_heads",     "mlp_ratio",
        "use_qknorm",  "out_channels", "use_swiglu",    "use_rope",
        "use_rmsnorm", "use_bf16",     "attn_fp32",     "use_remat"};
    const char *key;
    json_t *value;
    json_object_foreach(r->object, key, value)
    {
        size_t i = 0, n = sizeof known / sizeof *known;
        while (i < n && strcmp(known[i], key) != 0)
            i++;
        if (i == n && r->status == DRIFT_OK)
            r->status = ERROR(r->ctx, DRIFT_ERROR_FORMAT,
                              "model_config: '%s' is not known", key);
    }
}

/* round_up(int(2/3 * int(ratio * hidden)), 32), in doubles. */
static int rounded_width(double ratio, int hidden)
{
    int width = (int)(ratio * hidden);
    width = (int)(2.0 / 3.0 * width);
    return (width + 31) / 32 * 32;
}

static void read_model(reader *r, generator_config *c, sample_shape *s)
{
    known_keys(r);
    c->condition = whole(r, "cond_dim", 1);
    s->classes = whole(r, "num_classes", 1);
    c->style_codes = whole(r, "noise_classes", 0);
    c->style_tokens = whole(r, "noise_coords", 0);
    if (!c->style_codes || !c->style_tokens)
        c->style_codes = c->style_tokens = 0;
    s->height = s->width = whole(r, "input_size", 1);
    s->channels = whole(r, "in_channels", 1);
    c->extra_tokens = whole(r, "n_cls_tokens", 0);
    c->patch = whole(r, "patch_size", 1);
    c->hidden = whole(r, "hidden_size", 1);
    c->depth = whole(r, "depth", 0);
    c->heads = whole(r, "num_heads", 1);
    double ratio = json_number_value(field(r, "mlp_ratio"));
    if (r->status == DRIFT_OK && !(ratio > 0 && ratio <= 64))
        r->status = ERROR(r->ctx, DRIFT_ERROR_FORMAT,
                          "model_config: 'mlp_ratio' is not from 0 to 64");
    else if (r->status == DRIFT_OK)
        c->mlp_hidden = rounded_width(ratio, c->hidden);
    c->qk_norm = yes(r, "use_qknorm");
    must_be(r, "use_swiglu");
    must_be(r, "use_rope");
    must_be(r, "use_rmsnorm");
    /* Attention in bfloat16 rounded the rotary tables, and the weights were
     * trained with them (networks-and-formats 7.1). */
    int half = yes(r, "use_bf16"), exact = yes(r, "attn_fp32");
    c->rope_bf16 = half && !exact;
    if (whole(r, "out_channels", 1) != s->channels && r->status == DRIFT_OK)
        r->status = ERROR(r->ctx, DRIFT_ERROR_UNAVAILABLE,
                          "model_config: 'out_channels' differs from "
                          "'in_channels'");
}

/* Its model_config, of the kind that is wanted; *root is to be given back. */
static drift_status open_metadata(drift_context *ctx, const char *json,
                                  size_t size, const char *wanted,
                                  json_t **root, json_t **model)
{
    drift_status status = DRIFT_OK;
    json_error_t error;
    *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
    if (!*root)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "metadata: line %d: %s", error.line,
             error.text);
    const char *kind = json_string_value(json_object_get(*root, "kind"));
    if (!kind || strcmp(kind, wanted) != 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT, "metadata: 'kind' is '%s', not '%s'",
             kind ? kind : "", wanted);
    *model = json_object_get(*root, "model_config");
    if (!json_is_object(*model))
        FAIL(ctx, DRIFT_ERROR_FORMAT, "metadata: there is no model_config");
out:
    return status;
}

drift_status foreign_flax_config(drift_context *ctx, const char *json,
                                 size_t size, generator_config *config,
                                 sample_shape *sample)
{
    drift_status status = DRIFT_OK;
    json_t *root = NULL, *model = NULL;
    TRY(open_metadata(ctx, json, size, "gen", &root, &model));
    reader r = {.ctx = ctx, .object = model};
    *config = release();
    *sample = (sample_shape){0};
    read_model(&r, config, sample);
    TRY(r.status);
out:
    json_decref(root);
    return status;
}

drift_status foreign_mae_config(drift_context *ctx, const char *json,
                                size_t size, encoder_config *config)
{
    drift_status status = DRIFT_OK;
    json_t *root = NULL, *model = NULL;
    TRY(open_metadata(ctx, json, size, "mae", &root, &model));
    reader r = {.ctx = ctx, .object = model};
    int channels = whole(&r, "in_channels", 1);
    int patch = whole(&r, "input_patch_size", 1);
    TRY(r.status);
    long has = (long)config->channels * config->patch * config->patch;
    if ((double)channels * patch * patch != (double)has)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "model_config: patches of %d x %d x %d, the weights are for %ld "
             "numbers a patch",
             patch, patch, channels, has);
    config->channels = channels;
    config->patch = patch;
out:
    json_decref(root);
    return status;
}

/* -- the shapes of a state dict ------------------------------------------- */

/* Dimension i of the array of this name, an error when there is none. */
static drift_status dimension(drift_context *ctx, const array_list *arrays,
                              const char *name, int ndim, int i, int *out)
{
    const array *a = weights_named(arrays, name);
    if (!a || a->ndim != ndim)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: '%s' is missing or has not %d dimensions", name,
                     ndim);
    if (!a->dim[i] || a->dim[i] > MOST)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "weights: '%s' has a dimension of %zu", name, a->dim[i]);
    *out = (int)a->dim[i];
    return DRIFT_OK;
}

drift_status foreign_torch_config(drift_context *ctx, const array_list *arrays,
                                  int image_size, generator_config *config,
                                  sample_shape *sample)
{
    drift_status status = DRIFT_OK;
    generator_config c = pytorch();
    sample_shape s = {.height = image_size, .width = image_size};
    int rows = 1, head = 1;
    char name[64];
    TRY(dimension(ctx, arrays, "patch_embed.proj.weight", 4, 0, &c.hidden));
    TRY(dimension(ctx, arrays, "patch_embed.proj.weight", 4, 1, &s.channels));
    TRY(dimension(ctx, arrays, "patch_embed.proj.weight", 4, 2, &c.patch));
    TRY(dimension(ctx, arrays, "label_embed.embedding_table.weight", 2, 0,
                  &rows));
    s.classes = rows > 1 ? rows - 1 : 1;
    TRY(dimension(ctx, arrays, "style_embed.codebook.weight", 2, 0,
                  &c.style_codes));
    TRY(dimension(ctx, arrays, "blocks.0.mlp.w1.weight", 2, 0, &c.mlp_hidden));
    if (weights_named(arrays, "register_tokens"))
        TRY(dimension(ctx, arrays, "register_tokens", 3, 1, &c.extra_tokens));
    do
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", c.depth);
    while (weights_named(arrays, name) && ++c.depth < MOST);
    TRY(dimension(ctx, arrays, "blocks.0.attn.q_norm.weight", 1, 0, &head));
    c.qk_norm = 1;
    c.heads = c.hidden / head;
    c.qkv_bias = weights_named(arrays, "blocks.0.attn.qkv.bias") != NULL;
    c.mlp_bias = weights_named(arrays, "blocks.0.mlp.w1.bias") != NULL;
    *config = c;
    *sample = s;
out:
    return status;
}
