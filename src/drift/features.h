/* Feature families: what the drift loss compares. A family is a value
 * [B,F,C]: F locations of C numbers. method.md section 3. */
#ifndef DRIFT_FEATURES_H
#define DRIFT_FEATURES_H

#include "tape/tape.h"

#define FEATURE_NAME 48

typedef struct feature {
    char name[FEATURE_NAME];
    var *value; /* [B,F,C] */
} feature;

typedef struct features {
    feature *list; /* in the order they were added */
    size_t count, room;
} features;

void features_free(features *f);

/* `name` with value [B,F,C]. Like the tape's operations these do nothing once
 * the tape has failed. */
void features_add(tape *t, features *f, var *value, const char *name);

/* The sample itself, flattened: family "global" [B,1,H*W*C]. */
void features_global(tape *t, features *f, var *sample);

/* Families of a map [B,H,W,C]: `name` [B,H*W,C], name_mean and name_std
 * [B,1,C], and for the patch sizes 2 and 4 that divide H and W name_mean_2,
 * name_std_2, name_mean_4, name_std_4 [B,(H/p)(W/p),C]. `parts` chooses. */
#define FEATURE_LOCATIONS 1
#define FEATURE_MEAN      2
#define FEATURE_STD       4
#define FEATURE_MEAN_2    8
#define FEATURE_STD_2     16
#define FEATURE_MEAN_4    32
#define FEATURE_STD_4     64
#define FEATURE_ALL       127
void features_of_map(tape *t, features *f, var *map, const char *name,
                     unsigned parts);

/* norm_x = sqrt(mean over H, W of x^2 + 1e-6) a channel: [B,1,C]. `map` is
 * the encoder's input, after patchifying. */
void features_norm_x(tape *t, features *f, var *map);

#endif
