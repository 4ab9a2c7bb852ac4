/* The parameters of a network: names and shapes, all values in one flat
 * tensor, all gradients in another, so that the optimizer, EMA and norms are
 * one op each. A network declares its parameters in a fixed order, then
 * allocates; its forward asks for them as tape leaves by number. */
#ifndef NN_PARAMS_H
#define NN_PARAMS_H

#include "tape/tape.h"

typedef enum param_init {
    INIT_ZERO,
    INIT_ONE,
    INIT_NORMAL,  /* mean 0, std = init_value */
    INIT_XAVIER,  /* uniform; fan in and out from the shape (linear [in,out],
                     conv [kh,kw,in,out]) */
    INIT_UNIFORM, /* in [-init_value, init_value) */
    INIT_COPY     /* from `values` */
} param_init;

typedef struct param {
    char *name; /* as "blocks.3.attention.qkv.weight" */
    int part;   /* index into params.parts: what its norm is logged under */
    shape shape;
    size_t offset; /* in the flat tensors */
    param_init init;
    float init_value;
    float *values; /* for INIT_COPY: owned host copy */
} param;

typedef struct params {
    drift_context *ctx;
    param *list;
    size_t count;
    size_t total; /* numbers in all; each parameter starts at a multiple of 16,
                     the gaps are zero and stay so */
    char **parts; /* names of the parts of the network */
    size_t part_count;
    tensor value, grad;  /* [total]; grad only after params_allocate(.., 1) */
    drift_status status; /* of the declarations */
    size_t room;
} params;

/* {0} with `ctx` set is an empty set.
 * Declare a parameter; its number, or -1 on failure (out of memory, repeated
 * name: ctx's error is set, and params_allocate fails). */
int params_add(params *p, const char *part, shape s, param_init init,
               float init_value, const char *name_format, ...)
    DRIFT_PRINTF(6, 7);
/* As INIT_COPY from shape_count(s) numbers. */
int params_add_values(params *p, const char *part, shape s, const float *values,
                      const char *name);
/* Make the flat tensors and draw the initial values from (seed, RNG_INIT,
 * number of the parameter). */
drift_status params_allocate(params *p, int with_grad,
                             uint64_t seed) DRIFT_MUST_CHECK;
/* Gradients, all zero, for a set that was allocated without. */
drift_status params_with_gradient(params *p) DRIFT_MUST_CHECK;
void params_free(params *p);

int params_find(const params *p, const char *name); /* -1: none */
/* A view of parameter i in any flat tensor of this layout (value, grad, m, v,
 * an EMA). */
tensor params_view(const params *p, const tensor *flat, int i);
/* The leaf of parameter i: its values are taken from `flat`, its gradient goes
 * to p->grad when the tape records and p has gradients. Calls for the same i on
 * one tape may make a leaf each: they add into the same gradient. */
var *params_leaf(params *p, tape *t, const tensor *flat, int i);

#endif
