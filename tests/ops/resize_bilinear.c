/* resize_bilinear, by the definition: weights of every output over every
 * input, one dimension after the other. */
#include <math.h>

#include "harness.h"

typedef struct sizes {
    size_t n, h, w, c, oh, ow;
    resize_args args;
} sizes;

/* Weight of input i for output o. */
static double weight(size_t o, size_t out, size_t i, size_t in,
                     resize_args args)
{
    double at = ((double)o + .5) * (double)in / (double)out - .5;
    if (args.align_corners)
        at = out > 1 ? (double)o * (double)(in - 1) / (double)(out - 1) : 0;
    if (!args.antialias) {
        at = at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at;
        return fmax(0, 1 - fabs(at - (double)i));
    }
    double k = in > out ? (double)in / (double)out : 1, sum = 0;
    for (size_t j = 0; j < in; j++)
        sum += fmax(0, 1 - fabs(at - (double)j) / k);
    return fmax(0, 1 - fabs(at - (double)i) / k) / sum;
}

#define MOST 32 /* longest side of a case */

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    size_t outputs = s->n * s->oh * s->ow;
    double down[MOST * MOST], across[MOST * MOST];
    for (size_t i = 0; i < s->oh * s->h; i++)
        down[i] = weight(i / s->h, s->oh, i % s->h, s->h, s->args);
    for (size_t i = 0; i < s->ow * s->w; i++)
        across[i] = weight(i / s->w, s->ow, i % s->w, s->w, s->args);
    for (size_t o = 0; o < outputs * s->c; o++)
        y[0][o] = 0;
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < s->h * s->w; i++) {
            double w = down[o / s->ow % s->oh * s->h + i / s->w] *
                       across[o % s->ow * s->w + i % s->w];
            size_t from = o / s->ow / s->oh * s->h * s->w + i;
            for (size_t k = 0; w > 0 && k < s->c; k++)
                y[0][o * s->c + k] += w * x[0][from * s->c + k];
        }
}

static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, {0, 0}},     {2, 5, 7, 3, 9, 16, {0, 0}},
    {2, 12, 11, 2, 5, 4, {0, 0}},   {2, 12, 11, 2, 5, 4, {1, 0}},
    {1, 9, 4, 9, 6, 7, {1, 0}},     {2, 1, 1, 5, 3, 4, {1, 0}},
    {1, 5, 6, 1, 5, 6, {1, 0}},     {2, 4, 3, 11, 8, 6, {0, 1}},
    {1, 7, 9, 2, 1, 4, {0, 1}},     {1, 31, 17, 1, 2, 1, {1, 0}},
    {3, 13, 13, 17, 29, 23, {1, 0}}};
#define CASES (sizeof cases / sizeof *cases)

/* How many inputs an output, or outputs an input, has at most. */
static double spread(const sizes *s)
{
    double a = (double)s->h / (double)s->oh, b = (double)s->w / (double)s->ow;
    return (2 * fmax(a, 1 / a) + 1) * (2 * fmax(b, 1 / b) + 1);
}

void test_resize_bilinear_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu to %zux%zu, antialias %d, corners %d",
                   s.n, s.h, s.w, s.c, s.oh, s.ow, s.args.antialias,
                   s.args.align_corners);
        operand *y = case_output(t, SHAPE(s.n, s.oh, s.ow, s.c));
        operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
        y->terms = spread(&s);
        case_reference(t, formula, &s, LIST(y), LIST(x));
        CASE_RUN(t, op_resize_bilinear_fwd(ctx, T(y), T(x), s.args));
    }

    case_begin(t, "invalid shapes");
    operand *x = case_input(t, SHAPE(2, 3, 3, 2), -1, 1);
    operand *y = case_output(t, SHAPE(2, 6, 7, 2));
    operand *channels = case_output(t, SHAPE(2, 6, 6, 3));
    operand *flat = case_output(t, SHAPE(2, 36, 2));
    resize_args plain = {0, 0}, both = {1, 1};
    CASE_REJECTED(t, op_resize_bilinear_fwd(ctx, T(y), T(x), both));
    CASE_REJECTED(t, op_resize_bilinear_fwd(ctx, T(channels), T(x), plain));
    CASE_REJECTED(t, op_resize_bilinear_fwd(ctx, T(flat), T(x), plain));
}

void test_resize_bilinear_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu to %zux%zu, antialias %d, corners %d",
                   s.n, s.h, s.w, s.c, s.oh, s.ow, s.args.antialias,
                   s.args.align_corners);
        operand *x = case_input(t, SHAPE(s.n, s.h, s.w, s.c), -2, 2);
        operand *dy = case_input(t, SHAPE(s.n, s.oh, s.ow, s.c), -1, 1);
        operand *dx = case_gradient(t, SHAPE(s.n, s.h, s.w, s.c));
        dx->terms = spread(&s);
        case_gradients(t, formula, &s, LIST(dy), LIST(x), LIST(dx));
        CASE_RUN(t, op_resize_bilinear_bwd(ctx, T(dx), T(dy), s.args));
    }

    case_begin(t, "invalid shapes");
    operand *dx = case_gradient(t, SHAPE(2, 3, 3, 2));
    operand *dy = case_input(t, SHAPE(3, 6, 6, 2), -1, 1);
    resize_args plain = {0, 0};
    CASE_REJECTED(t, op_resize_bilinear_bwd(ctx, T(dx), T(dy), plain));
}
