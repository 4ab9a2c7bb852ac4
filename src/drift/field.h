/* The drifting field on host arrays and tensors: section `drift` of the
 * configuration and the layout of the field op's statistics. */
#ifndef DRIFT_FIELD_H
#define DRIFT_FIELD_H

#include "ops/ops.h"

/* stats of op_field, for nR temperatures:
 *   [0] scale (step 2)
 *   [1 + 0*nR + j] m_R, raw mean square drift of temperature j
 *   [1 + 1*nR + j] mean square after normalisation
 *   [1 + 2*nR + j] mean over rows of the ESS over the positives
 *   [1 + 3*nR + j] its 10th percentile */
#define FIELD_STATS(nr)       (1 + 4 * (size_t)(nr))
#define FIELD_STAT_SCALE      0
#define FIELD_STAT_RAW(nr, j) (1 + (size_t)(j))
#define FIELD_STAT_NORMED(nr, j) (1 + (size_t)(nr) + (size_t)(j))
#define FIELD_STAT_ESS(nr, j) (1 + 2 * (size_t)(nr) + (size_t)(j))
#define FIELD_STAT_ESS10(nr, j) (1 + 3 * (size_t)(nr) + (size_t)(j))

#endif
