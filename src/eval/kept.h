/* What is known of real images from before: what a network saw of them and
 * their scores, which follow from nothing that changes. Files of the cache
 * (base/cache.h); a fault of one is never an error: a debug line says what is
 * wrong, and its figures are found again. */
#ifndef EVAL_KEPT_H
#define EVAL_KEPT_H

#include "eval/look.h"

typedef struct kept {
    drift_context *ctx;
    char *folder;         /* NULL: nothing is kept */
    char by[DIGEST_TEXT]; /* the network, the device and the program */
    /* Of kept images tell is told that 0 are done. */
    const drift_evaluate_options *o;
} kept;

/* For what n sees. */
drift_status kept_open(const network *n, const drift_evaluate_options *o,
                       kept *out) DRIFT_MUST_CHECK;
void kept_close(kept *k); /* zeros are fine */

/* look_take of the images of a data set, or what it gave before. */
drift_status kept_look(const kept *k, network *n, images *x, const char *kind,
                       look *out) DRIFT_MUST_CHECK;

/* What the scores of images x, of a data set or noise, follow from: `real` are
 * those that they are compared with. */
void kept_key(const kept *k, const images *x, const images *real,
              const look *seen, char key[DIGEST_TEXT]);
/* Whether those of `count` images of a kind are known. */
int kept_find_scores(const kept *k, const char *key, const char *kind,
                     size_t count, drift_scores *out);
void kept_save_scores(const kept *k, const char *key, const drift_scores *s);

#endif
