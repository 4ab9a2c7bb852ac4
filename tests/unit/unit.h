/* What a unit test of the library's parts begins with: cmocka, one context,
 * and what is expected of a status. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "drift.h"

static drift_context *ctx;

static inline int setup(void **state)
{
    (void)state;
    return drift_context_open(&ctx, NULL) != DRIFT_OK;
}

static inline int teardown(void **state)
{
    (void)state;
    drift_context_close(ctx);
    return 0;
}

static inline void expect_ok(drift_status status)
{
    if (status != DRIFT_OK)
        fail_msg("%s (%s)", drift_error_text(ctx), drift_error_place(ctx));
}

static inline void expect_error(drift_status status, drift_status wanted,
                                const char *text)
{
    if (status != wanted || !strstr(drift_error_text(ctx), text))
        fail_msg("status %d and '%s' instead of %d and '%s'", status,
                 drift_error_text(ctx), wanted, text);
    drift_error_clear(ctx);
}

#endif
