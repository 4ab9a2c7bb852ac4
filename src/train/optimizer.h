/* The optimizer of method.md section 5: schedule of the learning rate, clip by
 * the global norm, AdamW, several EMAs, each on the flat parameters. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "nn/params.h"
#include "train/config.h"

/* A stretch of neighbouring parameters of one part of the network. */
typedef struct optimizer_range {
    int part;
    size_t start, count;
} optimizer_range;

typedef struct optimizer {
    drift_context *ctx;
    params *params; /* borrowed: the values that are trained */
    optimizer_config config;
    tensor m, v;
    tensor ema[CONFIG_MAX_EMA];
    optimizer_range *ranges;
    size_t range_count;
    tensor squares;       /* [range_count], sum of squares of each range */
    float *squares_host;  /* the same, after `reading` */
    fetch reading;
    tensor scale;         /* [1], what the gradients are multiplied with */
    double *part_norms;   /* [params->part_count], of the last step */
    double grad_norm;     /* before the clip, of the last step */
    double learning_rate; /* of the last step */
    int torn;             /* a step failed half way: not to be saved */
} optimizer;

/* m = v = 0, every EMA a copy of the parameters as they are. *o is to be freed
 * even after a failure. */
drift_status optimizer_new(drift_context *ctx, params *p,
                           const optimizer_config *config,
                           optimizer *o) DRIFT_MUST_CHECK;
void optimizer_free(optimizer *o); /* {0} is fine */

/* Learning rate of step n = 0, 1, ... */
double optimizer_rate(const optimizer_config *options, int64_t n);

/* The norms of the gradients in params->grad: what clips them stays on the
 * device, the norms themselves are under way. */
drift_status optimizer_norms(optimizer *o) DRIFT_MUST_CHECK;
/* Wait for the norms, by part and in all, into *o. NaN or infinity is
 * DRIFT_ERROR_NUMBER with the part's name. */
drift_status optimizer_read(optimizer *o) DRIFT_MUST_CHECK;
/* Step n from params->grad, after optimizer_norms of the same gradients, which
 * stay as they are. Does nothing where one of them is not finite. */
drift_status optimizer_step(optimizer *o, int64_t n) DRIFT_MUST_CHECK;

/* "0.999": the name of EMA i in checkpoints and options. */
#define EMA_TEXT 24
char *optimizer_ema_name(float decay, char text[EMA_TEXT]);

#endif
