/* The nearest real images of images, in pixels. */
#ifndef EVAL_NEIGHBOURS_H
#define EVAL_NEIGHBOURS_H

#include "eval/images.h"

#define NEIGHBOURS 3

/* Of one image, nearest first. */
typedef struct neighbours {
    float far[NEIGHBOURS]; /* Euclidean distance of pixels in [-1,1] */
    size_t which[NEIGHBOURS];
    int32_t label[NEIGHBOURS];
    int32_t asked; /* of the image itself */
} neighbours;

/* Of n images of x (images_read_spread), among all of `real`. */
drift_status neighbours_find(images *x, size_t n, images *real,
                             neighbours *out) DRIFT_MUST_CHECK;

/* Share of images for which most of the 3 are of their label; the nearest
 * decides between three. */
double neighbours_vote(const neighbours *all, size_t n);
/* Median distance to the nearest: the root of the mean square over `numbers`
 * pixels, in grey levels of 255. Reorders nothing; NaN where out of memory. */
double neighbours_median(const neighbours *all, size_t n, size_t numbers);

#endif
