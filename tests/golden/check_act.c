/* op_act: activations, SwiGLU and cross-entropy of PyTorch. */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

static const char *const activations[ACT_COUNT] = {[ACT_SILU] = "silu",
                                                   [ACT_GELU_ERF] = "gelu_erf",
                                                   [ACT_GELU_TANH] =
                                                       "gelu_tanh",
                                                   [ACT_RELU] = "relu",
                                                   [ACT_TANH] = "tanh"};

static drift_status check_activation(golden *g, const char *name, int kind)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    graph_output(&q, tape_activation(q.tape, x, kind), "y", NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_swiglu(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    var *w1 = graph_input(&q, "w1", MATRIX);
    var *b1 = graph_optional(&q, "b1", NULL);
    var *w2 = graph_input(&q, "w2", MATRIX);
    var *b2 = graph_optional(&q, "b2", NULL);
    var *w3 = graph_input(&q, "w3", MATRIX);
    var *b3 = graph_optional(&q, "b3", NULL);
    var *a = tape_linear(q.tape, x, w1, b1);
    var *b = tape_linear(q.tape, x, w3, b3);
    graph_output(&q, tape_linear(q.tape, tape_swiglu(q.tape, a, b), w2, b2),
                 "y", NULL);
out:
    return graph_close(&q, status);
}

/* The mean over the rows. */
static drift_status check_cross_entropy(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    tensor *x, *t, *dy, *loss, *dx;
    float losses[64], factor;
    double mean = 0;
    const char *smoothing = strstr(golden_meta(g, name), "smoothing ");
    TRY(golden_load(g, &x, NULL, "%s.x", name));
    TRY(golden_load(g, &t, NULL, "%s.t", name));
    TRY(golden_load(g, &dy, NULL, "%s.dy", name));
    size_t n = x->shape.dim[0];
    if (n > sizeof losses / sizeof *losses || tensor_count(dy) != 1)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s' has other sizes", name);
    TRY(golden_output(g, &loss, SHAPE(n)));
    TRY(golden_output(g, &dx, x->shape));
    TRY(tensor_read(g->ctx, dy, &factor));
    TRY(op_cross_entropy(
        g->ctx, loss, NULL, dx, x, t, factor / (float)n,
        smoothing ? (float)atof(smoothing + strlen("smoothing ")) : 0, 0));
    TRY(tensor_read(g->ctx, loss, losses));
    for (size_t i = 0; i < n; i++)
        mean += (double)losses[i] / (double)n;
    TRY(golden_near_host(g, &mean, 1, "%s.y", name));
    TRY(golden_near(g, dx, NULL, "%s.dx", name));
out:
    return status;
}

static drift_status check_case(golden *g, const char *name)
{
    for (int kind = 0; kind < ACT_COUNT; kind++)
        if (!strcmp(name, activations[kind]))
            return check_activation(g, name, kind);
    if (!strncmp(name, "swiglu", 6))
        return check_swiglu(g, name);
    if (!strncmp(name, "cross_entropy", 13))
        return check_cross_entropy(g, name);
    golden_todo(g, name);
    return DRIFT_OK;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_act[] = {{"op_act.safetensors", check_file, 1e-5},
                                   {0}};
