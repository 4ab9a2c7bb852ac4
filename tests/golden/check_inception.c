/* The network of the Frechet inception distance, weights by formula: the vector
 * and the logits of images that come by each of the ways to resize, one of them
 * with every block's map on the way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/resize.h"
#include "formula.h"
#include "golden.h"
#include "networks.h"

#define SIDE  299
#define COUNT ((size_t)SIDE * SIDE * 3)

/* Mean, deviation, least and most, and some numbers of a map [1,h,w,c], which
 * the file has as CHW. */
static drift_status near_stage(golden *g, const char *prefix,
                               const encoder_map *m)
{
    const array *want = golden_find(g, "%s.stage.%s.probe", prefix, m->name);
    drift_status status = DRIFT_OK;
    const size_t *d = m->value->value.shape.dim;
    size_t count = tensor_count(&m->value->value), c = d[3];
    size_t n = want ? array_count(want) : 0;
    float *x = calloc(count, sizeof *x);
    double *probe = calloc(n + 1, sizeof *probe), squares = 0;
    double stats[4] = {0, 0, INFINITY, -INFINITY};
    if (!x || !probe)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, &m->value->value, x));
    for (size_t i = 0; i < count; i++) {
        stats[0] += (double)x[i] / (double)count;
        stats[2] = fmin(stats[2], (double)x[i]);
        stats[3] = fmax(stats[3], (double)x[i]);
    }
    for (size_t i = 0; i < count; i++)
        squares += pow((double)x[i] - stats[0], 2);
    stats[1] = sqrt(squares / (double)count);
    for (size_t i = 0; i < n; i++) {
        size_t at = formula_probe(i, count), locations = count / c;
        probe[i] = (double)x[at % locations * c + at / locations];
    }
    TRY(golden_near_host(g, stats, 4, "%s.stage.%s.stats", prefix, m->name));
    TRY(golden_near_host(g, probe, n, "%s.stage.%s.probe", prefix, m->name));
out:
    free(x);
    free(probe);
    return status;
}

/* The first channels of a map: those of its block's first branch. */
static drift_status near_spatial(golden *g, const char *prefix,
                                 const encoder_map *m)
{
    enum { CHANNELS = 7 };
    drift_status status = DRIFT_OK;
    const size_t *d = m->value->value.shape.dim;
    size_t count = tensor_count(&m->value->value);
    size_t n = count / d[3] * CHANNELS;
    float *x = calloc(count, sizeof *x);
    double *first = calloc(n, sizeof *first);
    if (!x || !first)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(tensor_read(g->ctx, &m->value->value, x));
    for (size_t i = 0; i < n; i++)
        first[i] = (double)x[i / CHANNELS * d[3] + i % CHANNELS];
    TRY(golden_near_host(g, first, n, "%s.sfid_spatial", prefix));
out:
    free(x);
    free(first);
    return status;
}

/* The published logits have no bias, those of the network do. */
static drift_status near_logits(golden *g, const char *prefix, encoder *e,
                                const tensor *logits)
{
    drift_status status = DRIFT_OK;
    int i = params_find(&e->params, "fc.bias");
    tensor bias = params_view(&e->params, &e->params.value, i), *sum;
    TRY(golden_near(g, logits, NULL, "%s.logits_unbiased", prefix));
    TRY(golden_output(g, &sum, logits->shape));
    TRY(op_add_fwd(g->ctx, sum, logits, &bias, 1, 1));
    TRY(golden_near(g, sum, NULL, "%s.logits", prefix));
out:
    return status;
}

static drift_status check_image(golden *g, encoder *e, const char *prefix,
                                const float *pixels)
{
    drift_status status = DRIFT_OK;
    encoder_out out = {.want_logits = 1};
    tape *t = NULL;
    tensor *x;
    TRY(golden_output(g, &x, SHAPE(1, SIDE, SIDE, 3)));
    TRY(tensor_write(g->ctx, x, pixels));
    TRY(tape_new(g->ctx, 0, &t));
    encoder_forward(e, t, &e->params.value, tape_constant(t, x), &out);
    TRY(tape_status(t));
    for (size_t i = 0; i < out.count; i++) {
        const encoder_map *m = &out.list[i];
        if (golden_find(g, "%s.stage.%s.stats", prefix, m->name))
            TRY(near_stage(g, prefix, m));
        if (!strcmp(m->name, "Mixed_6d") &&
            golden_find(g, "%s.sfid_spatial", prefix))
            TRY(near_spatial(g, prefix, m));
    }
    TRY(golden_near(g, &out.summary->value, NULL, "%s.pool", prefix));
    TRY(near_logits(g, prefix, e, &out.logits->value));
out:
    tape_free(t);
    golden_end_case(g);
    return status;
}

static drift_status check_resized(golden *g, encoder *e, resize_mode mode,
                                  const float *image, size_t h, size_t w,
                                  const char *prefix)
{
    drift_status status = DRIFT_OK;
    resizer *r = NULL;
    float *pixels = malloc(COUNT * sizeof *pixels);
    if (!pixels)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    TRY(resizer_new(g->ctx, mode, h, w, 3, SIDE, SIDE, &r));
    TRY(resizer_run(r, image, 1, pixels));
    TRY(check_image(g, e, prefix, pixels));
out:
    resizer_free(r);
    free(pixels);
    return status;
}

/* An image of the file in every mode. */
static drift_status check_modes(golden *g, encoder *e, const char *name)
{
    static const char *const modes[RESIZE_MODES] = {
        [RESIZE_LEGACY_TENSORFLOW] = "tf1",
        [RESIZE_PYTORCH] = "pytorch_fid",
        [RESIZE_CLEAN] = "clean"};
    drift_status status = DRIFT_OK;
    float *x = NULL;
    double *numbers;
    size_t count;
    const array *image = golden_find(g, "%s.image_u8", name);
    if (!image || image->ndim != 3)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s.image_u8' is no image", name);
    size_t h = image->dim[1], w = image->dim[2];
    TRY(golden_numbers(g, &numbers, &count, "%s.image_u8", name));
    x = malloc(count * sizeof *x);
    if (!x)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        x[i % (h * w) * 3 + i / (h * w)] = (float)numbers[i] / 127.5f - 1;
    for (int i = 0; i < RESIZE_MODES; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s.%s", name, modes[i]);
        TRY(check_resized(g, e, i, x, h, w, prefix));
    }
out:
    free(x);
    return status;
}

/* One of the network's own size, by formula. */
static drift_status check_whole(golden *g, encoder *e, const char *name)
{
    drift_status status = DRIFT_OK;
    uint64_t key = formula_key(golden_meta(g, "salt"), "inception.image299");
    float *x = malloc(COUNT * sizeof *x);
    if (!x)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < COUNT; i++)
        x[i % (COUNT / 3) * 3 + i / (COUNT / 3)] =
            (float)(formula_bits(key, i) >> 56) / 127.5f - 1;
    TRY(check_resized(g, e, RESIZE_LEGACY_TENSORFLOW, x, SIDE, SIDE, name));
out:
    free(x);
    return status;
}

static drift_status check_file(golden *g)
{
    encoder_config c = {
        .kind = ENCODER_INCEPTION, .width = 32, .classes = 1008, .channels = 3};
    drift_status status = DRIFT_OK;
    array_list arrays = {0};
    encoder *e = NULL;
    TRY(networks_arrays(g->ctx, &c, golden_meta(g, "salt"), &arrays));
    TRY(encoder_recognize(g->ctx, &arrays, &c));
    TRY(encoder_new(g->ctx, &c, 0, 0, &e));
    TRY(e->ops->load(e, &arrays, &e->params.value));
    TRY(check_modes(g, e, "a"));
    TRY(check_modes(g, e, "b"));
    TRY(check_whole(g, e, "c"));
out:
    encoder_free(e);
    array_list_free(&arrays);
    return status;
}

const golden_family check_inception[] = {
    {"inception.safetensors", check_file, 2e-5}, {0}};
