/* The checked entry points: op_<name> checks shapes (the same checks for every
 * backend), then calls the context's backend. */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "base/rng.h"
#include "ops/tensor.h"
#include "shared/args.h"

#define OP(name, params, args) drift_status op_##name params DRIFT_MUST_CHECK;
#include "ops/ops.def"
#undef OP

typedef enum op_id {
#define OP(name, params, args) OP_##name,
#include "ops/ops.def"
#undef OP
    OP_COUNT
} op_id;

extern const char *const op_names[OP_COUNT];

/* The arguments of AdamW's step number `step` (0, 1, ...): corrections and
 * 1 - beta in double, rounded once. */
adamw_args adamw_args_of(double lr, double beta1, double beta2, double eps,
                         double weight_decay, uint64_t step);

#endif
