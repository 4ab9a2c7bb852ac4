/* What the tests of src/train share: scratch folders, small configurations,
 * comparing checkpoints,
 * a run with its paths. */
#ifndef TESTS_TRAIN_SUPPORT_H
#define TESTS_TRAIN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "train/trainer.h"

/* Fails the test with the context's error text unless `call` is DRIFT_OK. */
#define OK(ctx, call) check_ok(ctx, call, #call, __FILE__, __LINE__)
void check_ok(drift_context *ctx, drift_status status, const char *call,
              const char *file, int line);

drift_context *open_context(int threads);
/* NULL where there is no OpenCL device; fails the test then if
 * DRIFT_REQUIRE_OPENCL is set. */
drift_context *open_opencl(void);

/* Sanitizers make all slower and larger: what counts seconds or bytes is left
 * out with them. */
int is_sanitized(void);

/* A fresh folder under TMPDIR; scratch_remove deletes all in it, frees it. */
char *scratch_new(void);
void scratch_remove(char *path);
/* folder/name in fresh memory (mem_free). */
char *path_in(const char *folder, const char *name);

/* A configuration from "key=value" texts up to NULL, over those of `base`. */
extern const char *const toy_base[];     /* swiss roll, tiny mlp */
extern const char *const image_base[];   /* 200 digits, tiny conv */
extern const char *const encoder_base[]; /* the same, tiny classifier */
/* The image base, a file of encoders, and further keys up to NULL; `text` is
 * for one of the keys. */
#define MOST_KEYS 64
void encoder_keys(const char *base[MOST_KEYS], char text[300], const char *file,
                  const char *const *more);
/* A small untrained encoder for the images of the image base in folder/name,
 * which is returned (mem_free). */
char *make_encoder(drift_context *ctx, const char *folder, const char *name,
                   uint64_t seed);
config *configure(drift_context *ctx, const char *const *base, ...);

/* A new run, `steps` steps of it, saved and closed. */
void run_steps(drift_context *ctx, const config *c, const char *folder,
               int64_t steps);
/* latest.safetensors of both folders: the same tensors to the bit. */
void expect_same_state(drift_context *ctx, const char *a, const char *b);

/* Largest difference over the largest value of b. */
double apart(const float *a, const float *b, size_t count);

/* All that a training step needs, without a run directory. */
typedef struct fixture {
    drift_context *ctx;
    config *c;
    dataset *data;
    generator *generator;
    optimizer optimizer;
    step step;
} fixture;

/* Takes the context over. */
void fixture_open(fixture *f, drift_context *ctx, const char *const *base,
                  const char *a, const char *b);
void fixture_close(fixture *f);

/* A context, and the paths of a run in a fresh folder. */
typedef struct scene {
    drift_context *ctx;
    char *folder, *run, *latest, *lines;
} scene;

void scene_open(scene *s);
void scene_close(scene *s);
/* The call failed as wanted, and its text has this word; clears the error. */
void expect_error(scene *s, drift_status status, drift_status wanted,
                  const char *word);
/* Line i of metrics.jsonl, and how many there are. */
json_t *line(scene *s, size_t i, size_t *count);

#endif
