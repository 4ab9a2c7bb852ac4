/* The drifting field in training: op_field with a configuration's arguments. */
#ifndef DRIFT_FIELD_H
#define DRIFT_FIELD_H

#include "drift/config.h"
#include "ops/field.h"
#include "ops/ops.h"

/* What the op is called with in training. */
static inline field_args field_args_of(const drifting_config *c)
{
    field_args args = c->field;
    args.queries_are_targets = 1;
    return args;
}

#endif
