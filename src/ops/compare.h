/* The check backend: every op on the device and on the CPU, on the same
 * numbers. */
#ifndef OPS_COMPARE_H
#define OPS_COMPARE_H

#include "ops/backend.h"

/* From now on each op of ctx, whose device is open, is run by the CPU backend
 * too. One whose results differ by more than rounding explains is
 * DRIFT_ERROR_DEVICE with both numbers. Closing the context logs how many
 * calls there were and which came nearest to its limit. */
drift_status compare_open(drift_context *ctx) DRIFT_MUST_CHECK;

/* How many rounded operations lead to an element of operand number k of an op,
 * one that it writes; 0: none, so that bits are equal. t[] has the op's tensors
 * in the order of ops.def, absent ones too. (src/ops/terms.c) */
double op_terms(op_id op, const tensor *const t[], int k);

#endif
