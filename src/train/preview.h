/* Pictures of a run: the same noise through the generator as it learns. */
#ifndef TRAIN_PREVIEW_H
#define TRAIN_PREVIEW_H

#include "data/data.h"
#include "train/comparison.h"
#include "train/rundir.h"

/* The samples of one preview of a toy. */
typedef struct snapshot {
    int64_t step;
    size_t count;
    float *xy; /* [count,2] */
} snapshot;

typedef struct preview {
    drift_context *ctx;
    const config *c;
    const rundir *dir;
    generator *generator;
    int plane; /* points of two coordinates */
    size_t count, columns;
    tensor noise, label, alpha, style;
    tape *tape;
    float *samples;
    int *labels;
    float *data; /* as many points of the data, for toys */
    comparison comparison; /* with real images, for those */
    snapshot *snapshots;
    size_t snapshot_count, snapshot_room;
    char *path; /* of the last picture in samples/ */
} preview;

/* The folder need not be there yet. *p is to be freed even after a failure. */
drift_status preview_new(drift_context *ctx, const config *c, const rundir *dir,
                         generator *g, dataset *data,
                         preview *p) DRIFT_MUST_CHECK;
void preview_free(preview *p); /* {0} is fine */

/* Of a run that goes on: the points of the previews up to step `last`. */
drift_status preview_restore(preview *p, int64_t last) DRIFT_MUST_CHECK;

/* samples/step-NNNNNN.png with the parameters in `flat` after `step` steps;
 * for images comparison.png; for points in the plane their numbers beside it
 * (.npz), and samples.png, progress.png and field.png. */
drift_status preview_make(preview *p, const tensor *flat,
                          int64_t step) DRIFT_MUST_CHECK;
/* run.gif from the pictures in samples/ that have the size of the last. */
drift_status preview_gif(preview *p) DRIFT_MUST_CHECK;

#endif
