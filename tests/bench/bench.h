/* Timing of the ops and of whole networks: see README.md. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "nn/encoder.h"

typedef struct bench bench;

drift_context *bench_context(bench *b);

/* A tensor of normal numbers (i32: 0 ... n-1); freed after the case. */
tensor *bench_tensor(bench *b, shape s);
tensor *bench_index(bench *b, shape s, int n);

/* Time `call`, an expression of type drift_status: the fastest of a few runs
 * after one that does not count. flops: multiplications and additions of its
 * matrix products, 0 = none to speak of; bytes: what it must at least read and
 * write, 0 = not said. A case that was not asked for is not run.
 *     BENCH(b, "add_fwd", 0, bytes, op_add_fwd(...)); */
#define BENCH(b, name, flops, bytes, call)                                     \
    for (bench_begin(b, name, flops, bytes); bench_again(b);)                  \
    bench_ran(b, call)
void bench_begin(bench *b, const char *name, double flops, double bytes);
int bench_again(bench *b);
void bench_ran(bench *b, drift_status status);
/* Whether any case whose name begins so was asked for: making a network or
 * large tensors is worth the question. */
int bench_wants(const bench *b, const char *prefix);
/* Free the tensors of a case or a group of cases. */
void bench_free(bench *b);

/* End the program with the context's error text unless status is DRIFT_OK. */
void bench_need(bench *b, drift_status status);
/* memory_peak() counts from here on (Linux; 1 when it does). */
int bench_watch_memory(void);
/* What the process held at most since then, on standard error. */
void bench_tell_memory(const char *name);
/* Of the products in an encoder's forward pass, for images of size x size: what
 * its backward pass to the image takes, too. (encoders.c) */
double bench_encoder_flops(const encoder *e, int size);

void bench_products(bench *b); /* products.c: gemm, linear, conv2d, attention */
void bench_ops(bench *b);      /* ops.c: the rest */
void bench_field(bench *b);    /* field.c: the drifting field */
void bench_networks(bench *b); /* networks.c: generators */
void bench_encoders(bench *b); /* encoders.c: encoders, frozen */
void bench_figures(bench *b);  /* figures.c: those of drift-eval */
void bench_steps(bench *b);    /* steps.c: whole training steps */

#endif
