/* The networks of the authors' release: GOLDEN.json and GOLDEN.msgpack beside
 * GOLDEN.safetensors, or weights by formula. */
#ifndef TESTS_GOLDEN_RELEASE_H
#define TESTS_GOLDEN_RELEASE_H

#include "drift/features.h"
#include "drift/field.h"
#include "golden.h"
#include "nn/encoder.h"

/* *out is to be freed even after a failure. (check_dit.c) */
drift_status release_load(golden *g, generator **out);

/* The encoder NAME.json with the weights that NAME.leaves.txt lists, which are
 * left in *leaves, in its order; both are to be freed even after a failure.
 * (check_mae.c) */
drift_status release_encoder(golden *g, const char *name, int with_grad,
                             array_list *leaves, encoder **out);
/* What the release compares images in: global and the families of all maps. */
void release_families(encoder *e, tape *t, var *image, features *f);

/* The field's arguments, with the temperatures R of the file. (check_drift.c)
 */
drift_status release_field(golden *g, field_args *args);

#endif
