/* Which class are images of, by their nearest real ones in pixels? */
#ifndef EVAL_VOTE_H
#define EVAL_VOTE_H

#include "eval/images.h"

/* Share of n images of x (images_read_spread) for which most of the 3 nearest
 * of `real` are of the class of their label; the nearest decides between
 * three. */
drift_status vote_share(images *x, size_t n, images *real,
                        double *share) DRIFT_MUST_CHECK;

#endif
