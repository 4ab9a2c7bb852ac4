/* What a trainer of an encoder has: the network, the images it is tested on,
 * and at the end RUN/encoder.safetensors. */
#include <string.h>

#include "base/mem.h"
#include "train/trainer.h"

static drift_status check_data(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    const dataset *d = t->data;
    if (d->points || !d->count)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "data.path: '%s' are points; an encoder is for images",
             t->c->data.path);
    if (d->classes < 2)
        FAIL(t->ctx, DRIFT_ERROR_USAGE,
             "encoder.objective: a classifier needs labels; the data have one "
             "class");
out:
    return status;
}

/* The images of the split "test", where there is one of the same kind. */
static drift_status open_test(drift_trainer *t)
{
    drift_status status = DRIFT_OK;
    data_config c = t->c->data;
    dataset *d = NULL;
    char split[] = "test";
    if (!strcmp(c.split, split))
        return DRIFT_OK; /* is trained on */
    c.split = split;
    status = dataset_open(t->ctx, &c, (uint64_t)t->c->run.seed, &d);
    if (status == DRIFT_ERROR_MEMORY)
        goto out;
    if (status != DRIFT_OK)
        log_info(t->ctx, "no test images: %s", drift_error_text(t->ctx));
    else if (d->height != t->data->height || d->width != t->data->width ||
             d->channels != t->data->channels || d->classes != t->data->classes)
        log_info(t->ctx, "no test images: those of the split 'test' have "
                         "another size or other classes");
    else
        t->test = d;
    if (!t->test)
        dataset_free(d);
    drift_error_clear(t->ctx);
    status = DRIFT_OK;
out:
    return status;
}

static drift_status make(drift_trainer *t, int fresh)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = t->ctx;
    const config *c = t->c;
    const dataset *d = t->data;
    encoder_config network = c->encoder.network;
    (void)fresh; /* what the network starts from is drawn from the seed */
    TRY(check_data(t));
    network.kind = ENCODER_CLASSIFIER;
    network.classes = d->classes;
    network.image_height = d->height;
    network.image_width = d->width;
    network.channels = d->channels;
    t->sample = (sample_shape){d->height, d->width, d->channels, d->classes};
    TRY(encoder_new(ctx, &network, (uint64_t)c->run.seed, 1, &t->encoder));
    t->params = &t->encoder->params;
    TRY(optimizer_new(ctx, t->params, &c->optimizer, &t->optimizer));
    TRY(open_test(t));
    TRY(encoder_step_new(ctx, c, t->data, t->test, t->encoder, &t->optimizer,
                         &t->encoder_step));
    t->report = &t->encoder_step.report;
    t->batch = t->encoder_step.batch;
out:
    return status;
}

static void free_parts(drift_trainer *t)
{
    encoder_step_free(&t->encoder_step);
    dataset_free(t->test);
    optimizer_free(&t->optimizer);
    encoder_free(t->encoder);
}

static drift_status open_run(drift_trainer *t, int64_t keep_step)
{
    (void)keep_step;
    if (t->test)
        rundir_log(&t->dir, "test images: %zu", t->test->count);
    return DRIFT_OK;
}

static drift_status step_once(drift_trainer *t, int settle)
{
    (void)settle; /* a step waits for its loss anyway */
    drift_status status = encoder_step_run(&t->encoder_step, t->steps);
    if (status == DRIFT_ERROR_NUMBER)
        t->failed = t->steps;
    return status;
}

static drift_status test(drift_trainer *t, const tensor *flat,
                         const char **path)
{
    *path = NULL;
    return t->test && t->steps ? encoder_step_test(&t->encoder_step, flat)
                               : DRIFT_OK;
}

static drift_status save(drift_trainer *t, const tensor *flat)
{
    char *path = rundir_path(&t->dir, "encoder.safetensors");
    if (!path)
        return DRIFT_ERROR_MEMORY;
    drift_status status = encoder_write(t->encoder, flat, path);
    mem_free(path);
    return status;
}

const trainer_ops encoder_trainer_ops = {.make = make,
                                         .free = free_parts,
                                         .open = open_run,
                                         .step = step_once,
                                         .preview = test,
                                         .tests = 1,
                                         .save = save};
