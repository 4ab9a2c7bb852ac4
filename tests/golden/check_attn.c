/* op_attn: attention, rotary embedding, modulation, embeddings of PyTorch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "nn/generator.h"

#define HEADS "0213" /* [b,h,n,d] -> [b,n,h,d] */

static drift_status check_attention(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    const char *scale = strstr(golden_meta(g, name), "scale ");
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "q", HEADS);
    var *k = graph_input(&q, "k", HEADS);
    var *v = graph_input(&q, "v", HEADS);
    float factor = scale ? strtof(scale + 6, NULL) : 0;
    graph_output(&q, tape_attention(q.tape, x, k, v, factor), "y", HEADS);
out:
    return graph_close(&q, status);
}

/* cos and sin [t,half] of t / 10000^(i/half). */
static drift_status rope_tables(golden *g, size_t t, size_t half,
                                tensor **cosine, tensor **sine)
{
    drift_status status = DRIFT_OK;
    float *c = calloc(t * half, sizeof *c), *s = calloc(t * half, sizeof *s);
    if (!c || !s)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < t * half; i++) {
        double angle =
            (double)(i / half) * pow(10000, -(double)(i % half) / (double)half);
        c[i] = (float)cos(angle);
        s[i] = (float)sin(angle);
    }
    TRY(golden_output(g, cosine, SHAPE(t, half)));
    TRY(golden_output(g, sine, SHAPE(t, half)));
    TRY(tensor_write(g->ctx, *cosine, c));
    TRY(tensor_write(g->ctx, *sine, s));
out:
    free(c);
    free(s);
    return status;
}

static drift_status check_rope(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    tensor *cosine, *sine;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", HEADS);
    if (!x)
        goto out;
    TRY(rope_tables(g, x->value.shape.dim[1], x->value.shape.dim[3] / 2,
                    &cosine, &sine));
    graph_output(&q, tape_rope(q.tape, x, cosine, sine), "y", HEADS);
out:
    return graph_close(&q, status);
}

/* x -> q, k, v [b,n,h,d], all three by one linear layer. */
static void project(graph *q, var *x, var *w, var *b, size_t heads, var *out[3])
{
    var *all = tape_linear(q->tape, x, w, b);
    for (size_t i = 0; i < 3; i++) {
        out[i] = NULL;
        if (!all)
            continue;
        const size_t *dim = all->value.shape.dim;
        size_t width = dim[2] / 3;
        var *one = tape_split(q->tape, all, 2, i * width, width);
        out[i] = tape_reshape(q->tape, one,
                              SHAPE(dim[0], dim[1], heads, width / heads));
    }
}

static size_t read_heads(const golden *g, const char *name)
{
    const char *at = strstr(golden_meta(g, name), "heads=");
    return at ? (size_t)strtoul(at + 6, NULL, 10) : 1;
}

static drift_status check_self_attention(golden *g, const char *name,
                                         int with_norm)
{
    graph q;
    drift_status status = DRIFT_OK;
    tensor *cosine, *sine;
    var *part[3];
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    var *wqkv = graph_input(&q, "wqkv", MATRIX);
    var *bqkv = graph_optional(&q, "bqkv", NULL);
    var *wo = graph_input(&q, "wo", MATRIX);
    var *bo = graph_optional(&q, "bo", NULL);
    project(&q, x, wqkv, bqkv, read_heads(g, name), part);
    if (!part[0])
        goto out;
    shape s = part[0]->value.shape;
    if (with_norm) {
        var *qw = graph_input(&q, "qw", NULL);
        var *kw = graph_input(&q, "kw", NULL);
        TRY(rope_tables(g, s.dim[1], s.dim[3] / 2, &cosine, &sine));
        part[0] = tape_rope(q.tape, tape_rmsnorm(q.tape, part[0], qw, 1e-6f),
                            cosine, sine);
        part[1] = tape_rope(q.tape, tape_rmsnorm(q.tape, part[1], kw, 1e-6f),
                            cosine, sine);
    }
    var *y = tape_attention(q.tape, part[0], part[1], part[2],
                            1 / sqrtf((float)s.dim[3]));
    y = tape_reshape(q.tape, y, SHAPE(s.dim[0], s.dim[1], s.dim[2] * s.dim[3]));
    graph_output(&q, tape_linear(q.tape, y, wo, bo), "y", NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_modulate(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    var *shift = graph_input(&q, "shift", NULL);
    var *scale = graph_input(&q, "scale", NULL);
    var *gate = graph_input(&q, "gate", NULL);
    var *y = tape_modulate(q.tape, x, shift, scale);
    graph_output(&q, tape_gate(q.tape, NULL, y, gate), "y", NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_embedding(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    tensor *index;
    TRY(graph_open(g, &q, name));
    var *table = graph_input(&q, "table", NULL);
    TRY(golden_load(g, &index, NULL, "%s.idx", name));
    graph_output(&q, tape_embedding(q.tape, table, index, 0), "y", NULL);
out:
    return graph_close(&q, status);
}

/* Features of a guidance strength; nothing asks for their gradient yet. */
static drift_status check_sinusoid(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    const char *at = strstr(golden_meta(g, name), "max period ");
    tensor *alpha, features = {0}, frequencies = {0};
    TRY(golden_load(g, &alpha, NULL, "%s.a", name));
    TRY(condition_frequencies(g->ctx, at ? strtod(at + 11, NULL) : 0,
                              &frequencies));
    TRY(tensor_new(g->ctx, &features, DTYPE_F32,
                   SHAPE(tensor_count(alpha), 2 * tensor_count(&frequencies))));
    TRY(op_sinusoid(g->ctx, &features, alpha, &frequencies));
    TRY(golden_near(g, &features, NULL, "%s.y", name));
out:
    tensor_free(g->ctx, &frequencies);
    tensor_free(g->ctx, &features);
    return status;
}

static drift_status check_case(golden *g, const char *name)
{
    if (!strncmp(name, "sinusoid", 8))
        return check_sinusoid(g, name);
    if (golden_find(g, "%s.q", name))
        return check_attention(g, name);
    if (!strcmp(name, "rope"))
        return check_rope(g, name);
    if (!strcmp(name, "mha"))
        return check_self_attention(g, name, 0);
    if (!strcmp(name, "qknorm_rope_attn"))
        return check_self_attention(g, name, 1);
    if (!strcmp(name, "modulate"))
        return check_modulate(g, name);
    if (!strcmp(name, "embed_sum"))
        return check_embedding(g, name);
    golden_todo(g, name);
    return DRIFT_OK;
}

static drift_status check_file(golden *g)
{
    return golden_each_case(g, check_case);
}

const golden_family check_attn[] = {{"op_attn.safetensors", check_file, 1e-5},
                                    {0}};
