/* A case on the tape: see graph.h. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

drift_status graph_open(golden *g, graph *q, const char *name)
{
    *q = (graph){.golden = g, .name = name};
    return tape_new(g->ctx, 1, &q->tape);
}

static var *add_input(graph *q, tensor *t, const char *name, const char *layout)
{
    var *v = tape_input(q->tape, t);
    if (v && q->count < GRAPH_INPUTS) {
        q->inputs[q->count].name = name;
        q->inputs[q->count].layout = layout;
        q->inputs[q->count++].value = v;
    }
    return v;
}

var *graph_input(graph *q, const char *name, const char *layout)
{
    tensor *t = NULL;
    if (q->status == DRIFT_OK)
        q->status = golden_load(q->golden, &t, layout, "%s.%s", q->name, name);
    if (q->status != DRIFT_OK)
        tape_fail(q->tape, q->status);
    return t ? add_input(q, t, name, layout) : NULL;
}

var *graph_optional(graph *q, const char *name, const char *layout)
{
    if (!golden_find(q->golden, "%s.%s", q->name, name))
        return NULL;
    return graph_input(q, name, layout);
}

void graph_absolute(graph *q, const char *name, double limit)
{
    for (int i = 0; i < q->count; i++)
        if (!strcmp(q->inputs[i].name, name))
            q->inputs[i].absolute = limit;
}

void graph_output(graph *q, var *y, const char *name, const char *layout)
{
    tensor *dy = NULL;
    if (q->status == DRIFT_OK && y)
        q->status =
            golden_near(q->golden, &y->value, layout, "%s.%s", q->name, name);
    if (q->status == DRIFT_OK && y)
        q->status =
            golden_load(q->golden, &dy, layout, "%s.d%s", q->name, name);
    if (dy)
        tape_seed(q->tape, y, dy);
}

static drift_status compare_gradient(graph *q, int i)
{
    golden *g = q->golden;
    const char *name = q->inputs[i].name;
    const tensor *grad = &q->inputs[i].value->grad;
    drift_status status = DRIFT_OK;
    double *numbers = NULL;
    float *host = NULL;
    if (!golden_find(g, "%s.d%s", q->name, name))
        return DRIFT_OK;
    if (!grad->block)
        return ERROR(g->ctx, DRIFT_ERROR_SHAPE, "no gradient arrived at '%s'",
                     name);
    if (q->inputs[i].absolute <= 0)
        return golden_near(g, grad, q->inputs[i].layout, "%s.d%s", q->name,
                           name);
    size_t count = tensor_count(grad);
    numbers = calloc(count + 1, sizeof *numbers);
    host = calloc(count + 1, sizeof *host);
    if (!numbers || !host)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, grad, host));
    for (size_t k = 0; k < count; k++)
        numbers[k] = (double)host[k];
    TRY(golden_absolute(g, numbers, count, q->inputs[i].absolute, "%s.d%s",
                        q->name, name));
out:
    free(numbers);
    free(host);
    return status;
}

drift_status graph_close(graph *q, drift_status status)
{
    if (status == DRIFT_OK)
        status = q->status;
    if (status == DRIFT_OK)
        status = tape_status(q->tape);
    if (status == DRIFT_OK)
        status = tape_backward(q->tape);
    for (int i = 0; status == DRIFT_OK && i < q->count; i++)
        status = compare_gradient(q, i);
    tape_free(q->tape);
    return status;
}
