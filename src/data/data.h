/* Data sets behind one interface: count, classes, get(i). */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/rng.h"

#define DATA_MAX_SIDE 4096 /* of data.height and data.width */

/* Section `data` of the configuration. */
typedef struct data_config {
    char *path;        /* a folder, file, archive or toy name; see README.md */
    char *split;       /* "train" (NULL) or "test" where the data have both */
    int kind;          /* DATA_AUTO ... */
    int height, width; /* 0: as stored; else resize to this */
    int crop;      /* 1: centre crop to the target's aspect before resizing */
    int channels;  /* 0: as stored; 1 grey; 3 RGB */
    int flip;      /* random horizontal flip in training */
    int classes;   /* 0: as labelled; 1: ignore the labels; else that many */
    float noise;   /* toys: extra noise; < 0 = the toy's own */
    int64_t limit; /* use only so many, of each class alike; 0 = all */
} data_config;

enum {
    DATA_AUTO,
    DATA_IDX,
    DATA_CIFAR,
    DATA_FOLDER,
    DATA_ARCHIVE,
    DATA_NPZ,
    DATA_TOY
};

typedef struct dataset dataset;
struct dataset {
    drift_context *ctx;
    size_t count; /* 0: endless (toys): every i is a fresh point */
    int classes;  /* >= 1 */
    int height, width, channels; /* points: 1, 1, 2 */
    int points;                  /* 1: coordinates, not pixels */
    int flip;                    /* config.flip; see dataset_augment */
    char **class_names;          /* or NULL */
    char digest[DIGEST_TEXT];    /* of the content and the options */
    /* Sample i as [h,w,c] f32: pixels in [-1,1] (v/127.5 - 1). Its label comes
     * from label(). Thread-safe. */
    drift_status (*get)(dataset *d, size_t i, float *out);
    int (*label)(dataset *d, size_t i);
    dataset *source; /* of latents: the images they stand for; else NULL */
    void (*close)(dataset *d); /* frees d->state */
    void *state;
};

/* Names of the 2-D toys for `path`, up to NULL: "moons", "swissroll",
 * "checkerboard", "gaussians", "spirals". */
extern const char *const dataset_toys[];

drift_status dataset_open(drift_context *ctx, const data_config *config,
                          uint64_t seed, dataset **out) DRIFT_MUST_CHECK;
void dataset_free(dataset *d);

/* Samples first ... first + count - 1 into out [count], side by side. */
drift_status dataset_read(dataset *d, size_t first, size_t count,
                          float *out) DRIFT_MUST_CHECK;

/* Pixels of get() that were bytes, to the same bytes: drift_to_bytes cuts, as
 * scores are published. */
void dataset_to_bytes(const float *pixels, size_t count, unsigned char *bytes);

/* For training: mirror `sample` (of get) left to right when d->flip is set and
 * draw i of the stream (RNG_AUGMENT, step) says so. */
void dataset_augment(const dataset *d, rng_stream s, uint64_t i, float *sample);

/* What else may be done to a training image. */
typedef struct augmentation {
    int shift;   /* moved by at most so many pixels in height and in width */
    float crop;  /* least share of its area that is cut out; 1: all of it */
    float noise; /* most standard deviation of normal noise on its numbers */
} augmentation;

/* dataset_augment, then cut and moved by draws i of the stream (RNG_CROP,
 * step), then noise of a strength drawn for each image (RNG_GRAIN), which may
 * lead out of [-1,1]. `spare` has room for a sample. */
void dataset_vary(const dataset *d, const augmentation *a, rng_stream s,
                  uint64_t i, float *sample, float *spare);

#endif
