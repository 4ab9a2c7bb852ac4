/* See field_plan.c. */
#ifndef CPU_FIELD_PLAN_H
#define CPU_FIELD_PLAN_H

#include "cpu/field.h"

/* Choose tile sizes and get the memory. Free also after a failure. */
drift_status field_plan(field_run *run, size_t memory) DRIFT_MUST_CHECK;
void field_plan_free(field_run *run);

#endif
