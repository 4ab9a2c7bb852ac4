/* Memory that runs out at every place: `call` runs with its n-th allocation
 * failing, for n = 1, 2, ... until it asks for less than n. Each time it
 * answers DRIFT_ERROR_MEMORY with a text, or does without what it did not get
 * and succeeds. What it made it must free itself; a leak is the sanitizers' to
 * find. Include after cmocka.h. */
#ifndef TESTS_UNIT_SWEEP_H
#define TESTS_UNIT_SWEEP_H

#include "base/mem.h"

typedef drift_status sweep_call(drift_context *on, void *arg);

/* Each run gets a fresh context, whose opening is not counted. */
static inline void sweep_memory(sweep_call *call, void *arg)
{
    for (long n = 1;; n++) {
        drift_context *on;
        drift_options options = {.device = "cpu"};
        assert_int_equal(drift_context_open(&on, &options), DRIFT_OK);
        (void)mem_fail_after(n);
        drift_status status = call(on, arg);
        long left = mem_fail_after(0);
        if (status == DRIFT_ERROR_MEMORY) {
            assert_int_equal(drift_error_code(on), DRIFT_ERROR_MEMORY);
            assert_true(*drift_error_text(on));
        } else if (status != DRIFT_OK) {
            fail_msg("allocation %ld failed: %s", n, drift_error_text(on));
        }
        drift_context_close(on);
        if (left > 0) {
            assert_int_equal(status, DRIFT_OK);
            return;
        }
    }
}

#endif
