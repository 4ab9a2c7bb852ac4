/* Figures of points: see points.h. */
#include "eval/points.h"

#include "base/mem.h"
#include "eval/energy.h"
#include "eval/scores.h"
#include "eval/sliced.h"

drift_status points_take(images *x, size_t sets, points *out)
{
    drift_status status = DRIFT_OK;
    int32_t *labels = mem_alloc(x->ctx, x->count, sizeof *labels);
    *out = (points){.ctx = x->ctx, .count = x->count, .set = x->count / sets};
    out->xy = mem_alloc(x->ctx, x->count, 2 * sizeof *out->xy);
    if (!labels || !out->xy) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(x->read(x, 0, x->count, out->xy, labels));
out:
    mem_free(labels);
    return status;
}

void points_free(points *p)
{
    mem_free(p->xy);
    *p = (points){0};
}

static size_t sets(const points *p)
{
    return p->count / p->set;
}

/* Add what x beside one of `sets` sets gives to their means. */
static drift_status add(const points *real, size_t set, const float *x,
                        size_t n, drift_scores *out)
{
    drift_status status = DRIFT_OK;
    const float *y = real->xy + 2 * set * real->set;
    double sliced;
    TRY(sliced_distance(real->ctx, x, n, y, real->set, &sliced));
    out->sliced += sliced / (double)sets(real);
    out->energy += energy_distance(x, n, y, real->set, 2) / (double)sets(real);
out:
    return status;
}

drift_status points_score(const points *x, const points *real,
                          drift_scores *out)
{
    drift_status status = DRIFT_OK;
    *out = scores_none();
    out->count = x->count;
    out->energy = out->sliced = 0;
    for (size_t k = 0; k < sets(real); k++)
        TRY(add(real, k, x->xy, x->count, out));
out:
    return status;
}

drift_status points_score_real(const points *real, drift_scores *out)
{
    drift_status status = DRIFT_OK;
    *out = scores_none();
    if (sets(real) < 2)
        goto out;
    out->count = real->set;
    out->energy = out->sliced = 0;
    for (size_t k = 0; k < sets(real); k++) {
        size_t next = (k + 1) % sets(real);
        TRY(add(real, k, real->xy + 2 * next * real->set, real->set, out));
    }
out:
    return status;
}
