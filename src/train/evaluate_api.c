/* drift_evaluate: scores of samples, and beside them those of real test images,
 * which nothing can be expected to pass. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/items.h"
#include "base/mem.h"
#include "eval/neighbours.h"
#include "eval/scores.h"
#include "train/config.h"

#define SAMPLES ((size_t)10000)
#define PAIRED  ((size_t)1000) /* whose neighbours are looked for */

typedef struct evaluation {
    drift_context *ctx;
    const drift_evaluate_options *o;
    drift_evaluation *out;
    drift_model *model; /* or NULL */
    network network;
    data_config data; /* of the real images; texts not owned */
    images samples, train, test, noise;
    look real; /* of the training images */
} evaluation;

/* -- what is compared with what ------------------------------------------ */

/* A run or one of its checkpoints, rather than images? */
static drift_status is_model(drift_context *ctx, const char *path, int *yes)
{
    const char *dot = strrchr(path, '.');
    char *inside = mem_printf(ctx, "%s/checkpoints", path);
    if (!inside)
        return DRIFT_ERROR_MEMORY;
    *yes = (dot && !strcmp(dot, ".safetensors")) || file_is_dir(inside);
    mem_free(inside);
    return DRIFT_OK;
}

static char train_split[] = "train", test_split[] = "test";

static drift_status open_model(evaluation *e)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = e->ctx;
    const drift_evaluate_options *o = e->o;
    TRY(drift_model_open(ctx, o->samples, o->ema, &e->model));
    const drift_model_info *i = drift_model_get_info(e->model);
    const config *c = drift_model_config(e->model);
    if (o->alpha != 0 && !i->use_alpha)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' was trained without alpha (generator.use_alpha is false)",
             o->samples);
    if (o->alpha != 0 && !(o->alpha >= 1))
        FAIL(ctx, DRIFT_ERROR_USAGE, "alpha is %g, not at least 1",
             (double)o->alpha);
    TRY(images_of_model(ctx, e->model, o->count ? o->count : SAMPLES, o->seed,
                        o->alpha != 0 ? o->alpha : 1, &e->samples));
    snprintf(e->out->of, sizeof e->out->of, "%s, %s of step %lld, seed %llu",
             o->samples, i->weights, (long long)i->step,
             (unsigned long long)o->seed);
    if (strcmp(c->data.split, train_split) != 0)
        log_warning(ctx,
                    "'%s' was trained on the split '%s': no figure here "
                    "is of images that it has not seen",
                    o->samples, c->data.split);
    e->data = c->data;
out:
    return status;
}

static drift_status open_images(evaluation *e)
{
    drift_status status = DRIFT_OK;
    const drift_evaluate_options *o = e->o;
    data_config c = {
        .path = (char *)(uintptr_t)o->samples, .split = train_split, .crop = 1};
    TRY(images_of_data(e->ctx, &c, o->count, &e->samples));
    if (!o->data)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "'%s' is no run and no checkpoint; compared with which real "
             "images?",
             o->samples);
    if (o->alpha != 0 || o->ema)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "'%s' are images; alpha and averaged weights are of models",
             o->samples);
    snprintf(e->out->of, sizeof e->out->of, "%s", o->samples);
    e->data.crop = 1;
out:
    return status;
}

static drift_status open_samples(evaluation *e)
{
    drift_status status = DRIFT_OK;
    const drift_evaluate_options *o = e->o;
    int model = 0;
    TRY(is_model(e->ctx, o->samples, &model));
    TRY(model ? open_model(e) : open_images(e));
    if (o->data) {
        e->data.path = (char *)(uintptr_t)o->data;
        e->data.kind = DATA_AUTO;
    }
    e->data.split = train_split;
    e->data.height = e->samples.height;
    e->data.width = e->samples.width;
    e->data.channels = e->samples.channels;
    e->data.limit = 0;
    snprintf(e->out->data, sizeof e->out->data, "%s", e->data.path);
out:
    return status;
}

/* "mnist" of ".../mnist/" and "mnist.tar.gz". */
static void plain_name(const char *path, char *name, size_t size)
{
    size_t n = strlen(path), start;
    while (n > 1 && path[n - 1] == '/')
        n--;
    start = n;
    while (start && path[start - 1] != '/')
        start--;
    snprintf(name, size, "%.*s", (int)(n - start), path + start);
    name[strcspn(name, ".")] = '\0';
}

/* Whether the model learned in the features of an encoder of this name. */
static int learned_in(const drift_model *m, const char *name)
{
    const char *list = drift_model_config(m)->features.encoders;
    char item[ITEM_TEXT];
    while (items_next(&list, item))
        if (!strcmp(item, name))
            return 1;
    return 0;
}

static drift_status find_resize(drift_context *ctx, const char *name,
                                resize_mode *out)
{
    *out = RESIZE_LEGACY_TENSORFLOW;
    for (int m = 0; name && m < RESIZE_MODES; m++)
        if (!strcmp(name, resize_modes[m])) {
            *out = (resize_mode)m;
            return DRIFT_OK;
        }
    return name ? ERROR(ctx, DRIFT_ERROR_USAGE,
                        "'%s' is no way to resize: %s, %s, %s", name,
                        resize_modes[0], resize_modes[1], resize_modes[2])
                : DRIFT_OK;
}

static drift_status open_network(evaluation *e)
{
    static const struct {
        const char *data, *network;
    } known[] = {{"mnist", "mnist-judge"},
                 {"fashion-mnist", "fashion-judge"},
                 {"cifar10", "cifar10-resnet56"},
                 {"cifar-10-batches-bin", "cifar10-resnet56"},
                 {"cifar-10-binary", "cifar10-resnet56"}};
    drift_status status = DRIFT_OK;
    const char *name = e->o->network;
    resize_mode resize;
    char data[64];
    plain_name(e->data.path, data, sizeof data);
    for (size_t i = 0; !name && i < sizeof known / sizeof *known; i++)
        if (!strcmp(data, known[i].data))
            name = known[i].network;
    if (!name)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "no network comes with the program for images of '%s'; which is "
             "to look at them (drift-eval --features)?",
             e->data.path);
    TRY(find_resize(e->ctx, e->o->resize, &resize));
    TRY(network_open(e->ctx, name, resize, &e->network));
    if (network_resizes(&e->network))
        snprintf(e->out->resize, sizeof e->out->resize, "%s",
                 resize_modes[resize]);
    if (e->model && learned_in(e->model, name))
        log_warning(e->ctx,
                    "'%s' was trained in the features of '%s', which is no "
                    "judge of it",
                    e->o->samples, name);
    snprintf(e->out->network, sizeof e->out->network, "%s", name);
out:
    return status;
}

/* The split "test", where there is one. */
static drift_status open_test(evaluation *e)
{
    data_config c = e->data;
    c.split = test_split;
    drift_status status =
        images_of_data(e->ctx, &c, e->samples.count, &e->test);
    if (status == DRIFT_OK || status == DRIFT_ERROR_MEMORY)
        return status;
    log_warning(e->ctx, "no test images: %s", drift_error_text(e->ctx));
    drift_error_clear(e->ctx);
    return DRIFT_OK;
}

static drift_status check(evaluation *e)
{
    if (e->test.count && e->test.count < e->samples.count)
        log_warning(e->ctx,
                    "the distance of %zu test images is larger for their "
                    "number alone than that of %zu samples would be; with a "
                    "count of %zu they compare",
                    e->test.count, e->samples.count, e->test.count);
    if (e->samples.count < 2 || e->train.count < 2)
        return ERROR(e->ctx, DRIFT_ERROR_USAGE,
                     "a score needs two samples and two real images at least");
    return DRIFT_OK;
}

/* -- figures --------------------------------------------------------------- */

static drift_status pair(evaluation *e, images *x, drift_scores *out)
{
    drift_status status = DRIFT_OK;
    size_t n = x->count < PAIRED ? x->count : PAIRED;
    neighbours *all = mem_alloc(e->ctx, n, sizeof *all);
    if (!all)
        return DRIFT_ERROR_MEMORY;
    TRY(neighbours_find(x, n, &e->train, all));
    out->nearest = neighbours_median(all, n, images_numbers(x));
    if (images_same_classes(x, &e->train))
        out->vote = neighbours_vote(all, n);
out:
    mem_free(all);
    return status;
}

static drift_status score(evaluation *e, images *x, const char *kind,
                          drift_scores *out)
{
    drift_status status = DRIFT_OK;
    look l = {0};
    TRY(look_take(&e->network, x, kind, e->o, &l));
    TRY(scores_of(e->ctx, &l, &e->real, images_same_classes(x, &e->train),
                  out));
    TRY(pair(e, x, out));
out:
    look_free(&l);
    return status;
}

drift_status drift_evaluate(drift_context *ctx,
                            const drift_evaluate_options *options,
                            drift_evaluation *out)
{
    drift_status status = DRIFT_OK;
    evaluation e = {.ctx = ctx, .o = options, .out = out};
    *out = (drift_evaluation){.seed = options->seed,
                              .samples = scores_none(),
                              .real = scores_none(),
                              .noise = scores_none()};
    TRY(open_samples(&e));
    TRY(open_network(&e));
    TRY(images_of_data(ctx, &e.data, 0, &e.train));
    TRY(open_test(&e));
    TRY(check(&e));
    TRY(look_take(&e.network, &e.train, "training images", options, &e.real));
    out->training = e.train.count;
    out->features = e.real.moments.d;
    TRY(score(&e, &e.samples, "samples", &out->samples));
    if (e.test.count > 1)
        TRY(score(&e, &e.test, "test images", &out->real));
    TRY(images_of_noise(ctx, &e.train, e.samples.count, options->seed,
                        &e.noise));
    TRY(score(&e, &e.noise, "noise", &out->noise));
out:
    look_free(&e.real);
    images_close(&e.samples);
    images_close(&e.train);
    images_close(&e.test);
    images_close(&e.noise);
    network_close(&e.network);
    drift_model_free(e.model);
    return status;
}
