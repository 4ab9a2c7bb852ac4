/* For tests that need an OpenCL device; shell tests: tests/cli/lib.sh. */
#ifndef TESTS_OPENCL_H
#define TESTS_OPENCL_H

#include <stdlib.h>
#include <string.h>

/* Whether one that finds none fails instead of being skipped. */
static inline int opencl_required(void)
{
    const char *text = getenv("DRIFT_REQUIRE_OPENCL");
    return text && !strcmp(text, "1");
}

#endif
