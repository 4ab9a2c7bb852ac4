/* Images on their way from files into a data set: what every kind of source
 * fills in, and the steps that all of them share. Internal to src/data. */
#ifndef DATA_STORE_H
#define DATA_STORE_H

#include "data/data.h"
#include "formats/image.h"

/* No real data set has more classes; a label beyond is damage. */
#define STORE_MAX_CLASSES 65536

typedef struct store {
    drift_context *ctx;
    const data_config *config;
    const char *split; /* "train" or "test" */
    size_t count, room;
    int height, width, channels;
    unsigned char *pixels; /* [count,height,width,channels], or NULL */
    float *points;         /* [count,2], or NULL */
    int *labels;           /* [count], or NULL: one class */
    int fitted;            /* size and channels are as configured */
    char **class_names;    /* or NULL */
    size_t classes;        /* of class_names */
} store;

/* One image file: in memory, or (data NULL) on disk. */
typedef struct store_item {
    char *name; /* path, or name inside the archive */
    int label;
    unsigned char *data;
    size_t size;
} store_item;

/* Decode in parallel, fit to the configuration and append. The first image
 * fixes the size where the configuration does not. */
drift_status store_decode(store *s, const store_item *items,
                          size_t count) DRIFT_MUST_CHECK;
/* Size and channels of all images; for sources that hold plain pixels. */
drift_status store_fit(store *s) DRIFT_MUST_CHECK;
/* Number of a class by its name, new where it is. */
drift_status store_class(store *s, const char *name,
                         int *label) DRIFT_MUST_CHECK;
/* Number the classes by the order of their names. */
drift_status store_sort_classes(store *s) DRIFT_MUST_CHECK;
/* Which of `count` items data.limit keeps, and how many: the first of each
 * class, the second of each, and so on; without a limit all. */
drift_status store_select(const store *s, const int *labels, size_t classes,
                          size_t count, unsigned char *keep,
                          size_t *kept) DRIFT_MUST_CHECK;
/* Every class there, no label beyond; sets *classes. */
drift_status store_check_labels(store *s, int *classes) DRIFT_MUST_CHECK;
void store_free(store *s);

/* Whether a file name ends like an image's; hidden files do not count. The
 * others are images that we cannot read. */
int store_is_image_name(const char *name);
int store_is_other_image_name(const char *name);
/* The part after the last '/'. */
const char *store_base_name(const char *path);

/* CIFAR-10 as it is published and data/fetch.sh leaves it in its folder. */
#define CIFAR_ARCHIVE "cifar-10-binary.tar.gz"

/* The sources; each fills the store from config->path. */
drift_status load_idx(store *s) DRIFT_MUST_CHECK;
drift_status load_cifar(store *s) DRIFT_MUST_CHECK;
drift_status load_folder(store *s) DRIFT_MUST_CHECK;
drift_status load_archive(store *s) DRIFT_MUST_CHECK;
drift_status load_npz(store *s) DRIFT_MUST_CHECK;
/* Whether config->path is an archive of CIFAR-10's binary batches. */
drift_status is_cifar_archive(store *s, int *out) DRIFT_MUST_CHECK;

/* The toys: -1 when there is none of that name. */
int toy_find(const char *name);
/* The error that names all there are. */
drift_status toy_unknown(drift_context *ctx, const char *name) DRIFT_MUST_CHECK;
drift_status toy_open(dataset *d, int toy, const data_config *config,
                      uint64_t seed) DRIFT_MUST_CHECK;

#endif
