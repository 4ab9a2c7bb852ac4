/* drift_evaluate: scores of samples, and beside them those of real test images,
 * which nothing can be expected to pass, and of noise. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/items.h"
#include "base/mem.h"
#include "eval/kept.h"
#include "eval/neighbours.h"
#include "eval/points.h"
#include "eval/scores.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/evaluate_pictures.h"

#define SAMPLES ((size_t)10000)
#define PAIRED  ((size_t)1000) /* whose neighbours are looked for */

/* What is looked at: a model's samples, or images. */
typedef struct subject {
    drift_model *model; /* or NULL */
    images images;
    data_config data; /* what it was made of; texts are the model's */
    char of[4352];
} subject;

struct drift_evaluator {
    drift_context *ctx;
    drift_evaluate_options o; /* texts not owned; tells the evaluator */
    drift_evaluate_fn tell;   /* those of the caller */
    void *user;
    size_t before, all; /* images looked at, of kinds that are done; of all */
    size_t later;       /* of all: samples that further calls look at */
    char *data_path;
    data_config data; /* of the real images */
    network network;
    images train, test;
    size_t count; /* of the first subject's images */
    int looked;   /* at those that all are seen beside */
    kept kept;
    look real;    /* of the training images; moments may be a reference's */
    points fresh; /* or, where samples are points, such */
    drift_evaluation common; /* all but the scores of samples */
};

/* Samples are next. */
static void count_all(drift_evaluator *e, size_t samples)
{
    size_t test = e->test.count > 1 ? e->test.count : 0;
    size_t noise = e->o.quick ? 0 : e->count;
    e->all = e->before + samples + e->later;
    if (!e->looked && e->train.count)
        e->all += e->train.count + test + noise;
}

/* Told of a kind (kept.h), tells of all. */
static void tell(void *user, const char *kind, size_t done, size_t count)
{
    drift_evaluator *e = user;
    if (!done)
        e->all -= count;
    e->tell(e->user, kind, e->before + done, e->all);
    if (done == count)
        e->before += count;
}

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

static drift_status open_model(drift_context *ctx, const char *path,
                               const drift_evaluate_options *o, subject *out)
{
    drift_status status = DRIFT_OK;
    TRY(drift_model_open(ctx, path, o->ema, &out->model));
    const drift_model_info *i = drift_model_get_info(out->model);
    const config *c = drift_model_config(out->model);
    if (o->alpha != 0 && !i->use_alpha)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' was trained without alpha (generator.use_alpha is false)",
             path);
    if (o->alpha != 0 && !(o->alpha >= 1))
        FAIL(ctx, DRIFT_ERROR_USAGE, "alpha is %g, not at least 1",
             (double)o->alpha);
    images_of_model(ctx, out->model, o->count ? o->count : SAMPLES, o->seed,
                    o->alpha != 0 ? o->alpha : 1, &out->images);
    snprintf(out->of, sizeof out->of, "%s, %s of step %lld, seed %llu", path,
             i->weights, (long long)i->step, (unsigned long long)o->seed);
    out->data = c->data;
out:
    return status;
}

static drift_status open_images(drift_context *ctx, const char *path,
                                const drift_evaluate_options *o, subject *out)
{
    drift_status status = DRIFT_OK;
    data_config c = {
        .path = (char *)(uintptr_t)path, .split = train_split, .crop = 1};
    TRY(images_of_data(ctx, &c, o->count, &out->images));
    if (!out->images.data->count)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' is a toy; name points that are to be compared with it",
             path);
    if (!o->data && !o->reference)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' is no run and no checkpoint; compared with which real "
             "images?",
             path);
    if (o->alpha != 0 || o->ema)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "'%s' are images; alpha and averaged weights are of models", path);
    snprintf(out->of, sizeof out->of, "%s", path);
    out->data = (data_config){.crop = 1, .noise = -1};
out:
    return status;
}

static void close_subject(subject *s)
{
    images_close(&s->images);
    drift_model_free(s->model);
}

static drift_status open_subject(drift_context *ctx, const char *path,
                                 const drift_evaluate_options *o, subject *out)
{
    drift_status status = DRIFT_OK;
    int model = 0;
    *out = (subject){0};
    TRY(is_model(ctx, path, &model));
    TRY(model ? open_model(ctx, path, o, out) : open_images(ctx, path, o, out));
    if (out->images.count < 2)
        FAIL(ctx, DRIFT_ERROR_USAGE, "a score needs two samples at least");
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

drift_status evaluate_network(drift_context *ctx, const char *wanted,
                              const char *path, const char **out)
{
    static const struct {
        const char *data, *network;
    } known[] = {{"mnist", "mnist-judge"},
                 {"fashion-mnist", "fashion-judge"},
                 {"cifar10", "cifar10-judge"},
                 {"cifar-10-batches-bin", "cifar10-judge"},
                 {"cifar-10-binary", "cifar10-judge"}};
    char data[64];
    plain_name(path, data, sizeof data);
    for (size_t i = 0; !wanted && i < sizeof known / sizeof *known; i++)
        if (!strcmp(data, known[i].data))
            wanted = known[i].network;
    *out = wanted;
    return wanted ? DRIFT_OK
                  : ERROR(ctx, DRIFT_ERROR_USAGE,
                          "no network comes with the program for images of "
                          "'%s'; which is to look at them (drift-eval "
                          "--features, run.evaluate_network)?",
                          path);
}

static drift_status open_network(drift_evaluator *e, const subject *s)
{
    drift_status status = DRIFT_OK;
    drift_evaluation *common = &e->common;
    const char *name = e->o.network;
    resize_mode resize;
    if (s->images.points) {
        if (name || e->o.resize || e->o.reference || e->o.write_reference)
            FAIL(e->ctx, DRIFT_ERROR_USAGE,
                 "'%s' are points, which no network looks at", e->o.samples);
        return DRIFT_OK;
    }
    TRY(evaluate_network(e->ctx, name,
                         e->data_path ? e->data_path : e->o.samples, &name));
    TRY(find_resize(e->ctx, e->o.resize, &resize));
    TRY(network_open(e->ctx, name, resize, &e->network));
    if (e->o.resize && !network_resizes(&e->network))
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "'%s' takes images as they are: a way to resize is for the "
             "inception network",
             name);
    if (network_resizes(&e->network))
        snprintf(common->resize, sizeof common->resize, "%s",
                 resize_modes[resize]);
    if (s->model && learned_in(s->model, name))
        log_warning(e->ctx,
                    "'%s' was trained in the features of '%s', which is no "
                    "judge of it",
                    e->o.samples, name);
    snprintf(common->network, sizeof common->network, "%s", name);
out:
    return status;
}

/* Images that can be done without: none where they cannot be opened, and a
 * warning says why. */
static drift_status open_if_there(drift_evaluator *e, const data_config *c,
                                  size_t count, const char *kind, images *out)
{
    drift_status status = images_of_data(e->ctx, c, count, out);
    if (status == DRIFT_OK || status == DRIFT_ERROR_MEMORY)
        return status;
    log_warning(e->ctx, "no %s: %s", kind, drift_error_text(e->ctx));
    drift_error_clear(e->ctx);
    images_close(out);
    return DRIFT_OK;
}

/* The training images; with a reference there need be none. */
static drift_status open_train(drift_evaluator *e, const subject *s)
{
    drift_status status = DRIFT_OK;
    if (e->o.reference && !e->o.data && e->data_path)
        TRY(open_if_there(e, &e->data, 0, "training images", &e->train));
    else if (e->data_path)
        TRY(images_of_data(e->ctx, &e->data,
                           s->images.points ? POINT_SETS * s->images.count : 0,
                           &e->train));
    if (e->train.count && e->train.points != s->images.points)
        FAIL(e->ctx, DRIFT_ERROR_USAGE, "'%s' are %s, '%s' are %s",
             e->o.samples, s->images.points ? "points" : "images", e->data_path,
             e->train.points ? "points" : "images");
    if (e->train.count < 2 && (e->train.count || !e->o.reference))
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "a score needs two real images at least");
    if (e->o.write_reference && !e->train.count)
        FAIL(e->ctx, DRIFT_ERROR_USAGE,
             "there are no training images whose moments '%s' could hold",
             e->o.write_reference);
    if (e->train.count)
        snprintf(e->common.data, sizeof e->common.data, "%s", e->data_path);
    e->common.training = e->train.count;
out:
    return status;
}

/* The real images are of the size of the subject's. */
static drift_status open_real(drift_evaluator *e, const subject *s)
{
    drift_status status = DRIFT_OK;
    const char *path = e->o.data ? e->o.data : s->data.path;
    const char *split = s->data.split;
    e->data_path = path ? mem_strdup(e->ctx, path) : NULL;
    if (path && !e->data_path)
        return DRIFT_ERROR_MEMORY;
    if (s->model && strcmp(split, train_split) != 0)
        log_warning(e->ctx,
                    "'%s' was trained on the split '%s': no figure here is of "
                    "images that it has not seen",
                    e->o.samples, split);
    e->data = s->data;
    e->data.path = e->data_path;
    if (e->o.data && !(s->data.path && !strcmp(e->o.data, s->data.path)))
        e->data.kind = DATA_AUTO;
    e->data.split = train_split;
    if (!s->images.points) {
        e->data.height = s->images.height;
        e->data.width = s->images.width;
        e->data.channels = s->images.channels;
    }
    e->data.limit = 0;
    TRY(open_network(e, s));
    TRY(open_train(e, s));
out:
    return status;
}

/* `count` images of the split "test", where there is one. */
static drift_status open_test(drift_evaluator *e, size_t count)
{
    data_config c = e->data;
    c.split = test_split;
    drift_status status = open_if_there(e, &c, count, "test images", &e->test);
    if (e->test.count && e->test.count < count)
        log_warning(e->ctx,
                    "the distance of %zu test images is larger for their "
                    "number alone than that of %zu samples would be; with a "
                    "count of %zu they compare",
                    e->test.count, count, e->test.count);
    return status;
}

/* -- figures --------------------------------------------------------------- */

static drift_status pair(drift_evaluator *e, images *x, drift_scores *out)
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

static drift_status score(drift_evaluator *e, images *x, const char *kind,
                          drift_scores *out)
{
    drift_status status = DRIFT_OK;
    look l = {0};
    points p = {0};
    if (x->points) {
        TRY(points_take(x, 1, &p));
        TRY(points_score(&p, &e->fresh, out));
        goto out;
    }
    TRY(look_take(&e->network, x, kind, &e->o, &l));
    TRY(scores_of(e->ctx, &l, &e->real, images_same_classes(x, &e->train),
                  e->o.quick, out));
    if (!e->o.quick && e->train.count)
        TRY(pair(e, x, out));
out:
    look_free(&l);
    points_free(&p);
    return status;
}

/* All that points are compared with. */
static drift_status look_at_points(drift_evaluator *e)
{
    drift_status status = DRIFT_OK;
    images noise = {0};
    size_t sets = e->train.data->count ? 1 : POINT_SETS;
    points_free(&e->fresh); /* of an attempt that failed */
    TRY(points_take(&e->train, sets, &e->fresh));
    TRY(points_score_real(&e->fresh, &e->common.real));
    images_of_noise(&e->train, e->count, e->o.seed, &noise);
    TRY(score(e, &noise, "noise", &e->common.noise));
    e->common.features = images_numbers(&e->train);
    e->looked = 1;
out:
    images_close(&noise);
    return status;
}

/* The same for images that do not change: those of a data set, or noise. */
static drift_status score_once(drift_evaluator *e, images *x, const char *kind,
                               drift_scores *out)
{
    drift_status status = DRIFT_OK;
    char key[DIGEST_TEXT];
    kept_key(&e->kept, x, &e->train, &e->real, key);
    if (kept_find_scores(&e->kept, key, kind, x->count, out))
        return DRIFT_OK;
    TRY(score(e, x, kind, out));
    kept_save_scores(&e->kept, key, out);
out:
    return status;
}

/* What the images are compared with. A reference comes first: what is wrong
 * with it is told before the work. */
static drift_status look_at_real(drift_evaluator *e)
{
    drift_status status = DRIFT_OK;
    const char *path = e->o.reference;
    moments other = {0};
    size_t d;
    if (path) {
        TRY(moments_read(e->ctx, path, &other));
        TRY(network_features(&e->network, (size_t)e->data.height,
                             (size_t)e->data.width, (size_t)e->data.channels,
                             &d));
        if (d != other.d)
            FAIL(e->ctx, DRIFT_ERROR_SHAPE,
                 "'%s' has moments of %zu features; '%s' sees %zu", path,
                 other.d, e->common.network, d);
        snprintf(e->common.reference, sizeof e->common.reference, "%s", path);
    }
    if (e->train.count)
        TRY(kept_look(&e->kept, &e->network, &e->train, "training images",
                      &e->real));
    if (e->o.write_reference)
        TRY(moments_write(e->ctx, e->o.write_reference, &e->real.moments));
    if (path) {
        moments_free(&e->real.moments);
        e->real.moments = other;
        other = (moments){0};
    }
    e->common.features = e->real.moments.d;
out:
    moments_free(&other);
    return status;
}

/* What samples are to be seen beside, once: real images and noise. */
static drift_status look_at_bounds(drift_evaluator *e)
{
    drift_status status = DRIFT_OK;
    images noise = {0};
    if (e->looked)
        return DRIFT_OK;
    if (e->train.points)
        return look_at_points(e);
    count_all(e, e->count);
    look_free(&e->real); /* of an attempt that failed */
    TRY(look_at_real(e));
    if (!e->train.count) {
        e->looked = 1;
        goto out;
    }
    if (e->test.count > 1)
        TRY(score_once(e, &e->test, "test images", &e->common.real));
    if (!e->o.quick) {
        images_of_noise(&e->train, e->count, e->o.seed, &noise);
        TRY(score_once(e, &noise, "noise", &e->common.noise));
    }
    e->looked = 1;
out:
    images_close(&noise);
    return status;
}

const drift_evaluation *evaluator_common(const drift_evaluator *e)
{
    return &e->common;
}

size_t evaluator_count(const drift_evaluator *e)
{
    return e->count;
}

void evaluator_later(drift_evaluator *e, size_t samples)
{
    e->later = samples;
}

drift_status evaluator_open(drift_context *ctx,
                            const drift_evaluate_options *options,
                            drift_evaluator **out)
{
    drift_status status = DRIFT_OK;
    subject s = {0};
    drift_evaluator *e = mem_alloc(ctx, 1, sizeof *e);
    *out = NULL;
    if (!e)
        return DRIFT_ERROR_MEMORY;
    *e = (drift_evaluator){.ctx = ctx,
                           .o = *options,
                           .tell = options->tell,
                           .user = options->user,
                           .common = {.seed = options->seed,
                                      .samples = scores_none(),
                                      .real = scores_none(),
                                      .noise = scores_none()}};
    if (e->tell) {
        e->o.tell = tell;
        e->o.user = e;
    }
    TRY(open_subject(ctx, options->samples, options, &s));
    TRY(open_real(e, &s));
    if (!s.images.points)
        TRY(kept_open(&e->network, &e->o, &e->kept));
    e->count = s.images.count;
    if (e->train.count && !e->train.points)
        TRY(open_test(e, e->count));
    *out = e;
    e = NULL;
out:
    close_subject(&s);
    drift_evaluator_free(e);
    return status;
}

drift_status drift_evaluator_new(drift_context *ctx,
                                 const drift_evaluate_options *options,
                                 drift_evaluator **out)
{
    drift_status status = DRIFT_OK;
    drift_evaluator *e = NULL;
    *out = NULL;
    TRY(evaluator_open(ctx, options, &e));
    TRY(look_at_bounds(e));
    *out = e;
    e = NULL;
out:
    drift_evaluator_free(e);
    return status;
}

void drift_evaluator_free(drift_evaluator *e)
{
    if (!e)
        return;
    look_free(&e->real);
    kept_close(&e->kept);
    points_free(&e->fresh);
    images_close(&e->train);
    images_close(&e->test);
    network_close(&e->network);
    mem_free(e->data_path);
    mem_free(e);
}

drift_status drift_evaluator_score(drift_evaluator *e, const char *samples,
                                   drift_evaluation *out)
{
    drift_status status = DRIFT_OK;
    subject s = {0};
    *out = e->common;
    TRY(look_at_bounds(e));
    *out = e->common;
    TRY(open_subject(e->ctx, samples, &e->o, &s));
    if (e->train.count && (s.images.height != e->train.height ||
                           s.images.width != e->train.width ||
                           s.images.channels != e->train.channels))
        FAIL(e->ctx, DRIFT_ERROR_SHAPE,
             "'%s' are images of %d x %d x %d; the others are of %d x %d x %d",
             samples, s.images.height, s.images.width, s.images.channels,
             e->train.height, e->train.width, e->train.channels);
    snprintf(out->of, sizeof out->of, "%s", s.of);
    count_all(e, s.images.count);
    if (e->o.pictures)
        TRY(evaluate_pictures(&s.images, &e->train, e->o.pictures));
    TRY(score(e, &s.images, "samples", &out->samples));
out:
    close_subject(&s);
    return status;
}

drift_status drift_evaluate(drift_context *ctx,
                            const drift_evaluate_options *options,
                            drift_evaluation *out)
{
    drift_status status = DRIFT_OK;
    drift_evaluator *e = NULL;
    *out = (drift_evaluation){.samples = scores_none(),
                              .real = scores_none(),
                              .noise = scores_none()};
    TRY(drift_evaluator_new(ctx, options, &e));
    TRY(drift_evaluator_score(e, options->samples, out));
out:
    drift_evaluator_free(e);
    return status;
}
