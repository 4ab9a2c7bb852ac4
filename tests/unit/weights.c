/* Parameters (nn/params.h) and other people's weights (nn/foreign.h): what is
 * declared, drawn, found, refused. Values against the originals: golden-check
 * dit_*. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nn/foreign.h"

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

static float *values(params *p, int i, size_t *count)
{
    tensor view = params_view(p, &p->value, i);
    *count = tensor_count(&view);
    float *x = malloc((*count + 1) * sizeof *x);
    assert_int_equal(tensor_read(p->ctx, &view, x), 0);
    return x;
}

/* Mean and standard deviation of parameter i, its largest size. */
static void moments_of(params *p, int i, double *mean, double *std, double *max)
{
    size_t n;
    float *x = values(p, i, &n);
    *mean = *std = *max = 0;
    for (size_t k = 0; k < n; k++)
        *mean += x[k] / (double)n;
    for (size_t k = 0; k < n; k++) {
        *std += (x[k] - *mean) * (x[k] - *mean) / (double)n;
        if (fabs(x[k]) > *max)
            *max = fabs(x[k]);
    }
    *std = sqrt(*std);
    free(x);
}

static void drawing(void **state)
{
    static const float given[3] = {1, -2, 3};
    drift_context *ctx = open_context();
    double mean, std, max;
    size_t n;
    (void)state;
    params p = {.ctx = ctx};
    int zero = params_add(&p, "a", SHAPE(5), INIT_ZERO, 0, "zero");
    int one = params_add(&p, "a", SHAPE(7), INIT_ONE, 0, "one");
    int normal =
        params_add(&p, "b", SHAPE(90, 70), INIT_NORMAL, 0.02f, "n.%d", 4);
    int linear = params_add(&p, "b", SHAPE(100, 50), INIT_XAVIER, 0, "linear");
    int kernel =
        params_add(&p, "a", SHAPE(3, 3, 20, 30), INIT_XAVIER, 0, "kernel");
    int uniform = params_add(&p, "b", SHAPE(4000), INIT_UNIFORM, 0.25f, "u");
    int copy = params_add_values(&p, "c", SHAPE(3), given, "copy");
    assert_int_equal(params_allocate(&p, 1, 11), 0);
    assert_int_equal(p.part_count, 3);
    assert_string_equal(p.parts[p.list[copy].part], "c");
    assert_int_equal(params_find(&p, "n.4"), normal);
    assert_int_equal(params_find(&p, "none"), -1);
    for (size_t i = 0; i < p.count; i++)
        assert_int_equal(p.list[i].offset % 16, 0);
    moments_of(&p, zero, &mean, &std, &max);
    assert_true(max == 0);
    moments_of(&p, one, &mean, &std, &max);
    assert_true(fabs(mean - 1) < 1e-12 && std < 1e-12);
    moments_of(&p, normal, &mean, &std, &max);
    assert_true(fabs(mean) < 1e-3 && fabs(std - 0.02) < 6e-4);
    moments_of(&p, linear, &mean, &std, &max);
    assert_true(max <= 0.2 && max > 0.199 && fabs(std - 0.2 / sqrt(3)) < 3e-3);
    moments_of(&p, kernel, &mean, &std, &max);
    double bound = sqrt(6.0 / (9 * 50));
    assert_true(max <= bound && max > 0.995 * bound);
    moments_of(&p, uniform, &mean, &std, &max);
    assert_true(max <= 0.25 && max > 0.249);
    float *x = values(&p, copy, &n);
    assert_memory_equal(x, given, sizeof given);
    free(x);
    /* The gaps are zero. */
    float *flat = malloc(p.total * sizeof *flat);
    assert_int_equal(tensor_read(ctx, &p.value, flat), 0);
    for (size_t k = p.list[zero].offset + 5; k < p.list[one].offset; k++)
        assert_true(flat[k] == 0);
    free(flat);
    params_free(&p);
    close_context(ctx);
}

/* Values depend on seed and number alone, not on what else is there. */
static void seeds(void **state)
{
    drift_context *ctx = open_context();
    float *x[3];
    size_t n = 0;
    (void)state;
    for (int k = 0; k < 3; k++) {
        params p = {.ctx = ctx};
        params_add(&p, "a", SHAPE(3 + (size_t)k), INIT_ONE, 0, "first");
        int i = params_add(&p, "a", SHAPE(40), INIT_NORMAL, 1, "x");
        assert_int_equal(params_allocate(&p, 0, k == 2 ? 6 : 5), 0);
        x[k] = values(&p, i, &n);
        params_free(&p);
    }
    assert_memory_equal(x[0], x[1], n * sizeof **x);
    assert_memory_not_equal(x[0], x[2], n * sizeof **x);
    for (int k = 0; k < 3; k++)
        free(x[k]);
    close_context(ctx);
}

static void declarations(void **state)
{
    drift_context *ctx = open_context();
    (void)state;
    params p = {.ctx = ctx};
    assert_int_equal(params_add(&p, "a", SHAPE(3), INIT_ONE, 0, "x"), 0);
    assert_int_equal(params_add(&p, "a", SHAPE(3), INIT_ONE, 0, "x"), -1);
    assert_non_null(strstr(drift_error_text(ctx), "'x' is declared twice"));
    assert_int_equal(params_add(&p, "a", SHAPE(3), INIT_ONE, 0, "y"), -1);
    assert_int_equal(params_allocate(&p, 0, 0), DRIFT_ERROR_USAGE);
    params_free(&p);
    close_context(ctx);
}

/* -- other people's weights ------------------------------------------------ */

static const char metadata[] =
    "{\"format\": \"flax.msgpack\", \"kind\": \"gen\", \"model_config\": {"
    "\"cond_dim\": 8, \"num_classes\": 3, \"noise_classes\": 4, "
    "\"noise_coords\": 2, \"input_size\": 4, \"in_channels\": 1, "
    "\"n_cls_tokens\": 2, \"patch_size\": 2, \"hidden_size\": 16, "
    "\"depth\": 1, \"num_heads\": 2, \"mlp_ratio\": 4.0, "
    "\"out_channels\": 1, \"use_qknorm\": true, \"use_swiglu\": true, "
    "\"use_rope\": true, \"use_rmsnorm\": true, \"use_bf16\": true, "
    "\"attn_fp32\": false, \"use_remat\": false}}";

/* Arrays as g wants them, with `wrapper` in front of each name. */
static void make_arrays(generator *g, foreign_kind kind, const char *wrapper,
                        array_list *list)
{
    foreign_piece *pieces;
    size_t count;
    assert_int_equal(foreign_pieces(g, kind, &pieces, &count), 0);
    for (size_t i = 0; i < count; i++) {
        char name[256];
        tensor view = foreign_view(g, &g->params.value, &pieces[i]);
        size_t n = tensor_count(&view);
        float *x = calloc(n + 1, sizeof *x);
        for (size_t k = 0; k < n; k++)
            x[k] = (float)i + (float)k / 1024;
        array a = {.type = ARRAY_F32, .ndim = view.shape.ndim, .owned = x};
        a.data = x;
        memcpy(a.dim, view.shape.dim, sizeof view.shape.dim);
        if (pieces[i].transposed) {
            a.dim[0] = view.shape.dim[1];
            a.dim[1] = view.shape.dim[0];
        }
        snprintf(name, sizeof name, "%s%s", wrapper, pieces[i].name);
        assert_int_equal(array_list_add(g->ctx, list, name, &a), 0);
    }
    mem_free(pieces);
}

static generator *release_model(drift_context *ctx)
{
    generator *g;
    generator_config c;
    sample_shape s;
    assert_int_equal(
        foreign_flax_config(ctx, metadata, sizeof metadata - 1, &c, &s), 0);
    assert_int_equal(c.rope_bf16, 1);
    assert_int_equal(c.mlp_hidden, 64); /* int(2/3 * 64) = 42, up to 64 */
    assert_int_equal(generator_new(ctx, &c, s, 0, 0, &g), 0);
    return g;
}

static void wrappers(void **state)
{
    static const char *const wrapper[] = {"", "params.", "state_dict.module."};
    drift_context *ctx = open_context();
    generator *g = release_model(ctx);
    tensor *flat = &g->params.value;
    size_t n;
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        array_list list = {0};
        make_arrays(g, FOREIGN_FLAX, wrapper[k], &list);
        assert_int_equal(op_fill(ctx, flat, -1), 0);
        assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, flat), 0);
        /* The second style table is its rows 4 to 7. */
        float *x = values(&g->params, g->condition.style_table, &n);
        const array *a = &list.items[2];
        assert_non_null(strstr(a->name, "noise_embeds_1.embedding"));
        assert_memory_equal(x + 4 * 8, a->data, 4 * 8 * sizeof *x);
        free(x);
        array_list_free(&list);
    }
    /* Two sets: the averaged one; two that nothing tells apart: an error. */
    array_list list = {0};
    make_arrays(g, FOREIGN_FLAX, "model.", &list);
    make_arrays(g, FOREIGN_FLAX, "ema.", &list);
    assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, flat), 0);
    array_list_free(&list);
    make_arrays(g, FOREIGN_FLAX, "a.", &list);
    make_arrays(g, FOREIGN_FLAX, "b.", &list);
    assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, flat),
                     DRIFT_ERROR_FORMAT);
    assert_non_null(strstr(drift_error_text(ctx), "2 sets of weights"));
    drift_error_clear(ctx);
    array_list_free(&list);
    assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, flat),
                     DRIFT_ERROR_FORMAT);
    generator_free(g);
    close_context(ctx);
}

static void misfits(void **state)
{
    drift_context *ctx = open_context();
    generator *g = release_model(ctx);
    array_list list = {0};
    (void)state;
    make_arrays(g, FOREIGN_FLAX, "", &list);
    strcpy(list.items[0].name, "Embed_9.embedding");
    list.items[3].dim[0]++;
    assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, &g->params.value),
                     DRIFT_ERROR_FORMAT);
    const char *text = drift_error_text(ctx);
    assert_non_null(strstr(text, "3 do not fit"));
    assert_non_null(strstr(text, "'Embed_0.embedding' is missing"));
    assert_non_null(strstr(text, "'Embed_9.embedding' is left over"));
    assert_non_null(strstr(text, "is [257,8], not [256,8]"));
    array_list_free(&list);
    generator_free(g);
    close_context(ctx);
}

/* What does not fit is listed as far as there is room, and " ..." stands for
 * the rest. */
static void many_misfits(void **state)
{
    drift_context *ctx = open_context();
    generator *g = release_model(ctx);
    (void)state;
    for (size_t k = 1, count = 1; k <= count; k++) {
        array_list list = {0};
        make_arrays(g, FOREIGN_FLAX, "", &list);
        for (size_t i = 0; i < k; i++)
            list.items[i].dim[0]++;
        assert_int_equal(foreign_load(g, FOREIGN_FLAX, &list, &g->params.value),
                         DRIFT_ERROR_FORMAT);
        const char *text = drift_error_text(ctx), *at = text;
        size_t listed = 1;
        while ((at = strstr(at, "; ")) != NULL) {
            listed++;
            at++;
        }
        at = text + strlen(text) - 4;
        assert_int_equal(!strcmp(at, " ..."), listed < k);
        drift_error_clear(ctx);
        count = list.count;
        array_list_free(&list);
    }
    generator_free(g);
    close_context(ctx);
}

static void torch_line(void **state)
{
    drift_context *ctx = open_context();
    generator *g;
    array_list list = {0};
    generator_config c = {.kind = GENERATOR_DIT,
                          .hidden = 16,
                          .depth = 2,
                          .use_class = 1,
                          .use_alpha = 1,
                          .null_class = 1,
                          .style_tokens = 32,
                          .style_codes = 6,
                          .style_shared = 1,
                          .alpha_max_period = 10,
                          .patch = 2,
                          .heads = 4,
                          .extra_tokens = 3,
                          .mlp_hidden = 64,
                          .patch_order = PATCH_CHANNEL_MAJOR,
                          .noise_std = 1,
                          .qk_norm = 1};
    generator_config found;
    sample_shape s = {8, 8, 3, 5}, shape_found;
    (void)state;
    assert_int_equal(generator_new(ctx, &c, s, 0, 0, &g), 0);
    make_arrays(g, FOREIGN_TORCH, "", &list);
    assert_int_equal(foreign_load(g, FOREIGN_TORCH, &list, &g->params.value),
                     0);
    /* As files have them: the patch embedding is a convolution, registers
     * have a batch dimension. */
    for (size_t i = 0; i < list.count; i++) {
        array *a = &list.items[i];
        if (!strcmp(a->name, "patch_embed.proj.weight")) {
            a->ndim = 4;
            a->dim[1] = 3;
            a->dim[2] = a->dim[3] = 2;
        } else if (!strcmp(a->name, "register_tokens")) {
            a->ndim = 3;
            a->dim[2] = a->dim[1];
            a->dim[1] = a->dim[0];
            a->dim[0] = 1;
        }
    }
    assert_int_equal(foreign_load(g, FOREIGN_TORCH, &list, &g->params.value),
                     0);
    assert_int_equal(foreign_torch_config(ctx, &list, 8, &found, &shape_found),
                     0);
    /* Up to the last field: what pads the struct may be anything. */
    assert_memory_equal(&found, &c,
                        offsetof(generator_config, smooth) + sizeof c.smooth);
    assert_memory_equal(&shape_found, &s, sizeof s);
    array_list_free(&list);
    assert_int_equal(foreign_torch_config(ctx, &list, 8, &found, &shape_found),
                     DRIFT_ERROR_FORMAT);
    generator_free(g);
    close_context(ctx);
}

static void bad_metadata(void **state)
{
    static const struct {
        const char *from, *to, *error;
    } cases[] = {
        {"{\"format", "[\"format", "metadata: line 1"},
        {"\"gen\"", "\"mae\"", "'kind' is 'mae'"},
        {"model_config", "modal_config", "no model_config"},
        {"\"depth\": 1", "\"depth\": -1", "'depth' is not a whole number"},
        {"\"depth\": 1", "\"depth\": 99999999999999999999", "metadata: line"},
        {"\"depth\": 1", "\"depth\": \"a\"", "'depth' is not a whole number"},
        {"\"depth\": 1", "\"deep\": 1", "'deep' is not known"},
        {"\"depth\": 1, ", "", "'depth' is missing"},
        {"4.0", "1e300", "'mlp_ratio' is not"},
        {"\"use_rope\": true", "\"use_rope\": false", "use_rope false"},
        {"\"use_bf16\": true", "\"use_bf16\": 1", "'use_bf16' is not true"},
        {"\"out_channels\": 1", "\"out_channels\": 2", "'out_channels'"},
    };
    drift_context *ctx = open_context();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[sizeof metadata + 64];
        generator_config c;
        sample_shape s;
        const char *at = strstr(metadata, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - metadata), metadata,
                 cases[i].to, at + strlen(cases[i].from));
        assert_true(foreign_flax_config(ctx, text, strlen(text), &c, &s) !=
                    DRIFT_OK);
        if (!strstr(drift_error_text(ctx), cases[i].error))
            fail_msg("'%s' instead of '%s'", drift_error_text(ctx),
                     cases[i].error);
        drift_error_clear(ctx);
    }
    close_context(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawing),      cmocka_unit_test(seeds),
        cmocka_unit_test(declarations), cmocka_unit_test(wrappers),
        cmocka_unit_test(misfits),      cmocka_unit_test(many_misfits),
        cmocka_unit_test(torch_line),   cmocka_unit_test(bad_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
