/* The drift loss of one feature family and its gradient in closed form.
 * method.md section 2, step 6, and section 3.
 *
 * It works on tensors, not on a tape: the features of a whole step come from
 * micro-batches without activations; the gradient found here is then given to
 * each micro-batch's tape as a seed. The total loss is the sum over families.
 */
#ifndef DRIFT_LOSS_H
#define DRIFT_LOSS_H

#include "drift/field.h"

typedef struct family_stats {
    const char *name; /* borrowed from the family */
    double weight;    /* of its loss in the sum */
    int temperatures;
    float r[FIELD_MAX_R];
    double scale;
    double raw[FIELD_MAX_R];    /* m_R before normalisation */
    double normed[FIELD_MAX_R]; /* after */
    double ess[FIELD_MAX_R], ess10[FIELD_MAX_R];
    double loss;           /* mean over groups, unweighted */
    double negative_share; /* unconditional among the effective negatives,
                              mean over class entries: 1 - 1/alpha */
} family_stats;

/* Samples of a step: entry c's samples are rows c*N ... of gen, and so on. */
typedef struct loss_input {
    const char *name;
    float weight;       /* multiplies the gradient */
    size_t entries;     /* class entries Nc */
    const tensor *gen;  /* [Nc*N,F,C] */
    const tensor *pos;  /* [Nc*P,F,C] */
    const tensor *neg;  /* [Nc*M,F,C] or NULL */
    const float *w_neg; /* [Nc] host: weight of each entry's negatives */
} loss_input;

/* Statistics on their way from the device. {0} has none. */
typedef struct loss_reading {
    family_stats stats; /* what is known beforehand */
    size_t groups;
    float *host; /* what is read: losses, then the op's statistics */
    fetch loss, field;
} loss_reading;

/* dgen [Nc*N,F,C] = gradient of the family's loss; overwritten. The statistics
 * are under way, in `reading`, which is to be read or freed. */
drift_status loss_family(drift_context *ctx, const loss_input *in,
                         const field_args *args, size_t memory, tensor *dgen,
                         loss_reading *reading) DRIFT_MUST_CHECK;
/* Wait for them; frees the reading. NaN or infinity in them is
 * DRIFT_ERROR_NUMBER and names the family; stats are filled all the same. */
drift_status loss_read(drift_context *ctx, loss_reading *reading,
                       family_stats *stats) DRIFT_MUST_CHECK;
void loss_reading_free(drift_context *ctx, loss_reading *reading);

#endif
