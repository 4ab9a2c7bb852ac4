/* Images, or points of the plane, in order, whose figures are wanted: of a data
 * set, of a model, or noise. */
#ifndef EVAL_IMAGES_H
#define EVAL_IMAGES_H

#include "base/digest.h"
#include "data/data.h"

typedef struct images images;
struct images {
    drift_context *ctx;
    size_t count;
    int height, width, channels, classes;
    int points;   /* 1 x 1 x 2 coordinates, which are no pixels */
    int labelled; /* their classes are asked for, or told by the data */
    const char *const *class_names; /* [classes], or NULL */
    /* Images first ... first + count - 1: pixels [count,h,w,c] in [-1,1] and
     * labels [count]. */
    drift_status (*read)(images *x, size_t first, size_t count, float *pixels,
                         int32_t *labels);
    /* What it reads from. */
    dataset *data;
    size_t *chosen;          /* [count] of its images; NULL: all */
    drift_model *model;      /* not owned; sample i is of class i mod classes */
    uint64_t seed;           /* of its samples, or of noise */
    float alpha;             /* and how strongly they are guided */
    images *like;            /* noise: not owned */
    float *mean, *deviation; /* and [h,w,c] of them, once it has been read */
};

size_t images_numbers(const images *x); /* of one */
int32_t images_label(const images *x, size_t i);
/* How many to read together: `most`, and no more than `numbers` in all. */
size_t images_at_once(const images *x, size_t most, size_t numbers);
/* Whether the labels of both mean the same. */
int images_same_classes(const images *a, const images *b);

/* The images of a split; at most `limit` of them (0: all), of each class alike
 * or, where there are none, spread over all of them. Of a toy, which has no
 * end, `limit` that no training has drawn. */
drift_status images_of_data(drift_context *ctx, const data_config *config,
                            size_t limit, images *out) DRIFT_MUST_CHECK;
/* `count` samples; images as their bytes are (drift_to_bytes), since scores are
 * published of pictures. */
void images_of_model(drift_context *ctx, drift_model *model, size_t count,
                     uint64_t seed, float alpha, images *out);
/* `count` images like these, of independent normal pixels with the mean and
 * deviation that theirs have there: what no model should be worse than. Image
 * i is taken to be of class i mod classes. `like` stays while they are read. */
void images_of_noise(images *like, size_t count, uint64_t seed, images *out);
void images_close(images *x);

/* Add what the images of a data set, or noise, follow from. */
void images_digest(const images *x, digest *d);

/* n <= count of them that stand for all, which data sets may have sorted; and
 * which of all is i of these. */
drift_status images_read_spread(images *x, size_t n, float *pixels,
                                int32_t *labels) DRIFT_MUST_CHECK;
size_t images_spread(const images *x, size_t n, size_t i);

#endif
