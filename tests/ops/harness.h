/* What a test of one op needs: operands with canaries, random inputs, a
 * reference in double, gradients by finite differences, one run with 1 and one
 * with 4 threads. See README.md for the recipe and add.c for the model. */
#ifndef TESTS_OPS_HARNESS_H
#define TESTS_OPS_HARNESS_H

#include "ops/backend.h"

/* Rounding of one f32 operation. */
#define EPS 0x1p-24

/* One tensor of the case in hand. The harness owns it: the numbers live until
 * the next case begins, the shape until the op's test ends. */
typedef struct operand {
    tensor t;     /* what the op gets: a view between two canaries */
    size_t count; /* its elements */
    float *host;  /* content before the op; change it before CASE_RUN */
    int *index;   /* the same of an i32 operand */
    double *want; /* outputs: expected content, zero at first; NaN is not
                     compared. For a gradient without its starting value. */
    double terms; /* outputs: how many rounded operations lead to an element,
                     1 at first; 0 = equal to (float)want to the bit */
    double magnitude; /* outputs: size of the numbers summed; 0 = rms of want */
    /* For the harness alone. */
    int role;
    tensor whole;
    size_t offset;
    float *block;  /* host copy of `whole` */
    float *first;  /* what the run with one thread gave */
    double *along; /* a random direction, where a gradient is sampled */
    double slope;  /* expected sum of along * gradient */
    struct operand *next;
} operand;

typedef struct harness harness;

drift_context *case_context(harness *t);
/* Whether large cases are left out, for devices that take a thousand times as
 * long: loops that repeat much may then be shorter, too. */
int case_small(const harness *t);

/* Begin a case, named by printf; ends the one before. */
void case_begin(harness *t, const char *name, ...) DRIFT_PRINTF(2, 3);

/* An input, uniform in [low,high), or i32 in 0 ... n-1. */
operand *case_input(harness *t, shape s, double low, double high);
operand *case_index(harness *t, shape s, int n);
/* An output, NaN before the op (i32: INT_MIN). */
operand *case_output(harness *t, shape s);
operand *case_index_output(harness *t, shape s);
/* A tensor the op updates: starts as an input, want is what it becomes. */
operand *case_update(harness *t, shape s, double low, double high);
/* A gradient the op adds to; it starts from values of its own size. */
operand *case_gradient(harness *t, shape s);

/* A draw from the fixed stream, uniform in [low,high). */
double case_random(harness *t, double low, double high);

/* The op's formula in double: y[i] from x[j], one array an operand. A y[i]
 * that nobody asks for and an x[j] that is absent are NULL. */
typedef void case_function(double *const y[], const double *const x[],
                           const void *arg);

/* Length and elements of a list of operands, NULL for absent ones. */
#define LIST(...)                                                              \
    sizeof((operand *[]){__VA_ARGS__}) / sizeof(operand *), (operand *[])      \
    {                                                                          \
        __VA_ARGS__                                                            \
    }

/* Fill want of the outputs y from the inputs x:
 *     case_reference(t, formula, &sizes, LIST(y), LIST(a, b)); */
void case_reference(harness *t, case_function *f, const void *arg, size_t ny,
                    operand *const y[], size_t nx, operand *const x[]);

/* Make an input of what a forward saved: its content becomes its want. */
void case_saved(operand *o);
/* Leave an output that only served the reference out of the comparison. */
void case_drop(operand *o);

/* Fill want of the gradients dx[j] (NULL = not wanted) of the loss
 * sum_i dy[i] * f_i(x), by five-point differences of step case_step: every
 * element when there are few, else a sample of them and one random direction.
 *     case_gradients(t, formula, &sizes, LIST(dy), LIST(a, b), LIST(da, db));
 */
void case_gradients(harness *t, case_function *f, const void *arg, size_t ny,
                    operand *const dy[], size_t nx, operand *const x[],
                    size_t ndx, operand *const dx[]);
/* 1e-3 at the start of each case; for formulas that bend faster, less. */
void case_step(harness *t, double step);

/* The tensor of an operand; NULL for NULL. */
tensor *case_tensor(operand *o);
#define T(o) case_tensor(o)

/* Run `call`, an expression of type drift_status, with one thread and again
 * with four: the outputs are what is wanted, both runs give the same bits, the
 * inputs and the canaries are what they were.
 *     CASE_RUN(t, op_add_fwd(ctx, T(y), T(a), T(b), 1, 1)); */
#define CASE_RUN(t, call)                                                      \
    for (case_start(t); case_again(t);)                                        \
    case_ran(t, call)
void case_start(harness *t);
int case_again(harness *t);
void case_ran(harness *t, drift_status status);

/* `call` must answer DRIFT_ERROR_SHAPE (or the code given) with a text. */
#define CASE_REJECTED(t, call) case_rejected(t, DRIFT_ERROR_SHAPE, call)
void case_rejected(harness *t, drift_status code, drift_status got);

/* Anything else that a test wants to say. */
void case_fail(harness *t, const char *why, ...) DRIFT_PRINTF(2, 3);
/* What is worth a line on a passing run, too (accuracy, speed). */
void case_note(harness *t, const char *what, ...) DRIFT_PRINTF(2, 3);

/* One function an op of ops.def: a missing one is a link error. */
#define OP(name, params, args) void test_##name(harness *t);
#include "ops/ops.def"
#undef OP

#endif
