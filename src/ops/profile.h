/* Where the time went, when drift_context_open was asked to profile. All of it
 * does nothing in a context without a profile. */
#ifndef OPS_PROFILE_H
#define OPS_PROFILE_H

#include "base/error.h"

typedef struct profile {
    double begin;  /* of what is counted, by clock_seconds */
    double waited; /* by the host for the device */
    drift_profile_line *lines;
    size_t count, room;
} profile;

drift_status profile_new(drift_context *ctx) DRIFT_MUST_CHECK;
void profile_free(drift_context *ctx);

/* The line of that name, a new one the first time; `name` is kept. */
drift_status profile_line(drift_context *ctx, const char *name,
                          size_t *line) DRIFT_MUST_CHECK;

/* clock_seconds, to be given back when the wait is over. */
double profile_now(const drift_context *ctx);
void profile_waited(drift_context *ctx, double begin);

#endif
