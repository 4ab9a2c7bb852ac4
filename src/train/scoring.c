/* Evaluations while a run trains: see scoring.h. */
#include "train/scoring.h"

#include "base/mem.h"
#include "eval/network.h"
#include "train/evaluate.h"

static const char *named(const config *c)
{
    const char *name = c->run.evaluate_network;
    return name && *name ? name : NULL;
}

drift_status scoring_resolve(drift_context *ctx, config *c, const dataset *d)
{
    drift_status status = DRIFT_OK;
    const char *name;
    network n = {0};
    size_t features;
    if (d->points) {
        if (named(c))
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "run.evaluate_network: '%s' are points, which no network "
                 "looks at",
                 c->data.path);
        goto out;
    }
    TRY(evaluate_network(ctx, named(c), c->data.path, &name));
    status = network_open(ctx, name, RESIZE_LEGACY_TENSORFLOW, &n);
    if (status == DRIFT_OK)
        status = network_features(&n, (size_t)d->height, (size_t)d->width,
                                  (size_t)d->channels, &features);
    if (status != DRIFT_OK) {
        status = error_prefix(ctx, status, "run.evaluate_network");
        goto out;
    }
    TRY(config_set(ctx, c, "network", "run.evaluate_network", name));
out:
    network_close(&n);
    return status;
}

drift_status scoring_open(const rundir *r, const config *c, scoring *s)
{
    if (!c->run.evaluate_every)
        return DRIFT_OK;
    s->path = rundir_path(r, "checkpoints/latest.safetensors");
    if (!s->path)
        return DRIFT_ERROR_MEMORY;
    drift_evaluate_options o = {.samples = s->path,
                                .count = (size_t)c->run.evaluate_count,
                                .data = c->data.path,
                                .network = named(c),
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
