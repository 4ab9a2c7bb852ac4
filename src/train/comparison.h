/* comparison.png of a run: for each class a row of real images, one of what an
 * autoencoder makes of them where there is one, and one of samples. */
#ifndef TRAIN_COMPARISON_H
#define TRAIN_COMPARISON_H

#include "data/data.h"
#include "nn/generator.h"

typedef struct comparison {
    drift_context *ctx;
    size_t classes, kinds, columns; /* kinds: rows a class, samples last */
    size_t height, width, channels;
    unsigned char *images; /* [classes,kinds,columns,h,w,c]; NULL: none */
} comparison;

/* Take the first `columns` real images of each class, of ten at most. `c` is to
 * be freed even after a failure. */
drift_status comparison_new(drift_context *ctx, generator *g, dataset *data,
                            size_t columns, comparison *c) DRIFT_MUST_CHECK;
void comparison_free(comparison *c); /* {0} is fine */

/* With samples [count,h,w,c] of the classes in `labels`. Not after
 * comparison_new left `images` NULL. */
drift_status comparison_write(comparison *c, const char *path,
                              const float *samples, const int *labels,
                              size_t count) DRIFT_MUST_CHECK;

#endif
