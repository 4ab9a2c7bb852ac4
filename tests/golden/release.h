/* The generator of a file of the authors' release: GOLDEN.json and
 * GOLDEN.msgpack beside GOLDEN.safetensors. */
#ifndef TESTS_GOLDEN_RELEASE_H
#define TESTS_GOLDEN_RELEASE_H

#include "golden.h"
#include "nn/generator.h"

/* *out is to be freed even after a failure. (check_dit.c) */
drift_status release_load(golden *g, generator **out);

/* The families of a training step that need no encoder. (check_drift.c) */
drift_status check_step_families(golden *g);

#endif
