/* The field of method.md section 2, to the letter and in double: the truth
 * that tests hold op_field against. Everything at once, for small sizes. */
#ifndef TESTS_OPS_FIELD_REFERENCE_H
#define TESTS_OPS_FIELD_REFERENCE_H

#include <stddef.h>

#include "shared/args.h"

typedef struct field_problem {
    field_args args;
    size_t g, n, k, m, p, d; /* k = n when the queries are the targets */
    /* x [g,n,d], gen [g,k,d], neg [g,m,d], pos [g,p,d]; weights [g,.], NULL =
     * 1. gen is x when the queries are the targets. */
    const double *x, *gen, *neg, *pos, *w_gen, *w_neg, *w_pos;
} field_problem;

/* v [g,n,d], loss [g], stats as ops/field.h. 0 when out of memory. */
int field_reference(const field_problem *p, double *v, double *loss,
                    double *stats);

#endif
