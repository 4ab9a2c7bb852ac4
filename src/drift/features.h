/* Feature families: what the drift loss compares. A family is a value
 * [B,F,C]: F locations of C numbers. method.md section 3. */
#ifndef DRIFT_FEATURES_H
#define DRIFT_FEATURES_H

#include "nn/encoder.h"

#define FEATURE_NAME 48

typedef struct feature {
    char name[FEATURE_NAME];
    float weight; /* of its loss */
    var *value;   /* [B,F,C] */
} feature;

/* {0} takes every family at weight 1. */
typedef struct features {
    feature *list; /* in the order they were added */
    size_t count, room;
    const char *choice; /* see family_weight; NULL: all */
    const char *prefix; /* before every name; NULL: none */
} features;

/* The weight of a family by a list of patterns (base/items.h) as the shell's,
 * each with =WEIGHT where it is not 1: the last that fits the name decides; 0
 * when none fits. */
float family_weight(const char *choice, const char *name);
/* Whether such a list can be read. */
drift_status family_check(drift_context *ctx,
                          const char *choice) DRIFT_MUST_CHECK;

void features_free(features *f);

/* `name` with value [B,F,C], where it counts. Like the tape's operations these
 * do nothing once the tape has failed. */
void features_add(tape *t, features *f, var *value, const char *name);

/* The sample itself, flattened: family "global" [B,1,H*W*C]. */
void features_global(tape *t, features *f, var *sample);

/* Families of a map [B,H,W,C]: `name` [B,H*W,C], name_mean and name_std
 * [B,1,C], and for the patch sizes 2 and 4 that divide H and W name_mean_2,
 * name_std_2, name_mean_4, name_std_4 [B,(H/p)(W/p),C]; the release has no
 * name_flat [B,1,H*W*C], which keeps together what is at different places.
 * `parts` (FAMILY_*) says which the map is good for. */
void features_of_map(tape *t, features *f, var *map, const char *name,
                     unsigned parts);

/* norm_x = sqrt(mean over H, W of x^2 + 1e-6) a channel: [B,1,C]. `map` is
 * the encoder's input, after patchifying. */
void features_norm_x(tape *t, features *f, var *map);

#endif
