/* conv2d: every stride, padding, dilation, grouping against plain sums. */
#include <stdio.h>

#include "harness.h"

typedef struct sizes {
    size_t n, h, w, ci, oh, ow, co, kh, kw;
    conv_args a; /* stride, padding, dilation, groups */
} sizes;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *z = arg;
    const conv_args *a = &z->a;
    size_t cig = z->ci / (size_t)a->groups, cog = z->co / (size_t)a->groups;
    for (size_t at = 0; at < z->n * z->oh * z->ow * z->co; at++) {
        size_t o = at % z->co, q = at / z->co % z->ow;
        size_t r = at / z->co / z->ow % z->oh, n = at / z->co / z->ow / z->oh;
        double sum = x[2] ? x[2][o] : 0;
        for (size_t i = 0; i < z->kh; i++)
            for (size_t j = 0; j < z->kw; j++) {
                long row = (long)r * a->stride_h + (long)i * a->dilation_h -
                           a->pad_top;
                long col = (long)q * a->stride_w + (long)j * a->dilation_w -
                           a->pad_left;
                if (row < 0 || col < 0 || row >= (long)z->h ||
                    col >= (long)z->w)
                    continue;
                size_t pixel = (n * z->h + (size_t)row) * z->w + (size_t)col;
                for (size_t c = 0; c < cig; c++)
                    sum += x[0][pixel * z->ci + o / cog * cig + c] *
                           x[1][((i * z->kw + j) * cig + c) * z->co + o];
            }
        y[0][at] = sum;
    }
}

/* n, h, w, ci, oh, ow, co, kh, kw, {strides, pads, dilations, groups} */
static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, {1, 1, 0, 0, 1, 1, 1}},
    {3, 5, 7, 3, 5, 7, 5, 1, 1, {1, 1, 0, 0, 1, 1, 1}},     /* 1x1 */
    {2, 7, 7, 17, 7, 7, 33, 3, 3, {1, 1, 1, 1, 1, 1, 1}},   /* same */
    {3, 4, 28, 16, 4, 28, 16, 3, 3, {1, 1, 1, 1, 1, 1, 1}}, /* same */
    {67, 3, 2, 2, 3, 2, 1, 3, 3, {1, 1, 1, 1, 1, 1, 1}},    /* many images */
    {2, 6, 5, 3, 4, 3, 4, 3, 3, {1, 1, 0, 0, 1, 1, 1}},     /* valid */
    {2, 6, 5, 3, 8, 7, 4, 3, 3, {1, 1, 2, 2, 1, 1, 1}},     /* full */
    {2, 4, 4, 2, 4, 4, 3, 2, 2, {1, 1, 0, 0, 1, 1, 1}},     /* far pads */
    {2, 4, 4, 2, 4, 5, 3, 4, 2, {1, 1, 2, 1, 1, 1, 1}},     /* even taps */
    {1, 5, 5, 2, 7, 6, 3, 1, 2, {1, 1, 2, 1, 1, 1, 1}},     /* pad > taps */
    {2, 3, 3, 4, 2, 2, 5, 3, 3, {1, 1, 0, 0, 1, 1, 1}},     /* cropped */
    {2, 8, 9, 5, 4, 5, 6, 3, 3, {2, 2, 1, 1, 1, 1, 1}},     /* stride 2 */
    {2, 8, 8, 4, 4, 4, 7, 3, 3, {2, 2, 0, 0, 1, 1, 1}},     /* stride 2 SAME */
    {2, 8, 8, 3, 2, 2, 16, 4, 4, {4, 4, 0, 0, 1, 1, 1}},    /* patches */
    {2, 7, 7, 6, 4, 4, 5, 1, 1, {2, 2, 0, 0, 1, 1, 1}},     /* 1x1 stride 2 */
    {1, 9, 6, 2, 3, 5, 3, 2, 3, {3, 1, 0, 1, 1, 1, 1}},     /* unequal */
    {2, 7, 8, 3, 7, 8, 2, 3, 3, {1, 1, 2, 3, 2, 3, 1}},     /* dilated */
    {2, 5, 5, 6, 5, 5, 9, 3, 3, {1, 1, 1, 1, 1, 1, 3}},     /* groups */
    {1, 6, 6, 4, 3, 3, 4, 3, 3, {2, 2, 1, 1, 1, 1, 2}},     /* groups, stride */
    {2, 8, 8, 5, 8, 8, 5, 7, 7, {1, 1, 3, 3, 1, 1, 5}},     /* depthwise */
    {1, 40, 70, 40, 40, 70, 3, 3, 3, {1, 1, 1, 1, 1, 1, 1}},  /* strips */
    {1, 81, 80, 16, 80, 80, 16, 2, 1, {1, 1, 0, 0, 1, 1, 1}}, /* of dy, too */
    {2, 3, 5, 4, 3, 5, 80, 3, 3, {1, 1, 1, 1, 1, 1, 1}},      /* columns of w */
    /* Few channels, by 16. */
    {2, 5, 6, 32, 5, 6, 16, 3, 3, {1, 1, 1, 1, 1, 1, 1}},
    {2, 7, 9, 12, 4, 5, 32, 3, 3, {2, 2, 1, 1, 1, 1, 1}},
    {2, 3, 4, 16, 7, 8, 16, 3, 3, {1, 1, 3, 3, 1, 1, 1}},
    {2, 4, 5, 6, 4, 5, 16, 1, 1, {1, 1, 0, 0, 1, 1, 1}},
    {3, 4, 7, 16, 4, 7, 1, 3, 3, {1, 1, 1, 1, 1, 1, 1}},
    {2, 5, 6, 48, 3, 3, 3, 3, 2, {2, 2, 1, 0, 1, 1, 1}},
    {2, 5, 6, 16, 5, 6, 4, 3, 3, {1, 1, 1, 1, 1, 1, 1}},
};
#define CASES (sizeof cases / sizeof *cases)

/* Each case with few output channels, and with more. */
static sizes case_of(size_t i, int more)
{
    sizes z = cases[i];
    z.co += more ? 9 * (size_t)z.a.groups : 0;
    return z;
}

static void begin(harness *t, const sizes *z, const char *what)
{
    case_begin(t, "[%zu,%zu,%zu,%zu] to [%zu,%zu,%zu] %zux%zu%s", z->n, z->h,
               z->w, z->ci, z->oh, z->ow, z->co, z->kh, z->kw, what);
}

static shape shape_x(const sizes *z)
{
    return SHAPE(z->n, z->h, z->w, z->ci);
}

static shape shape_y(const sizes *z)
{
    return SHAPE(z->n, z->oh, z->ow, z->co);
}

static shape shape_w(const sizes *z)
{
    return SHAPE(z->kh, z->kw, z->ci / (size_t)z->a.groups, z->co);
}

void test_conv2d_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int kind = 0; kind < 4; kind++) {
            int with_b = kind & 1;
            sizes one = case_of(i, kind & 2), *z = &one;
            begin(t, z, with_b ? "" : ", no b");
            operand *y = case_output(t, shape_y(z));
            operand *x = case_input(t, shape_x(z), -1, 1);
            operand *w = case_input(t, shape_w(z), -1, 1);
            operand *b = with_b ? case_input(t, SHAPE(z->co), -1, 1) : NULL;
            y->terms = (double)(z->kh * z->kw * z->ci) + 1;
            case_reference(t, formula, z, LIST(y), LIST(x, w, b));
            CASE_RUN(t, op_conv2d_fwd(ctx, T(y), T(x), T(w), T(b), z->a));
        }

    case_begin(t, "invalid shapes");
    operand *y = case_output(t, SHAPE(2, 4, 4, 6));
    operand *x = case_input(t, SHAPE(2, 4, 4, 4), -1, 1);
    operand *w = case_input(t, SHAPE(3, 3, 4, 6), -1, 1);
    operand *w5 = case_input(t, SHAPE(3, 3, 5, 6), -1, 1);
    operand *b = case_input(t, SHAPE(4), -1, 1);
    conv_args a = {1, 1, 1, 1, 1, 1, 1}, grouped = a, still = a;
    grouped.groups = 2;
    still.stride_h = 0;
    CASE_REJECTED(t, op_conv2d_fwd(ctx, T(y), T(x), T(w5), NULL, a));
    CASE_REJECTED(t, op_conv2d_fwd(ctx, T(y), T(x), T(w), T(b), a));
    CASE_REJECTED(t, op_conv2d_fwd(ctx, T(y), T(x), T(w), NULL, grouped));
    CASE_REJECTED(t, op_conv2d_fwd(ctx, T(y), T(x), T(w), NULL, still));
    CASE_REJECTED(t, op_conv2d_fwd(ctx, T(y), T(x), T(b), NULL, a));
}

void test_conv2d_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++)
        for (int kind = 8; kind >= 1; kind--) {
            int wanted = kind == 8 ? 7 : kind;
            sizes one = case_of(i, kind == 8), *z = &one;
            /* Differences take long: not every choice of gradients for every
             * geometry, and the large case once. */
            if ((kind < 7 && i % 4 != 1) ||
                (kind != 7 && z->h * z->w * z->ci * z->co > 30000))
                continue;
            char what[32];
            snprintf(what, sizeof what, ", gradients %d", wanted);
            begin(t, z, what);
            operand *x = case_input(t, shape_x(z), -1, 1);
            operand *w = case_input(t, shape_w(z), -1, 1);
            operand *b = case_input(t, SHAPE(z->co), -1, 1);
            operand *dy = case_input(t, shape_y(z), -1, 1);
            operand *dx = wanted & 1 ? case_gradient(t, shape_x(z)) : NULL;
            operand *dw = wanted & 2 ? case_gradient(t, shape_w(z)) : NULL;
            operand *db = wanted & 4 ? case_gradient(t, SHAPE(z->co)) : NULL;
            double pixels = (double)(z->n * z->oh * z->ow) + 1;
            if (dx)
                dx->terms = (double)(z->kh * z->kw * z->co) + 1;
            if (dw)
                dw->terms = pixels;
            if (db)
                db->terms = pixels;
            case_gradients(t, formula, z, LIST(dy), LIST(x, w, b),
                           LIST(dx, dw, db));
            CASE_RUN(t, op_conv2d_bwd(ctx, T(dx), T(dw), T(db), T(dy), T(x),
                                      T(w), z->a));
        }

    case_begin(t, "invalid shapes");
    operand *dy = case_input(t, SHAPE(2, 4, 4, 6), -1, 1);
    operand *x = case_input(t, SHAPE(2, 4, 4, 4), -1, 1);
    operand *w = case_input(t, SHAPE(3, 3, 4, 6), -1, 1);
    operand *dx = case_gradient(t, SHAPE(2, 4, 4, 5));
    operand *dw = case_gradient(t, SHAPE(3, 3, 6, 4));
    operand *db = case_gradient(t, SHAPE(4));
    conv_args a = {1, 1, 1, 1, 1, 1, 1};
    CASE_REJECTED(t,
                  op_conv2d_bwd(ctx, T(dx), NULL, NULL, T(dy), T(x), T(w), a));
    CASE_REJECTED(t,
                  op_conv2d_bwd(ctx, NULL, T(dw), NULL, T(dy), T(x), T(w), a));
    CASE_REJECTED(t,
                  op_conv2d_bwd(ctx, NULL, NULL, T(db), T(dy), T(x), T(w), a));
}
