/* Built programs on disk, so that the next start need not compile. A fault of
 * the cache is never an error: the program is compiled again, and a debug line
 * says what was wrong. */
#ifndef OCL_CACHE_H
#define OCL_CACHE_H

#include "base/digest.h"
#include "ocl/ocl.h"

/* A file: this, and then the driver's binary. */
typedef struct ocl_cache_header {
    char magic[8]; /* OCL_CACHE_MAGIC */
    char key[DIGEST_TEXT - 1];
    char content[DIGEST_TEXT - 1]; /* digest of the binary */
    uint64_t length;               /* of the binary */
} ocl_cache_header;

#define OCL_CACHE_MAGIC "drift-1" /* with the number of the format */

/* Find the folder (cache_folder); mem_free d->cache, which is NULL where nothing
 * is kept. */
drift_status ocl_cache_open(drift_context *ctx, ocl_device *d) DRIFT_MUST_CHECK;
/* What the binary of a program follows from; "" when nothing is kept. */
void ocl_cache_key(const ocl_device *d, const char *source, const char *options,
                   char key[DIGEST_TEXT]);
/* The program, built, or NULL. */
cl_program ocl_cache_load(drift_context *ctx, const char *key,
                          const char *options);
void ocl_cache_save(drift_context *ctx, const char *key, cl_program program);

#endif
