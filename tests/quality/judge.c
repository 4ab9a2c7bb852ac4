/* judge: how good are generated digits? By a classifier that the training
 * never sees (its own seed, trained here on the real images) and by a vote of
 * the 3 nearest real images in pixels.
 *
 *   judge [--classifier FILE] [--threads N] DATA SAMPLES.npz
 *
 * DATA is a folder that drift-train takes as data.path with a train and a test
 * split; SAMPLES.npz comes from drift-sample --npz. The classifier is read
 * from FILE, or trained (about a minute) and written there. Prints name-value
 * lines: accuracy on the asked class and the Frechet distance in the 64
 * features before the last layer, each for the samples and, as the floor, for
 * real test images; both distances against as many training images as there
 * are samples or test images. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "data/data.h"
#include "eval/frechet.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "nn/params.h"

#define FEATURES 64
#define BATCH    256
#define EPOCHS   4
#define LR       2e-3f
#define SEED     20260204
#define NEAR     3 /* neighbours that vote */
#define VOTERS   1000 /* samples that the vote looks at */

/* Images in [-1,1] with their labels. */
typedef struct image_set {
    size_t count, h, w, c;
    int classes;
    float *pixels;
    int *labels;
} image_set;

typedef struct judge {
    drift_context *ctx;
    params p;
    int conv_w[4], conv_b[4], hidden_w, hidden_b, out_w, out_b;
} judge;

static void set_free(image_set *s)
{
    mem_free(s->pixels);
    mem_free(s->labels);
}

static drift_status set_alloc(drift_context *ctx, image_set *s)
{
    s->pixels = mem_alloc(ctx, s->count * s->h * s->w * s->c, sizeof(float));
    s->labels = mem_alloc(ctx, s->count, sizeof(int));
    return s->pixels && s->labels ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

static drift_status read_real(drift_context *ctx, const char *path,
                              const char *split, image_set *out)
{
    drift_status status = DRIFT_OK;
    data_config config = {.path = (char *)(uintptr_t)path,
                          .split = (char *)(uintptr_t)split};
    dataset *d = NULL;
    TRY(dataset_open(ctx, &config, 0, &d));
    *out = (image_set){.count = d->count,
                       .h = (size_t)d->height,
                       .w = (size_t)d->width,
                       .c = (size_t)d->channels,
                       .classes = d->classes};
    TRY(set_alloc(ctx, out));
    for (size_t i = 0; i < d->count; i++) {
        TRY(d->get(d, i, out->pixels + i * out->h * out->w * out->c));
        out->labels[i] = d->label(d, i);
    }
out:
    dataset_free(d);
    return status;
}

static drift_status read_samples(drift_context *ctx, const char *path,
                                 const image_set *like, image_set *out)
{
    drift_status status = DRIFT_OK;
    array_list file = {0};
    TRY(npz_read(ctx, path, &file));
    const array *images = array_list_find(&file, "images");
    const array *labels = array_list_find(&file, "labels");
    if (!images || !labels || images->ndim != 4 ||
        images->type != ARRAY_U8 || images->dim[1] != like->h ||
        images->dim[2] != like->w || images->dim[3] != like->c ||
        labels->ndim != 1 || labels->dim[0] != images->dim[0])
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "'%s' does not hold images u8 [n,%zu,%zu,%zu] and labels [n]",
             path, like->h, like->w, like->c);
    *out = *like;
    out->count = images->dim[0];
    TRY(set_alloc(ctx, out));
    const unsigned char *u8 = images->data;
    for (size_t i = 0; i < array_count(images); i++)
        out->pixels[i] = (float)u8[i] / 127.5f - 1;
    TRY(array_to_i32(ctx, labels, out->labels));
out:
    array_list_free(&file);
    return status;
}

/* conv3x3 16, 32 (stride 2), 64 (stride 2), 64, linear 64, linear classes. */
static drift_status judge_new(drift_context *ctx, const image_set *s, judge *j)
{
    static const size_t width[5] = {0, 16, 32, 64, 64};
    *j = (judge){.ctx = ctx};
    j->p.ctx = ctx;
    for (int i = 0; i < 4; i++) {
        size_t in = i ? width[i] : s->c, out = width[i + 1];
        float std = sqrtf(2.0f / (float)(9 * in));
        j->conv_w[i] = params_add(&j->p, "conv", SHAPE(3, 3, in, out),
                                  INIT_NORMAL, std, "conv%d.weight", i);
        j->conv_b[i] = params_add(&j->p, "conv", SHAPE(out), INIT_ZERO, 0,
                                  "conv%d.bias", i);
    }
    size_t flat = ((s->h + 1) / 2 + 1) / 2 * (((s->w + 1) / 2 + 1) / 2) * 64;
    j->hidden_w = params_add(&j->p, "head", SHAPE(flat, FEATURES), INIT_NORMAL,
                             sqrtf(2.0f / (float)flat), "hidden.weight");
    j->hidden_b = params_add(&j->p, "head", SHAPE(FEATURES), INIT_ZERO, 0,
                             "hidden.bias");
    j->out_w = params_add(&j->p, "head", SHAPE(FEATURES, (size_t)s->classes),
                          INIT_XAVIER, 0, "out.weight");
    j->out_b = params_add(&j->p, "head", SHAPE((size_t)s->classes), INIT_ZERO,
                          0, "out.bias");
    return params_allocate(&j->p, 1, SEED);
}

static var *judge_forward(judge *j, tape *t, const tensor *images,
                          var **features)
{
    const tensor *flat = &j->p.value;
    var *x = tape_constant(t, images);
    for (int i = 0; i < 4; i++) {
        int stride = i == 1 || i == 2 ? 2 : 1;
        size_t h = x ? x->value.shape.dim[1] : 1;
        size_t w = x ? x->value.shape.dim[2] : 1;
        conv_args args = {stride, stride, 1, 1, 1, 1, 1};
        x = tape_conv2d(t, x, params_leaf(&j->p, t, flat, j->conv_w[i]),
                        params_leaf(&j->p, t, flat, j->conv_b[i]), args,
                        (h + (size_t)stride - 1) / (size_t)stride,
                        (w + (size_t)stride - 1) / (size_t)stride);
        x = tape_activation(t, x, ACT_RELU);
    }
    if (!x)
        return NULL;
    size_t b = x->value.shape.dim[0];
    x = tape_reshape(t, x, SHAPE(b, tensor_count(&x->value) / b));
    x = tape_linear(t, x, params_leaf(&j->p, t, flat, j->hidden_w),
                    params_leaf(&j->p, t, flat, j->hidden_b));
    *features = x = tape_activation(t, x, ACT_RELU);
    return tape_linear(t, x, params_leaf(&j->p, t, flat, j->out_w),
                       params_leaf(&j->p, t, flat, j->out_b));
}

/* dlogits = (softmax - one-hot) / n on the host; returns how many are right. */
static size_t cross_entropy(const float *logits, const int *labels, size_t n,
                            size_t classes, float *gradient)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = logits + i * classes;
        size_t best = 0;
        double sum = 0;
        for (size_t k = 1; k < classes; k++)
            if (row[k] > row[best])
                best = k;
        for (size_t k = 0; k < classes; k++)
            sum += exp((double)row[k] - row[best]);
        for (size_t k = 0; gradient && k < classes; k++)
            gradient[i * classes + k] =
                (float)((exp((double)row[k] - row[best]) / sum -
                         (k == (size_t)labels[i])) /
                        (double)n);
        right += best == (size_t)labels[i];
    }
    return right;
}

static drift_status train(judge *j, const image_set *s)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = j->ctx;
    size_t pixels = s->h * s->w * s->c, classes = (size_t)s->classes;
    size_t steps = s->count / BATCH * EPOCHS, done = 0;
    tape *t = NULL;
    tensor images = {0}, gradient = {0}, m = {0}, v = {0};
    float *host = mem_alloc(ctx, BATCH * pixels, sizeof *host);
    float *logits = mem_alloc(ctx, BATCH * classes, sizeof *logits);
    float *delta = mem_alloc(ctx, BATCH * classes, sizeof *delta);
    int *labels = mem_alloc(ctx, BATCH, sizeof *labels);
    uint32_t *order = mem_alloc(ctx, s->count, sizeof *order);
    if (!host || !logits || !delta || !labels || !order) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tape_new(ctx, 1, &t));
    TRY(tensor_new(ctx, &images, DTYPE_F32, SHAPE(BATCH, s->h, s->w, s->c)));
    TRY(tensor_new(ctx, &gradient, DTYPE_F32, SHAPE(BATCH, classes)));
    TRY(tensor_new(ctx, &m, DTYPE_F32, j->p.value.shape));
    TRY(tensor_new(ctx, &v, DTYPE_F32, j->p.value.shape));
    TRY(op_fill(ctx, &m, 0));
    TRY(op_fill(ctx, &v, 0));
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        size_t right = 0;
        rng_permutation((rng_stream){SEED, RNG_TEST, epoch},
                        (uint32_t)s->count, order);
        for (size_t b = 0; b + BATCH <= s->count; b += BATCH) {
            for (size_t i = 0; i < BATCH; i++) {
                size_t at = order[b + i];
                memcpy(host + i * pixels, s->pixels + at * pixels,
                       pixels * sizeof *host);
                labels[i] = s->labels[at];
            }
            var *features;
            tape_reset(t, 1);
            TRY(tensor_write(ctx, &images, host));
            TRY(op_fill(ctx, &j->p.grad, 0));
            var *y = judge_forward(j, t, &images, &features);
            TRY(tape_status(t));
            TRY(tensor_read(ctx, &y->value, logits));
            right += cross_entropy(logits, labels, BATCH, classes, delta);
            TRY(tensor_write(ctx, &gradient, delta));
            tape_seed(t, y, &gradient);
            TRY(tape_backward(t));
            double n = (double)++done;
            double lr = LR * 0.5 * (1 + cos(3.14159265 * n / (double)steps));
            adamw_args args =
                adamw_args_of(lr, 0.9, 0.99, 1e-8, 0.01, done - 1);
            TRY(op_adamw(ctx, &j->p.value, &m, &v, &j->p.grad, NULL, args));
        }
        fprintf(stderr, "classifier: epoch %zu, %.2f %% right in training\n",
                epoch + 1,
                100.0 * (double)right / (double)(s->count / BATCH * BATCH));
    }
out:
    tape_free(t);
    tensor_free(ctx, &images);
    tensor_free(ctx, &gradient);
    tensor_free(ctx, &m);
    tensor_free(ctx, &v);
    mem_free(host);
    mem_free(logits);
    mem_free(delta);
    mem_free(labels);
    mem_free(order);
    return status;
}

/* Features [count,FEATURES] of a set and the share of its labels found. */
static drift_status look(judge *j, const image_set *s, float *features,
                         double *accuracy)
{
    drift_status status = DRIFT_OK;
    drift_context *ctx = j->ctx;
    size_t pixels = s->h * s->w * s->c, right = 0;
    tape *t = NULL;
    tensor images = {0};
    float *logits = mem_alloc(ctx, BATCH * (size_t)s->classes, sizeof *logits);
    if (!logits) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tape_new(ctx, 0, &t));
    for (size_t b = 0; b < s->count; b += BATCH) {
        size_t n = s->count - b < BATCH ? s->count - b : BATCH;
        var *f;
        tape_reset(t, 0);
        tensor_free(ctx, &images);
        TRY(tensor_new(ctx, &images, DTYPE_F32, SHAPE(n, s->h, s->w, s->c)));
        TRY(tensor_write(ctx, &images, s->pixels + b * pixels));
        var *y = judge_forward(j, t, &images, &f);
        TRY(tape_status(t));
        TRY(tensor_read(ctx, &y->value, logits));
        TRY(tensor_read(ctx, &f->value, features + b * FEATURES));
        right += cross_entropy(logits, s->labels + b, n, (size_t)s->classes,
                               NULL);
    }
    *accuracy = (double)right / (double)s->count;
out:
    tape_free(t);
    tensor_free(ctx, &images);
    mem_free(logits);
    return status;
}

static drift_status save(judge *j, const char *path)
{
    drift_status status = DRIFT_OK;
    array_list list = {0};
    float *host = mem_alloc(j->ctx, j->p.total, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_read(j->ctx, &j->p.value, host));
    array a = {.type = ARRAY_F32, .ndim = 1, .dim = {j->p.total},
               .data = host};
    TRY(array_list_add(j->ctx, &list, "classifier", &a));
    TRY(safetensors_write(j->ctx, path, &list, NULL, NULL, 0));
out:
    array_list_free(&list);
    mem_free(host);
    return status;
}

static drift_status load(judge *j, const char *path)
{
    drift_status status = DRIFT_OK;
    safetensors file = {0};
    float *host = mem_alloc(j->ctx, j->p.total, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    TRY(safetensors_open(j->ctx, path, &file));
    const array *a = array_list_find(&file.arrays, "classifier");
    if (!a || array_count(a) != j->p.total)
        FAIL(j->ctx, DRIFT_ERROR_FORMAT,
             "'%s' is not a classifier for images of this size", path);
    array_to_f32(a, host);
    TRY(tensor_write(j->ctx, &j->p.value, host));
out:
    safetensors_close(&file);
    mem_free(host);
    return status;
}

static drift_status distance(drift_context *ctx, const float *a, size_t na,
                             const float *b, size_t nb, double *out)
{
    static double mean[2][FEATURES], covariance[2][FEATURES * FEATURES];
    drift_status status = DRIFT_OK;
    TRY(feature_moments(ctx, a, na, FEATURES, mean[0], covariance[0]));
    TRY(feature_moments(ctx, b, nb, FEATURES, mean[1], covariance[1]));
    TRY(frechet_distance(ctx, FEATURES, mean[0], covariance[0], mean[1],
                         covariance[1], out));
out:
    return status;
}

/* Share of the first VOTERS samples whose nearest real images, by majority
 * (the nearest breaks a tie), are of the asked class. */
static drift_status vote(drift_context *ctx, const image_set *real,
                         const image_set *s, double *share)
{
    drift_status status = DRIFT_OK;
    size_t d = s->h * s->w * s->c, right = 0;
    size_t n = s->count < VOTERS ? s->count : VOTERS, piece = 4096;
    tensor x = {0}, y = {0}, gap = {0};
    float *host = mem_alloc(ctx, n * piece, sizeof *host);
    float *best = mem_alloc(ctx, n * NEAR, sizeof *best);
    int *who = mem_alloc(ctx, n * NEAR, sizeof *who);
    if (!host || !best || !who) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < n * NEAR; i++)
        best[i] = INFINITY;
    TRY(tensor_new(ctx, &x, DTYPE_F32, SHAPE(1, n, d)));
    TRY(tensor_write(ctx, &x, s->pixels));
    for (size_t b = 0; b < real->count; b += piece) {
        size_t m = real->count - b < piece ? real->count - b : piece;
        tensor_free(ctx, &y);
        tensor_free(ctx, &gap);
        TRY(tensor_new(ctx, &y, DTYPE_F32, SHAPE(1, m, d)));
        TRY(tensor_new(ctx, &gap, DTYPE_F32, SHAPE(1, n, m)));
        TRY(tensor_write(ctx, &y, real->pixels + b * d));
        TRY(op_distance_fwd(ctx, &gap, &x, &y));
        TRY(tensor_read(ctx, &gap, host));
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < m; k++) {
                float far = host[i * m + k];
                float *row = best + i * NEAR;
                int *names = who + i * NEAR;
                if (far >= row[NEAR - 1])
                    continue;
                size_t at = NEAR - 1;
                for (; at && row[at - 1] > far; at--) {
                    row[at] = row[at - 1];
                    names[at] = names[at - 1];
                }
                row[at] = far;
                names[at] = real->labels[b + k];
            }
    }
    for (size_t i = 0; i < n; i++) {
        const int *names = who + i * NEAR;
        int winner = names[1] == names[2] ? names[1] : names[0];
        right += winner == s->labels[i];
    }
    *share = (double)right / (double)n;
out:
    tensor_free(ctx, &x);
    tensor_free(ctx, &y);
    tensor_free(ctx, &gap);
    mem_free(host);
    mem_free(best);
    mem_free(who);
    return status;
}

static drift_status run(drift_context *ctx, const char *data,
                        const char *samples, const char *classifier)
{
    drift_status status = DRIFT_OK;
    judge j = {0};
    image_set real = {0}, held = {0}, made = {0};
    float *real_f = NULL, *held_f = NULL, *made_f = NULL;
    double accuracy, held_accuracy, made_accuracy, floor, made_distance, knn;
    TRY(read_real(ctx, data, "train", &real));
    TRY(read_real(ctx, data, "test", &held));
    TRY(read_samples(ctx, samples, &real, &made));
    TRY(judge_new(ctx, &real, &j));
    if (classifier && file_exists(classifier)) {
        TRY(load(&j, classifier));
    } else {
        TRY(train(&j, &real));
        if (classifier)
            TRY(save(&j, classifier));
    }
    real_f = mem_alloc(ctx, real.count * FEATURES, sizeof *real_f);
    held_f = mem_alloc(ctx, held.count * FEATURES, sizeof *held_f);
    made_f = mem_alloc(ctx, made.count * FEATURES, sizeof *made_f);
    if (!real_f || !held_f || !made_f) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(look(&j, &real, real_f, &accuracy));
    TRY(look(&j, &held, held_f, &held_accuracy));
    TRY(look(&j, &made, made_f, &made_accuracy));
    TRY(distance(ctx, held_f, held.count, real_f, real.count, &floor));
    TRY(distance(ctx, made_f, made.count, real_f, real.count,
                 &made_distance));
    TRY(vote(ctx, &real, &made, &knn));
    printf("samples\t%zu\naccuracy\t%.4f\ndistance\t%.2f\n", made.count,
           made_accuracy, made_distance);
    printf("knn_vote\t%.4f\n", knn);
    printf("test_accuracy\t%.4f\ntest_distance\t%.2f\n", held_accuracy, floor);
out:
    set_free(&real);
    set_free(&held);
    set_free(&made);
    mem_free(real_f);
    mem_free(held_f);
    mem_free(made_f);
    params_free(&j.p);
    return status;
}

int main(int argc, char **argv)
{
    const char *classifier = NULL;
    drift_options options = {0};
    drift_context *ctx;
    int at = 1;
    while (at + 1 < argc && !strncmp(argv[at], "--", 2)) {
        if (!strcmp(argv[at], "--classifier"))
            classifier = argv[at + 1];
        else if (!strcmp(argv[at], "--threads"))
            options.threads = atoi(argv[at + 1]);
        else
            break;
        at += 2;
    }
    if (argc - at != 2) {
        fprintf(stderr, "usage: judge [--classifier FILE] [--threads N] DATA "
                        "SAMPLES.npz\n");
        return 2;
    }
    drift_status status = drift_context_open(&ctx, &options);
    if (status == DRIFT_OK)
        status = run(ctx, argv[at], argv[at + 1], classifier);
    if (status != DRIFT_OK)
        fprintf(stderr, "judge: %s\n", drift_error_text(ctx));
    drift_context_close(ctx);
    return status != DRIFT_OK;
}
