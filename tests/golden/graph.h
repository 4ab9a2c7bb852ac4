/* Checking a case with gradients: the inputs CASE.NAME go on a tape, outputs
 * are compared with the file and seeded with CASE.dNAME, and the gradient of
 * every input NAME is compared with CASE.dNAME where the file has one.
 *
 *     graph q;
 *     TRY(graph_open(g, &q, name));
 *     var *x = graph_input(&q, "x", MAP);
 *     graph_output(&q, tape_activation(q.tape, x, ACT_SILU), "y", MAP);
 * out:
 *     return graph_close(&q, status);
 */
#ifndef TESTS_GOLDEN_GRAPH_H
#define TESTS_GOLDEN_GRAPH_H

#include "golden.h"
#include "tape/tape.h"

#define GRAPH_INPUTS 32

typedef struct graph {
    golden *golden;
    const char *name; /* of the case */
    tape *tape;
    drift_status status;
    struct {
        const char *name, *layout;
        var *value;
        double absolute; /* limit of an absolute comparison, else 0 */
    } inputs[GRAPH_INPUTS];
    int count;
} graph;

drift_status graph_open(golden *g, graph *q, const char *name);
/* NULL after an error, as on the tape. */
var *graph_input(graph *q, const char *name, const char *layout);
/* NULL where the file has no such tensor. */
var *graph_optional(graph *q, const char *name, const char *layout);
void graph_output(graph *q, var *y, const char *name, const char *layout);
/* Compare this input's gradient absolutely (it is 0 in exact arithmetic). */
void graph_absolute(graph *q, const char *name, double limit);
/* Backward, the gradients' lines; frees the tape. */
drift_status graph_close(graph *q, drift_status status);

#endif
