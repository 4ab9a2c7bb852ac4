/* What a context holds. Higher parts hang their state on it through pointers
 * that this part does not look into. */
#ifndef BASE_CONTEXT_H
#define BASE_CONTEXT_H

#include "base/error.h"

struct backend;
struct pool;
struct profile;
struct comparison;

struct drift_context {
    drift_status code; /* first error, DRIFT_OK while there is none */
    char text[2048];
    char place[128];    /* "file:line" */
    void (*log)(void *data, int level, const char *text);
    void *log_data;
    const struct backend *backend; /* ops/backend.h */
    void *device;                  /* the backend's own state */
    int threads;                   /* of its ops */
    size_t device_memory; /* of a device with memory of its own, else 0 */
    char device_text[256]; /* one line about the device */
    struct pool *pool;             /* ops/tensor.c */
    struct profile *profile;       /* ops/profile.c; NULL unless asked for */
    struct comparison *compare;    /* ops/compare.c; NULL unless asked for */
};

#endif
