/* TEMPORARY while the ops land: weak definitions of the tests still missing. */
#include "harness.h"
#define OP(name, params, args)                                                 \
    __attribute__((weak)) void test_##name(harness *t)                         \
    {                                                                          \
        case_missing(t);                                                       \
    }
#include "ops/ops.def"
