/* A short check of the field on the context's device before a long training:
 * antisymmetry, equilibrium, translation and permutation, with small random
 * sets (method.md section 2). Milliseconds; the error names what failed. */
#ifndef DRIFT_PREFLIGHT_H
#define DRIFT_PREFLIGHT_H

#include "drift/field.h"

drift_status preflight_run(drift_context *ctx,
                           const field_args *args) DRIFT_MUST_CHECK;

#endif
