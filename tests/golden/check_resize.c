/* op_resize (PyTorch) and resize (one file of JAX's jax.image.resize, one of
 * PyTorch's and Pillow's modes): resizing by ops and for scores, pools,
 * patches. */
#include <stdlib.h>
#include <string.h>

#include "eval/resize.h"
#include "graph.h"

static drift_status check_bilinear(golden *g, const char *name,
                                   resize_args args)
{
    graph q;
    drift_status status = DRIFT_OK;
    const array *y = golden_find(g, "%s.y", name);
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    if (y && y->ndim == 4)
        graph_output(
            &q, tape_resize_bilinear(q.tape, x, y->dim[2], y->dim[3], args),
            "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_nearest(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    graph_output(&q, tape_upsample_nearest(q.tape, x, 2), "y", MAP);
out:
    return graph_close(&q, status);
}

/* Mean pools: means of patches. */
static drift_status check_mean(golden *g, const char *name)
{
    graph q;
    drift_status status = DRIFT_OK;
    const array *x0 = golden_find(g, "%s.x", name);
    const array *y0 = golden_find(g, "%s.y", name);
    var *mean = NULL, *std = NULL;
    TRY(graph_open(g, &q, name));
    if (!x0 || !y0)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "'%s' is not complete", name);
    int whole = y0->ndim == 2;
    size_t rows = whole ? 1 : y0->dim[2], columns = whole ? 1 : y0->dim[3];
    tape_moments(q.tape, graph_input(&q, "x", MAP), (int)(x0->dim[2] / rows),
                 (int)(x0->dim[3] / columns), 0, &mean, &std);
    shape s = whole ? SHAPE(x0->dim[0], x0->dim[1])
                    : SHAPE(x0->dim[0], rows, columns, x0->dim[1]);
    graph_output(&q, tape_reshape(q.tape, mean, s), "y", whole ? NULL : MAP);
out:
    return graph_close(&q, status);
}

/* "max3s2p1", "avg3s1p1_nopad": kernel, stride, padding. */
static drift_status check_pool(golden *g, const char *name,
                               var *(*pool)(tape *t, var *x, pool_args args))
{
    graph q;
    drift_status status = DRIFT_OK;
    pool_args args = {name[3] - '0', name[5] - '0', name[7] - '0'};
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    graph_output(&q, pool(q.tape, x, args), "y", MAP);
out:
    return graph_close(&q, status);
}

static int patch_side(const golden *g, const char *name)
{
    const char *at = strstr(golden_meta(g, name), "p=");
    return at ? at[2] - '0' : 0;
}

static drift_status check_patchify(golden *g, const char *name, int order)
{
    graph q;
    drift_status status = DRIFT_OK;
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", MAP);
    graph_output(&q, tape_patchify(q.tape, x, patch_side(g, name), order), "y",
                 NULL);
out:
    return graph_close(&q, status);
}

static drift_status check_unpatchify(golden *g, const char *name, int order)
{
    graph q;
    drift_status status = DRIFT_OK;
    const array *y = golden_find(g, "%s.y", name);
    TRY(graph_open(g, &q, name));
    var *x = graph_input(&q, "x", NULL);
    if (y && y->ndim == 4)
        graph_output(
            &q,
            tape_unpatchify(q.tape, x,
                            SHAPE(y->dim[0], y->dim[2], y->dim[3], y->dim[1]),
                            patch_side(g, name), order),
            "y", MAP);
out:
    return graph_close(&q, status);
}

static drift_status check_op_case(golden *g, const char *name)
{
    const resize_args plain = {0, 0}, antialias = {1, 0};
    if (!strncmp(name, "bilinear_aa", 11))
        return check_bilinear(g, name, antialias);
    if (!strncmp(name, "bilinear", 8))
        return check_bilinear(g, name, plain);
    if (!strcmp(name, "nearest2"))
        return check_nearest(g, name);
    if (!strcmp(name, "avg2") || !strcmp(name, "avg4") || !strcmp(name, "gap"))
        return check_mean(g, name);
    if (!strncmp(name, "max", 3) && strlen(name) == 8)
        return check_pool(g, name, tape_maxpool);
    if (!strcmp(name, "avg3s1p1_nopad"))
        return check_pool(g, name, tape_avgpool);
    if (!strcmp(name, "patchify_hwc"))
        return check_patchify(g, name, PATCH_PIXEL_MAJOR);
    if (!strcmp(name, "patchify_chw"))
        return check_patchify(g, name, PATCH_CHANNEL_MAJOR);
    if (!strcmp(name, "unpatchify_hwc"))
        return check_unpatchify(g, name, PATCH_PIXEL_MAJOR);
    golden_todo(g, name);
    return DRIFT_OK;
}

static drift_status check_op_file(golden *g)
{
    return golden_each_case(g, check_op_case);
}

/* JAX: x -> y, and the adjoint of ct. */
static drift_status check_jax_case(golden *g, const char *name)
{
    const resize_args antialias = {1, 0};
    drift_status status = DRIFT_OK;
    tensor *x, *want, *y, *dx, *dy;
    TRY(golden_load(g, &x, NULL, "%s.x", name));
    TRY(golden_load(g, &want, NULL, "%s.y", name));
    TRY(golden_load(g, &dy, NULL, "%s.ct", name));
    TRY(golden_output(g, &y, want->shape));
    TRY(golden_gradient(g, &dx, x->shape));
    TRY(op_resize_bilinear_fwd(g->ctx, y, x, antialias));
    TRY(op_resize_bilinear_bwd(g->ctx, dx, dy, antialias));
    TRY(golden_near(g, y, NULL, "%s.y", name));
    TRY(golden_near(g, dx, NULL, "%s.grad_x", name));
out:
    return status;
}

/* PyTorch: bytes CASE.in_u8 [c,h,w] -> CASE.MODE. */
static drift_status check_mode(golden *g, const char *name, const char *mode,
                               resize_args args)
{
    drift_status status = DRIFT_OK;
    tensor *x, *y;
    const array *want = golden_find(g, "%s.%s", name, mode);
    if (!want || want->ndim != 3)
        return DRIFT_OK;
    TRY(golden_load(g, &x, "120", "%s.in_u8", name));
    const size_t *dim = x->shape.dim;
    TRY(golden_output(g, &y, SHAPE(want->dim[1], want->dim[2], dim[2])));
    tensor small = tensor_reshape(x, SHAPE(1, dim[0], dim[1], dim[2]));
    tensor large =
        tensor_reshape(y, SHAPE(1, want->dim[1], want->dim[2], dim[2]));
    TRY(op_resize_bilinear_fwd(g->ctx, &large, &small, args));
    TRY(golden_near(g, y, "120", "%s.%s", name, mode));
out:
    return status;
}

/* The same for scores, whose numbers become bytes' again; of the largest
 * images the file has some `rows` and the sum of all. */
static drift_status check_score_mode(golden *g, const char *name, size_t h,
                                     size_t w, const char *mode, resize_mode m)
{
    drift_status status = DRIFT_OK;
    resizer *r = NULL;
    float *pixels = NULL, *y = NULL;
    double *in, *got = NULL, *rows = NULL, sum = 0;
    size_t count, n = 0;
    const array *x = golden_find(g, "%s.in_u8", name);
    if (!x || x->ndim != 3)
        return DRIFT_OK;
    size_t c = x->dim[0], places = x->dim[1] * x->dim[2];
    TRY(golden_numbers(g, &in, &count, "%s.in_u8", name));
    if (golden_find(g, "%s.rows", name))
        TRY(golden_numbers(g, &rows, &n, "%s.rows", name));
    pixels = malloc(count * sizeof *pixels);
    y = malloc(h * w * c * sizeof *y);
    got = malloc(h * w * c * sizeof *got);
    if (!pixels || !y || !got)
        FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        pixels[i % places * c + i / places] = (float)in[i] / 127.5f - 1;
    TRY(resizer_new(g->ctx, m, x->dim[1], x->dim[2], c, h, w, &r));
    TRY(resizer_run(r, pixels, 1, y));
    size_t lines = rows ? n : h;
    double unit = m == RESIZE_PYTORCH ? 127.5 : 128;
    for (size_t i = 0; i < c * lines * w; i++) {
        size_t line = i / w % lines;
        size_t at = (rows ? (size_t)rows[line] : line) * w + i % w;
        got[i] = ((double)y[at * c + i / (w * lines)] + 1) * unit;
    }
    TRY(golden_near_host(g, got, c * lines * w, "%s.%s", name, mode));
    for (size_t i = 0; i < h * w * c; i++)
        sum += ((double)y[i] + 1) * unit;
    if (rows)
        TRY(golden_near_host(g, &sum, 1, "%s.%s.sum", name, mode));
out:
    resizer_free(r);
    free(pixels);
    free(y);
    free(got);
    return status;
}

static drift_status check_score_modes(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    const array *y = golden_find(g, "%s.tf1", name);
    if (!y || y->ndim != 3)
        return DRIFT_OK;
    /* Of 299 rows the file has ten. */
    size_t w = y->dim[2], h = golden_find(g, "%s.rows", name) ? w : y->dim[1];
    TRY(check_score_mode(g, name, h, w, "tf1", RESIZE_LEGACY_TENSORFLOW));
    TRY(check_score_mode(g, name, h, w, "bilinear", RESIZE_PYTORCH));
    TRY(check_score_mode(g, name, h, w, "pil_f_bicubic", RESIZE_CLEAN));
out:
    return status;
}

static drift_status check_torch_case(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    TRY(check_score_modes(g, name));
    if (!golden_find(g, "%s.bilinear_corners", name)) {
        if (!golden_find(g, "%s.tf1", name))
            golden_todo(g, name); /* DINOv2's modes, whole preparations */
        return DRIFT_OK;
    }
    TRY(check_mode(g, name, "bilinear", (resize_args){0, 0}));
    TRY(check_mode(g, name, "bilinear_aa", (resize_args){1, 0}));
    TRY(check_mode(g, name, "bilinear_corners", (resize_args){0, 1}));
out:
    return status;
}

static drift_status check_file(golden *g)
{
    if (!strcmp(golden_meta(g, "kind"), "resize"))
        return golden_each_case(g, check_jax_case);
    return golden_each_case(g, check_torch_case);
}

const golden_family check_resize[] = {
    {"op_resize.safetensors", check_op_file, 1e-5},
    {"resize.safetensors", check_file, 1e-5},
    {0}};
