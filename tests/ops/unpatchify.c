/* unpatchify: image [b,h,w,c] of tokens [b,(h/p)(w/p),p*p*c]. */
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
        y[0][i] = x[0][token_place(s, i)];
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

void test_unpatchify_fwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, order %d", s.b, s.h, s.w, s.c,
                   s.p, s.order);
        operand *image = case_output(t, image_shape(&s));
        operand *tokens = case_input(t, token_shape(&s), -2, 2);
        image->terms = 0;
        case_reference(t, formula, &s, LIST(image), LIST(tokens));
        CASE_RUN(
            t, op_unpatchify_fwd(ctx, T(image), T(tokens), (int)s.p, s.order));
    }

    case_begin(t, "invalid shapes");
    operand *image = case_output(t, SHAPE(2, 4, 6, 3));
    operand *tokens = case_input(t, SHAPE(2, 6, 12), -1, 1);
    CASE_REJECTED(t, op_unpatchify_fwd(ctx, T(image), T(tokens), 3, 0));
    CASE_REJECTED(t, op_unpatchify_fwd(ctx, T(image), T(tokens), 1, 0));
    CASE_REJECTED(t, op_unpatchify_fwd(ctx, T(image), T(tokens), 2, -1));
}

void test_unpatchify_bwd(harness *t)
{
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < CASES; i++) {
        sizes s = cases[i];
        case_begin(t, "%zux%zux%zux%zu by %zu, order %d", s.b, s.h, s.w, s.c,
                   s.p, s.order);
        operand *tokens = case_input(t, token_shape(&s), -2, 2);
        operand *dimage = case_input(t, image_shape(&s), -1, 1);
        operand *dtokens = case_gradient(t, token_shape(&s));
        case_gradients(t, formula, &s, LIST(dimage), LIST(tokens),
                       LIST(dtokens));
        CASE_RUN(t, op_unpatchify_bwd(ctx, T(dtokens), T(dimage), (int)s.p,
                                      s.order));
    }

    case_begin(t, "invalid shapes");
    operand *dimage = case_input(t, SHAPE(2, 4, 6, 3), -1, 1);
    operand *dtokens = case_gradient(t, SHAPE(2, 6, 13));
    CASE_REJECTED(t, op_unpatchify_bwd(ctx, T(dtokens), T(dimage), 2, 0));
}
