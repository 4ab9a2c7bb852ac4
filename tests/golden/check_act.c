/* op_act: activations and SwiGLU of PyTorch. */
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

static drift_status check_case(golden *g, const char *name)
{
    for (int kind = 0; kind < ACT_COUNT; kind++)
        if (!strcmp(name, activations[kind]))
            return check_activation(g, name, kind);
    if (!strncmp(name, "swiglu", 6))
        return check_swiglu(g, name);
    golden_todo(g, name);
    return DRIFT_OK;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_act[] = {{"op_act.safetensors", check_file, 1e-5},
                                   {0}};
