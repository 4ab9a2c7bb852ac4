/* The conditioning vector, method.md section 6:
 *     cond [b,width] = class_table[c] + sum_j style_table_j[idx_j] + a
 * where a = MLP(sinusoid(alpha)), in the release 0.02 * RMSNorm of it. The
 * style tables are one table of style_tokens * style_codes rows, so that all
 * draws of a sample are one op; style_shared has a single table for all. */
#include <math.h>

#include "base/mem.h"
#include "nn/generator.h"

#define FEATURES     256 /* of alpha: 128 cosines, 128 sines */
#define TABLE_STD    0.02f
#define ALPHA_WEIGHT 0.02f /* of the normalised embedding */
#define EPS          1e-6f

drift_status condition_declare(generator *g, size_t width)
{
    const generator_config *c = &g->config;
    params *p = &g->params;
    const char *part = "condition";
    condition *k = &g->condition;
    *k = (condition){
        .width = width, .class_table = -1, .style_table = -1, .alpha_norm = -1};
    if (c->use_class)
        k->class_table = params_add(
            p, part,
            SHAPE((size_t)(g->sample.classes + !!c->null_class), width),
            INIT_NORMAL, TABLE_STD, "class.table");
    if (c->style_tokens) {
        size_t tables = c->style_shared ? 1 : (size_t)c->style_tokens;
        k->style_table =
            params_add(p, part, SHAPE(tables * (size_t)c->style_codes, width),
                       INIT_NORMAL, TABLE_STD, "style.table");
    }
    if (c->use_alpha) {
        k->alpha_w1 = params_add(p, part, SHAPE(FEATURES, width), INIT_NORMAL,
                                 TABLE_STD, "alpha.linear1.weight");
        k->alpha_b1 = params_add(p, part, SHAPE(width), INIT_ZERO, 0,
                                 "alpha.linear1.bias");
        k->alpha_w2 = params_add(p, part, SHAPE(width, width), INIT_NORMAL,
                                 TABLE_STD, "alpha.linear2.weight");
        k->alpha_b2 = params_add(p, part, SHAPE(width), INIT_ZERO, 0,
                                 "alpha.linear2.bias");
        if (c->alpha_norm)
            k->alpha_norm = params_add(p, part, SHAPE(width), INIT_ONE, 0,
                                       "alpha.norm.weight");
    }
    return p->status;
}

drift_status condition_frequencies(drift_context *ctx, double period,
                                   tensor *frequencies)
{
    drift_status status = DRIFT_OK;
    float f[FEATURES / 2];
    for (int k = 0; k < FEATURES / 2; k++)
        f[k] = (float)exp(-log(period) * k / (FEATURES / 2));
    TRY(tensor_new(ctx, frequencies, DTYPE_F32, SHAPE(FEATURES / 2)));
    TRY(tensor_write(ctx, frequencies, f));
out:
    return status;
}

static drift_status alpha_features(generator *g, const tensor *alpha,
                                   tensor *features)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = g->ctx;
    tensor frequencies = {0};
    TRY(condition_frequencies(ctx, g->config.alpha_max_period, &frequencies));
    TRY(tensor_new(ctx, features, DTYPE_F32,
                   SHAPE(tensor_count(alpha), FEATURES)));
    TRY(op_sinusoid(ctx, features, alpha, &frequencies));
out:
    tensor_free(ctx, &frequencies);
    return status;
}

static var *alpha_forward(generator *g, tape *t, const tensor *flat,
                          const tensor *alpha)
{
    const condition *k = &g->condition;
    params *p = &g->params;
    tensor features = {0};
    drift_status status = alpha_features(g, alpha, &features);
    if (status != DRIFT_OK) {
        tape_fail(t, status);
        return NULL;
    }
    var *x = tape_constant(t, &features);
    tensor_free(g->ctx, &features);
    x = tape_linear(t, x, params_leaf(p, t, flat, k->alpha_w1),
                    params_leaf(p, t, flat, k->alpha_b1));
    x = tape_activation(t, x, ACT_SILU);
    x = tape_linear(t, x, params_leaf(p, t, flat, k->alpha_w2),
                    params_leaf(p, t, flat, k->alpha_b2));
    if (k->alpha_norm >= 0)
        x = tape_rmsnorm(t, x, params_leaf(p, t, flat, k->alpha_norm), EPS);
    return x;
}

static var *sum(tape *t, var *a, var *b, float weight)
{
    if (a)
        return tape_add(t, a, b, 1, weight);
    return weight == 1 ? b : tape_add(t, b, NULL, weight, 0);
}

/* Is `x` as long as the batch, `columns` wide, there when wanted? */
static drift_status check_input(generator *g, const tensor *x, int wanted,
                                dtype type, size_t b, int columns,
                                const char *name)
{
    drift_context *ctx = g->ctx;
    if (!wanted)
        return DRIFT_OK;
    if (!x || x->type != type || x->shape.ndim != 2 || x->shape.dim[0] != b ||
        x->shape.dim[1] != (size_t)columns)
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "generator: the input '%s' is not [%zu,%d]", name, b,
                     columns);
    return DRIFT_OK;
}

var *condition_forward(generator *g, tape *t, const tensor *flat,
                       const generator_input *in)
{
    const generator_config *c = &g->config;
    drift_status status = DRIFT_OK;
    size_t b = in->noise->shape.dim[0];
    var *cond = NULL;
    TRY(check_input(g, in->label, c->use_class, DTYPE_I32, b, 1, "label"));
    TRY(check_input(g, in->alpha, c->use_alpha, DTYPE_F32, b, 1, "alpha"));
    TRY(check_input(g, in->style, c->style_tokens, DTYPE_I32, b,
                    c->style_tokens, "style"));
    tape_open(t);
    if (c->use_class)
        cond = tape_embedding(
            t, params_leaf(&g->params, t, flat, g->condition.class_table),
            in->label, 0);
    if (c->style_tokens)
        cond = sum(
            t, cond,
            tape_embedding(
                t, params_leaf(&g->params, t, flat, g->condition.style_table),
                in->style, c->style_shared ? 0 : c->style_codes),
            1);
    if (c->use_alpha)
        cond = sum(t, cond, alpha_forward(g, t, flat, in->alpha),
                   c->alpha_norm ? ALPHA_WEIGHT : 1);
    cond = tape_close(t, cond);
    generator_watch(g, "cond", 0, cond);
out:
    if (status != DRIFT_OK)
        tape_fail(t, status);
    return cond;
}
