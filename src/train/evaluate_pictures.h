/* Pictures of what drift_evaluate looked at. */
#ifndef TRAIN_EVALUATE_PICTURES_H
#define TRAIN_EVALUATE_PICTURES_H

#include "eval/images.h"

/* Into `folder`, which is made:
 *
 *     samples.png        a row a class
 *     neighbours.png     an image a row, and beside it the real ones nearest to
 *                        it
 *     interpolation.png  of a model: a row a class, from one noise to another
 *     alpha.png          of a model with alpha: a row an alpha, a column a
 *                        class, the same noise in each row
 *
 * Classes are the first ten. Of points, a picture of them: samples.png. */
drift_status evaluate_pictures(images *x, images *real,
                               const char *folder) DRIFT_MUST_CHECK;

#endif
