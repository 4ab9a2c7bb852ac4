/* The arrays of other people's encoders as their files have them, of any size,
 * with numbers by formula.h and the README's table of roles. */
#ifndef TESTS_GOLDEN_NETWORKS_H
#define TESTS_GOLDEN_NETWORKS_H

#include "nn/encoder.h"

/* All arrays of a network of this kind and these sizes, without any wrapper in
 * front of their names. */
drift_status networks_arrays(drift_context *ctx, const encoder_config *c,
                             const char *salt,
                             array_list *list) DRIFT_MUST_CHECK;

#endif
