/* TEMPORARY while the ops land: weak definitions of what is still missing. */
#include "cpu/cpu.h"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define OP(name, params, args)                                                 \
    __attribute__((weak)) drift_status cpu_##name params                       \
    {                                                                          \
        return ERROR(ctx, DRIFT_ERROR_UNAVAILABLE, #name ": not written yet"); \
    }                                                                          \
    __attribute__((weak)) drift_status check_##name params                     \
    {                                                                          \
        return DRIFT_OK;                                                       \
    }
#include "ops/ops.def"
