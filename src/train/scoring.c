/* Evaluations while a run trains: see scoring.h. */
#include "train/scoring.h"

#include "base/mem.h"

drift_status scoring_open(const rundir *r, const config *c, scoring *s)
{
    if (!c->run.evaluate_every)
        return DRIFT_OK;
    s->path = rundir_path(r, "checkpoints/latest.safetensors");
    if (!s->path)
        return DRIFT_ERROR_MEMORY;
    drift_evaluate_options o = {.samples = s->path,
                                .count = (size_t)c->run.evaluate_count,
                                .network = c->run.evaluate_network &&
                                                   *c->run.evaluate_network
                                               ? c->run.evaluate_network
                                               : NULL,
                                .quick = 1};
    rundir_log(r, "real images are looked at for run.evaluate_every");
    drift_status status = drift_evaluator_new(r->ctx, &o, &s->evaluator);
    return status == DRIFT_OK
               ? status
               : error_prefix(r->ctx, status, "run.evaluate_every");
}

void scoring_close(scoring *s)
{
    drift_evaluator_free(s->evaluator);
    mem_free(s->path);
    *s = (scoring){0};
}

drift_status scoring_run(scoring *s)
{
    return drift_evaluator_score(s->evaluator, s->path, &s->last);
}
