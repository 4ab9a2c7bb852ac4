/* What a trainer of an encoder has: the network, the images it is tested on,
 * and at the end RUN/encoder.safetensors. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "train/trainer.h"

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
    const objective *task = objectives[c->encoder.objective];
    encoder_config network = c->encoder.network;
    (void)fresh; /* what the network starts from is drawn from the seed */
    if (d->points || !d->count)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.path: '%s' are points; an encoder is for images",
             c->data.path);
    network.kind = task->network;
    network.image_height = d->height;
    network.image_width = d->width;
    network.channels = d->channels;
    TRY(task->fit(ctx, c, d, &network));
    t->sample = (sample_shape){d->height, d->width, d->channels, d->classes};
    TRY(encoder_new(ctx, &network, (uint64_t)c->run.seed, 1, &t->encoder));
    t->params = &t->encoder->params;
    TRY(optimizer_new(ctx, t->params, &c->optimizer, &t->optimizer));
    if (task->tests)
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
    mem_free(t->picture);
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

/* Images of the test, or of the training, each beside what the network makes
 * of it: samples/step-N.png. */
static drift_status draw_remade(drift_trainer *t, const tensor *flat)
{
    drift_status status = DRIFT_OK;
    encoder_step *s = &t->encoder_step;
    dataset *d = t->test ? t->test : t->data;
    size_t h = (size_t)d->height, w = (size_t)d->width;
    size_t c = (size_t)d->channels, n = h * w * c;
    size_t count = (size_t)t->c->run.preview_count / 2, columns;
    count = count < s->rows ? count : s->rows;
    count = count < d->count ? count : d->count;
    count = count ? count : 1;
    float *remade = mem_alloc(t->ctx, count * n, sizeof *remade);
    unsigned char *bytes = mem_alloc(t->ctx, 2 * count * n, 1);
    char *path =
        rundir_path(&t->dir, "samples/step-%06" PRId64 ".png", t->steps);
    if (!remade || !bytes || !path) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(encoder_step_take(s, d, 0, count));
    TRY(s->objective->remake(s, flat, count, remade));
    for (size_t i = 0; i < count; i++) {
        drift_to_bytes(s->pixels + i * n, n, bytes + 2 * i * n);
        drift_to_bytes(remade + i * n, n, bytes + (2 * i + 1) * n);
    }
    for (columns = 2; columns * columns < 2 * count; columns += 2)
        ;
    TRY(drift_write_sheet(t->ctx, path, bytes, 2 * count, columns, h, w, c, 0));
    mem_free(t->picture);
    t->picture = path;
    path = NULL;
out:
    mem_free(path);
    mem_free(bytes);
    mem_free(remade);
    return status;
}

static drift_status test(drift_trainer *t, const tensor *flat,
                         const char **path)
{
    drift_status status = DRIFT_OK;
    *path = NULL;
    if (!t->steps)
        return DRIFT_OK;
    if (t->test)
        TRY(encoder_step_test(&t->encoder_step, flat));
    if (t->encoder_step.objective->remake)
        TRY(draw_remade(t, flat));
    *path = t->picture;
out:
    return status;
}

/* RUN/encoder.safetensors, made fit for use. */
static drift_status save(drift_trainer *t, const tensor *flat)
{
    drift_status status = DRIFT_OK;
    const objective *task = t->encoder_step.objective;
    char *path = rundir_path(&t->dir, "encoder.safetensors");
    tensor copy = {0};
    encoder *headless = NULL;
    if (!path)
        return DRIFT_ERROR_MEMORY;
    if (task->settle) {
        TRY(tensor_new(t->ctx, &copy, DTYPE_F32, flat->shape));
        TRY(op_add_fwd(t->ctx, &copy, flat, NULL, 1, 0));
        TRY(task->settle(&t->encoder_step, &copy));
        TRY(encoder_write(t->encoder, &copy, path));
    } else if (task->headless) {
        TRY(encoder_behead(t->encoder, flat, &headless));
        TRY(encoder_write(headless, &headless->params.value, path));
    } else {
        TRY(encoder_write(t->encoder, flat, path));
    }
out:
    encoder_free(headless);
    tensor_free(t->ctx, &copy);
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
