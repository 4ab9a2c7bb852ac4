/* One training step, method.md section 5:
 *
 *     real images -> bank -> features(real) ---------------+
 *                                                          +-> field -> loss
 *     noise, class, alpha -> generator -> features(gen.) --+      |
 *                                  ^------- backward -------------+
 *
 * step.c reads like this picture; draw.c has the boxes on the left, cut.c the
 * bound on memory. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "data/data.h"
#include "drift/bank.h"
#include "drift/extractor.h"
#include "drift/loss.h"
#include "nn/generator.h"
#include "train/loader.h"
#include "train/metrics.h"
#include "train/optimizer.h"

/* All rows of one feature family: [rows,F,C]. */
typedef struct family {
    char name[FEATURE_NAME];
    tensor value;
} family;

typedef struct family_set {
    family *list;
    size_t count;
} family_set;

/* Samples first ... first+count-1 of the batch. */
typedef struct part {
    size_t first, count;
    int keeps; /* its tape lives from the forward to the backward pass */
    tensor noise, label, alpha, style; /* views of the batch's */
    tape *tape;
    features features;
} part;

typedef struct step {
    drift_context *ctx;
    const config *c;
    dataset *data;
    bank *bank; /* NULL for endless data */
    generator *generator;
    optimizer *optimizer;
    extractor extractor; /* samples to features */
    optimizer *along;    /* of each encoder that is trained along (along.c) */
    size_t along_count;
    uint64_t seed;
    size_t entries, generated, positives, negatives; /* Nc, N, P, M */
    size_t batch;                                    /* Nc N */

    /* what a step draws (draw.c) */
    int64_t drawn;           /* the step it is for */
    int *classes;            /* [Nc] */
    float *alphas, *weights; /* [Nc]; weights of the unconditional */
    int64_t *indices;        /* data indices, [Nc P + Nc M] */
    float *pixels;           /* the same samples */
    loader loader;
    tensor noise, style;     /* of the whole batch */
    tensor label, alpha;     /* the same of each entry's samples */
    tensor pos, neg;         /* [Nc P,h,w,c], [Nc M,h,w,c] */

    /* features of all real images (cache.c); NULL: they are not kept, and pos
     * and neg are drawn */
    feature_store *store;
    float *rows;    /* what is read of or written to it */
    size_t nearest; /* family in which positives are chosen, if they are */

    /* the cut (cut.c) */
    size_t memory; /* bytes, drift.memory or the device's; 0: no bound */
    part *parts;
    size_t part_count;

    /* between the phases, and until the next step */
    family_set real, unconditional, fake, gradient;
    family_stats *stats; /* of each family */
    size_t family_count;
    loss_reading *readings; /* of each family, while they are under way */
    int64_t number;         /* of the step they belong to */
    int64_t failed;         /* the step whose numbers were not finite, or -1 */
    int pending;            /* something is under way */
    int timed;              /* the phases wait for the device */
    float *spreads;         /* [Nc], of step_spread */

    step_report report;
} step;

/* *s is to be freed even after a failure. data may be NULL where the caller
 * fills in what step_draw would. */
drift_status step_new(drift_context *ctx, const config *c, dataset *data,
                      generator *g, optimizer *o, step *s) DRIFT_MUST_CHECK;
void step_free(step *s); /* {0} is fine */

/* Step n = 0, 1, ...: draw, gradient, update. NaN or infinity is
 * DRIFT_ERROR_NUMBER, with the parameters as they were before step `failed`.
 *
 * On a device that works ahead, the host goes on without waiting: the report
 * and an error of step n come with the next step's, or, with `settle`, when
 * this call returns; then the times of the phases are the device's, too. */
drift_status step_run(step *s, int64_t n, int settle) DRIFT_MUST_CHECK;
/* Wait for what the last step has under way: its report, its errors. */
drift_status step_settle(step *s) DRIFT_MUST_CHECK;
/* Put the spread of each class into the report of the step just made. */
drift_status step_spread(step *s) DRIFT_MUST_CHECK;

/* Where the features of real images stay as they are, compute them once: in
 * memory or, if they are too many, in a file in `folder`. */
drift_status step_cache(step *s, const char *folder) DRIFT_MUST_CHECK;

/* Everything that step n draws; the same for every cut. */
drift_status step_draw(step *s, int64_t n) DRIFT_MUST_CHECK;
/* From what was drawn to the gradients in the generator's params.grad. */
drift_status step_gradient(step *s) DRIFT_MUST_CHECK;

/* -- draw.c ------------------------------------------------------------- */

drift_status draw_new(step *s) DRIFT_MUST_CHECK; /* buffers, bank */
void draw_free(step *s);
void draw_drop_images(step *s); /* they are not needed any more */

/* -- cache.c ------------------------------------------------------------ */

/* Whether the features of real images stay as they are. */
int step_caches(const step *s);
/* Positives of the entries that are near to what was generated, in place of
 * those drawn. */
drift_status step_nearest(step *s) DRIFT_MUST_CHECK;
/* The features of real images, by their indices. */
drift_status step_cached(step *s, const int64_t *indices, size_t count,
                         family_set *out) DRIFT_MUST_CHECK;

/* -- along.c ------------------------------------------------------------ */

drift_status along_new(step *s) DRIFT_MUST_CHECK;
void along_free(step *s);
drift_status along_clear(step *s) DRIFT_MUST_CHECK; /* the gradients */
/* Wait for the gradients' norms; NaN or infinity is DRIFT_ERROR_NUMBER. */
drift_status along_norms(step *s) DRIFT_MUST_CHECK;
drift_status along_step(step *s, int64_t n) DRIFT_MUST_CHECK;
drift_status along_to_arrays(step *s, array_list *out) DRIFT_MUST_CHECK;
drift_status along_from_arrays(step *s, const array_list *in) DRIFT_MUST_CHECK;

/* -- cut.c -------------------------------------------------------------- */

/* Cut the batch into parts, by drift.micro_batch and drift.memory. */
drift_status cut_new(step *s) DRIFT_MUST_CHECK;
void cut_free(step *s);
/* Bytes op_field may use. */
size_t cut_field_memory(const step *s);

/* Compute a part's features on its tape. */
drift_status part_forward(step *s, part *p, int record) DRIFT_MUST_CHECK;

#endif
