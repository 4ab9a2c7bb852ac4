/* op_block: whole blocks of networks, as PyTorch computes them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

#define EPS 1e-6f

/* "groups 4" or "GroupNorm(4)" of the case's description. */
static int groups_of(const graph *q)
{
    const char *text = golden_meta(q->golden, q->name);
    const char *at = strstr(text, "groups "),
               *call = strstr(text, "GroupNorm(");
    return at     ? atoi(at + strlen("groups "))
           : call ? atoi(call + strlen("GroupNorm("))
                  : 0;
}

static var *convolve(graph *q, var *x, const char *weight, const char *bias,
                     int stride)
{
    var *w = graph_input(q, weight, CONV);
    var *b = bias ? graph_optional(q, bias, NULL) : NULL;
    if (!x || !w)
        return NULL;
    int pad = (int)w->value.shape.dim[0] / 2;
    size_t step = (size_t)stride;
    conv_args args = {stride, stride, pad, pad, 1, 1, 1};
    return tape_conv2d(q->tape, x, w, b, args,
                       (x->value.shape.dim[1] + step - 1) / step,
                       (x->value.shape.dim[2] + step - 1) / step);
}

static var *norm(graph *q, var *x, const char *weight, const char *bias)
{
    var *w = graph_input(q, weight, NULL), *b = graph_input(q, bias, NULL);
    return tape_groupnorm(q->tape, x, w, b, groups_of(q), EPS);
}

static drift_status check_basic_block(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    var *y = norm(&q, convolve(&q, x, "w1", NULL, 2), "g1", "b1");
    y = tape_activation(q.tape, y, ACT_RELU);
    y = norm(&q, convolve(&q, y, "w2", NULL, 1), "g2", "b2");
    var *s = norm(&q, convolve(&q, x, "ws", NULL, 2), "gs", "bs");
    y = tape_activation(q.tape, tape_add(q.tape, y, s, 1, 1), ACT_RELU);
    graph_output(&q, y, "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_mlp(golden *g, const char *name)
{
    static const char *const weight[] = {"w1", "w2", "w3"};
    static const char *const bias[] = {"b1", "b2", "b3"};
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *y = graph_input(&q, "x", NULL);
    for (int i = 0; i < 3; i++) {
        var *w = graph_input(&q, weight[i], MATRIX);
        var *b = graph_input(&q, bias[i], NULL);
        y = tape_linear(q.tape, y, w, b);
        if (i < 2)
            y = tape_activation(q.tape, y, ACT_SILU);
    }
    graph_output(&q, y, "y", NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_resblock(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    var *y = tape_activation(q.tape, norm(&q, x, "n1w", "n1b"), ACT_SILU);
    y = convolve(&q, y, "c1w", "c1b", 1);
    y = tape_activation(q.tape, norm(&q, y, "n2w", "n2b"), ACT_SILU);
    y = convolve(&q, y, "c2w", "c2b", 1);
    var *s = convolve(&q, x, "sw", "sb", 1);
    graph_output(&q, tape_add(q.tape, y, s, 1, 1), "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_attention(golden *g, const char *name)
{
    static const char *const weight[] = {"wq", "wk", "wv"};
    static const char *const bias[] = {"bq", "bk", "bv"};
    graph q;
    drift_status status = DRIFT_OK;
    var *part[3];
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    var *y = norm(&q, x, "gw", "gb");
    if (!y)
        goto out;
    const size_t *dim = y->value.shape.dim;
    size_t n = dim[1] * dim[2], c = dim[3];
    y = tape_reshape(q.tape, y, SHAPE(dim[0], n, c));
    for (int i = 0; i < 3; i++) {
        var *w = graph_input(&q, weight[i], MATRIX);
        var *b = graph_input(&q, bias[i], NULL);
        part[i] = tape_reshape(q.tape, tape_linear(q.tape, y, w, b),
                               SHAPE(dim[0], n, 1, c));
    }
    y = tape_attention(q.tape, part[0], part[1], part[2], 1 / sqrtf((float)c));
    y = tape_reshape(q.tape, y, SHAPE(dim[0], n, c));
    var *w = graph_input(&q, "wo", MATRIX);
    y = tape_linear(q.tape, y, w, graph_input(&q, "bo", NULL));
    y = tape_reshape(q.tape, y, SHAPE(dim[0], dim[1], dim[2], c));
    /* A key bias cannot matter: its gradient is 0 but for rounding. */
    graph_absolute(&q, "bk", 1e-5);
    graph_output(&q, tape_add(q.tape, x, y, 1, 1), "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_convnext(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP), *w = graph_input(&q, "dw", CONV);
    var *y = NULL, *b = graph_input(&q, "db", NULL);
    if (x && w) {
        const size_t *s = x->value.shape.dim;
        conv_args depthwise = {1, 1, 3, 3, 1, 1, (int)s[3]};
        y = tape_conv2d(q.tape, x, w, b, depthwise, s[1], s[2]);
    }
    w = graph_input(&q, "lw", NULL);
    y = tape_layernorm(q.tape, y, w, graph_input(&q, "lb", NULL), EPS, 0);
    w = graph_input(&q, "p1", MATRIX);
    y = tape_linear(q.tape, y, w, graph_input(&q, "p1b", NULL));
    y = tape_activation(q.tape, y, ACT_GELU_ERF);
    w = graph_input(&q, "gw", NULL);
    y = tape_grn(q.tape, y, w, graph_input(&q, "gb", NULL), 0);
    w = graph_input(&q, "p2", MATRIX);
    y = tape_linear(q.tape, y, w, graph_input(&q, "p2b", NULL));
    graph_output(&q, tape_add(q.tape, x, y, 1, 1), "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_case(golden *g, const char *name)
{
    if (!strcmp(name, "gn_basicblock_s2"))
        return check_basic_block(g, name);
    if (!strcmp(name, "mlp3_silu"))
        return check_mlp(g, name);
    if (!strcmp(name, "vae_resblock"))
        return check_resblock(g, name);
    if (!strcmp(name, "vae_attn"))
        return check_attention(g, name);
    if (!strcmp(name, "convnextv2_block"))
        return check_convnext(g, name);
    golden_todo(g, name);
    return DRIFT_OK;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_block[] = {{"op_block.safetensors", check_file, 2e-5},
                                     {0}};
