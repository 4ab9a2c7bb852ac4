/* The generator of the 2-D toys: linear layers with SiLU between; each
 * conditioning path adds to the first layer. With a hidden width of 256 and a
 * depth of 3: linear 32-256-256-256-2, as in the authors' notebook. */
#include <math.h>

#include "base/mem.h"
#include "nn/generator.h"

typedef struct mlp {
    int *weight, *bias; /* depth + 1 layers */
    int condition;      /* -1: no path is on */
} mlp;

/* Starts as PyTorch's linear layers do: uniform up to 1/sqrt(inputs). */
static int add(generator *g, const char *part, size_t in, shape s,
               param_init init, const char *name, int i)
{
    return params_add(&g->params, part, s, init, 1 / sqrtf((float)in), name, i);
}

static drift_status mlp_declare(generator *g)
{
    const generator_config *c = &g->config;
    drift_status status = DRIFT_OK;
    size_t layers = (size_t)c->depth + 1, hidden = (size_t)c->hidden;
    size_t width = c->noise_dim > 0 ? (size_t)c->noise_dim : 0;
    size_t out = (size_t)g->sample.height * (size_t)g->sample.width *
                 (size_t)g->sample.channels;
    if (!width || !c->depth)
        FAIL(g->ctx, DRIFT_ERROR_USAGE,
             "generator: the mlp needs noise_dim and depth of at least 1");
    mlp *m = g->state = mem_alloc(g->ctx, 1, sizeof *m);
    if (!m)
        return DRIFT_ERROR_MEMORY;
    m->weight = mem_alloc(g->ctx, 2 * layers, sizeof *m->weight);
    if (!m->weight)
        return DRIFT_ERROR_MEMORY;
    m->bias = m->weight + layers;
    m->condition = -1;
    if (c->use_class || c->use_alpha || c->style_tokens) {
        size_t cond = c->condition ? (size_t)c->condition : hidden;
        TRY(condition_declare(g, cond));
        m->condition = add(g, "condition", cond, SHAPE(cond, hidden),
                           INIT_UNIFORM, "condition.weight", 0);
    }
    for (size_t i = 0; i < layers; i++) {
        int last = i + 1 == layers;
        param_init init = last && c->zero_output ? INIT_ZERO : INIT_UNIFORM;
        const char *part = last ? "output" : i ? "layers" : "input";
        size_t n = last ? out : hidden;
        m->weight[i] = add(g, part, width, SHAPE(width, n), init,
                           "layers.%d.weight", (int)i);
        m->bias[i] =
            add(g, part, width, SHAPE(n), init, "layers.%d.bias", (int)i);
        width = n;
    }
    g->last_weight = m->weight[layers - 1];
    TRY(g->params.status);
out:
    return status;
}

static void mlp_close(generator *g)
{
    mlp *m = g->state;
    if (m)
        mem_free(m->weight);
}

static shape mlp_noise(const generator *g, size_t b)
{
    return SHAPE(b, (size_t)g->config.noise_dim);
}

static var *mlp_forward(generator *g, tape *t, const tensor *flat, var *noise,
                        var *cond)
{
    const mlp *m = g->state;
    const sample_shape *s = &g->sample;
    if (tape_status(t) != DRIFT_OK)
        return NULL;
    size_t b = noise->value.shape.dim[0];
    var *x = noise;
    tape_open(t);
    for (int i = 0; i <= g->config.depth; i++) {
        x = tape_linear(t, x, params_leaf(&g->params, t, flat, m->weight[i]),
                        params_leaf(&g->params, t, flat, m->bias[i]));
        if (!i && cond)
            x = tape_add(
                t, x,
                tape_linear(t, cond,
                            params_leaf(&g->params, t, flat, m->condition),
                            NULL),
                1, 1);
        if (i < g->config.depth)
            x = tape_activation(t, x, ACT_SILU);
    }
    x = tape_reshape(
        t, x,
        SHAPE(b, (size_t)s->height, (size_t)s->width, (size_t)s->channels));
    return tape_close(t, x);
}

const generator_ops mlp_ops = {"mlp", mlp_declare, mlp_forward, mlp_noise,
                               mlp_close};
