/* op_conv: convolutions and linear layers of PyTorch. */
#include <stdio.h>
#include <string.h>

#include "graph.h"

/* "stride=2 pad=(0, 3) groups=1": the number or pair behind a word. */
static void read_pair(const char *text, const char *word, int pair[2])
{
    const char *at = strstr(text, word);
    if (!at)
        return;
    at += strlen(word);
    if (sscanf(at, "(%d, %d)", &pair[0], &pair[1]) != 2 &&
        sscanf(at, "%d", &pair[0]) == 1)
        pair[1] = pair[0];
}

static drift_status check_convolution(golden *g, const char *name)
{
    graph q;
    int stride[2] = {1, 1}, pad[2] = {0, 0}, groups[2] = {1, 1};
    const char *text = golden_meta(g, name);
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    if (strstr(text, "pad right 1 and bottom 1"))
        read_pair(text, "stride ", stride);
    read_pair(text, "stride=", stride);
    read_pair(text, "pad=", pad);
    read_pair(text, "groups=", groups);
    var *x = graph_input(&q, "x", MAP);
    var *w = graph_input(&q, "w", CONV);
    var *b = graph_optional(&q, "b", NULL);
    const array *y = golden_find(g, "%s.dy", name);
    if (y && y->ndim == 4) {
        conv_args args = {stride[0], stride[1], pad[0],   pad[1],
                          1,         1,         groups[0]};
        graph_output(&q,
                     tape_conv2d(q.tape, x, w, b, args, y->dim[2], y->dim[3]),
                     "y", MAP);
    }
out:
    return graph_close(&q, status);
}

static drift_status check_linear(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    var *w = graph_input(&q, "w", MATRIX);
    var *b = graph_optional(&q, "b", NULL);
    graph_output(&q, tape_linear(q.tape, x, w, b), "y", NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_case(golden *g, const char *name)
{
    if (strstr(golden_meta(g, name), "conv_transpose")) {
        golden_todo(g, name);
        return DRIFT_OK;
    }
    return strncmp(name, "linear", 6) ? check_convolution(g, name)
                                      : check_linear(g, name);
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_conv[] = {{"op_conv.safetensors", check_file, 1e-5},
                                    {0}};
