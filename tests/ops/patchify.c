/* patchify: tokens [b,(h/p)(w/p),p*p*c] of image [b,h,w,c]. */
#include "harness.h"

typedef struct sizes {
    size_t b, h, w, c, p;
    int order;
} sizes;

/* Where number i of the image is in the tokens. */
static size_t token_place(const sizes *s, size_t i)
{
    size_t c = i % s->c, column = i / s->c % s->w;
    size_t row = i / s->c / s->w % s->h, b = i / s->c / s->w / s->h;
    size_t patch = (row / s->p) * (s->w / s->p) + column / s->p;
    size_t py = row % s->p, px = column % s->p;
    size_t inside = s->order == PATCH_PIXEL_MAJOR ? (py * s->p + px) * s->c + c
                                                  : (c * s->p + py) * s->p + px;
    size_t patches = (s->h / s->p) * (s->w / s->p);
    return (b * patches + patch) * s->p * s->p * s->c + inside;
}

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const sizes *s = arg;
    for (size_t i = 0; i < s->b * s->h * s->w * s->c; i++)
        y[0][token_place(s, i)] = x[0][i];
}

static const sizes cases[] = {{1, 1, 1, 1, 1, 0},   {2, 6, 9, 5, 3, 0},
                              {2, 6, 9, 5, 3, 1},   {3, 4, 4, 1, 4, 1},
                              {2, 32, 32, 3, 4, 0}, {3, 28, 56, 4, 7, 1}};
#define CASES (sizeof cases / sizeof *cases)

static shape image_shape(const sizes *s)
{
    return SHAPE(s->b, s->h, s->w, s->c);
}

static shape token_shape(const sizes *s)
{
    return SHAPE(s->b, (s->h / s->p) * (s->w / s->p), s->p * s->p * s->c);
}

void test_patchify_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, order %d", s.b, s.h, s.w, s.c,
                   s.p, s.order);
        operand *tokens = case_output(t, token_shape(&s));
        operand *image = case_input(t, image_shape(&s), -2, 2);
        tokens->terms = 0;
        case_reference(t, formula, &s, LIST(tokens), LIST(image));
        CASE_RUN(t,
                 op_patchify_fwd(ctx, T(tokens), T(image), (int)s.p, s.order));
    }

    case_begin(t, "invalid shapes");
    operand *image = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    operand *tokens = case_output(t, SHAPE(2, 6, 12));
    operand *flat = case_input(t, SHAPE(2, 24, 3), -1, 1);
    CASE_REJECTED(t, op_patchify_fwd(ctx, T(tokens), T(image), 3, 0));
    CASE_REJECTED(t, op_patchify_fwd(ctx, T(tokens), T(image), 0, 0));
    CASE_REJECTED(t, op_patchify_fwd(ctx, T(tokens), T(image), 1, 0));
    CASE_REJECTED(t, op_patchify_fwd(ctx, T(tokens), T(image), 2, 2));
    CASE_REJECTED(t, op_patchify_fwd(ctx, T(tokens), T(flat), 2, 0));
}

void test_patchify_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, order %d", s.b, s.h, s.w, s.c,
                   s.p, s.order);
        operand *image = case_input(t, image_shape(&s), -2, 2);
        operand *dtokens = case_input(t, token_shape(&s), -1, 1);
        operand *dimage = case_gradient(t, image_shape(&s));
        case_gradients(t, formula, &s, LIST(dtokens), LIST(image),
                       LIST(dimage));
        CASE_RUN(
            t, op_patchify_bwd(ctx, T(dimage), T(dtokens), (int)s.p, s.order));
    }

    case_begin(t, "invalid shapes");
    operand *dimage = case_gradient(t, SHAPE(2, 4, 6, 3));
    operand *dtokens = case_input(t, SHAPE(2, 6, 13), -1, 1);
    CASE_REJECTED(t, op_patchify_bwd(ctx, T(dimage), T(dtokens), 2, 0));
}
