/* field: every variant against tests/ops/field_reference.c, tiles against no
 * tiles, the bound on memory, and the field's symmetries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "drift/field.h"
#include "field_reference.h"
#include "harness.h"

#define PLENTY (256u << 20)

typedef struct sizes {
    size_t g, n, k, m, p, d; /* k = 0: the queries are the targets */
    int weighted;
} sizes;

typedef struct setting {
    sizes s;
    field_args args;
} setting;

static void formula(double *const y[], const double *const x[], const void *arg)
{
    const setting *c = arg;
    int own = !c->args.queries_are_targets;
    field_problem p = {.args = c->args,
                       .g = c->s.g,
                       .n = c->s.n,
                       .k = own ? c->s.k : c->s.n,
                       .m = x[2] ? c->s.m : 0,
                       .p = c->s.p,
                       .d = c->s.d,
                       .x = x[0],
                       .gen = own ? x[1] : x[0],
                       .neg = x[2],
                       .pos = x[3],
                       .w_gen = x[4],
                       .w_neg = x[5],
                       .w_pos = x[6]};
    if (!field_reference(&p, y[0], y[1], y[2]))
        exit(1);
}

/* How far rounding is magnified: a logit of size l has an error of l eps.
 * Scaled distances are about 1; points are uniform in a cube of side 2. */
static double terms(const setting *c)
{
    double sharp = 0, t = (double)(c->s.n + c->s.k + c->s.m + c->s.p);
    double d = field_scales_features(&c->args) ? 2 : sqrt((double)c->s.d * 1.5);
    for (int j = 0; j < c->args.temperatures; j++) {
        double r = (double)c->args.r[j];
        double l = c->args.kernel == FIELD_LAPLACE ? d / r : d * d / (r * r);
        sharp = fmax(sharp, l);
    }
    return sharp * sharp + t + (double)c->s.d;
}

typedef struct problem {
    operand *v, *loss, *stats, *x, *gen, *neg, *pos, *w_gen, *w_neg, *w_pos;
} problem;

static problem make(harness *t, const setting *c, double centre)
{
    sizes s = c->s;
    double low = centre - 1, high = centre + 1;
    int own = !c->args.queries_are_targets;
    size_t k = own ? s.k : s.n;
    problem p = {0};
    p.v = case_output(t, SHAPE(s.g, s.n, s.d));
    p.loss = case_output(t, SHAPE(s.g));
    p.stats = case_output(t, SHAPE(FIELD_STATS(c->args.temperatures)));
    p.x = case_input(t, SHAPE(s.g, s.n, s.d), low, high);
    if (own && k)
        p.gen = case_input(t, SHAPE(s.g, k, s.d), low, high);
    if (s.m)
        p.neg = case_input(t, SHAPE(s.g, s.m, s.d), low, high);
    p.pos = case_input(t, SHAPE(s.g, s.p, s.d), low, high);
    if (s.weighted) {
        if (k)
            p.w_gen = case_input(t, SHAPE(s.g, k), .5, 1.5);
        if (s.m)
            p.w_neg = case_input(t, SHAPE(s.g, s.m), 0, 2);
        p.w_pos = case_input(t, SHAPE(s.g, s.p), .5, 1.5);
        if (s.m)
            p.w_neg->host[0] = 0;
        if (s.p > 2)
            p.w_pos->host[1] = 0;
    }
    return p;
}

static double rms(const operand *o)
{
    double sum = 0;
    for (size_t i = 0; i < o->count; i++)
        sum += o->want[i] * o->want[i];
    return sqrt(sum / (double)o->count);
}

static void run(harness *t, const setting *c, problem *p, size_t memory)
{
    drift_context *ctx = case_context(t);
    p->v->terms = p->loss->terms = p->stats->terms = terms(c);
    case_reference(
        t, formula, c, LIST(p->v, p->loss, p->stats),
        LIST(p->x, p->gen, p->neg, p->pos, p->w_gen, p->w_neg, p->w_pos));
    /* Where all affinities underflow in f32, V is 0 and the ESS unknown. */
    int nr = c->args.temperatures;
    p->v->magnitude = fmax(rms(p->v), 1e-30);
    p->loss->magnitude = fmax(rms(p->loss), 1e-30);
    for (int j = 0; j < nr; j++)
        if (p->stats->want[FIELD_STAT_RAW(nr, j)] < 1e-60)
            p->stats->want[FIELD_STAT_ESS(nr, j)] =
                p->stats->want[FIELD_STAT_ESS10(nr, j)] = (double)NAN;
    CASE_RUN(t, op_field(ctx, T(p->v), T(p->loss), T(p->stats), T(p->x),
                         T(p->gen), T(p->neg), T(p->pos), T(p->w_gen),
                         T(p->w_neg), T(p->w_pos), c->args, memory));
}

static field_args settings(int variant, int kernel, int normalization)
{
    field_args a = {.variant = variant,
                    .kernel = kernel,
                    .normalization = normalization,
                    .temperatures = 3,
                    .r = {.05f, .1f, .2f},
                    .attraction = 1,
                    .repulsion = 1,
                    .scale_features = 1,
                    .scale_drift = 1,
                    .queries_are_targets = 1};
    if (kernel == FIELD_GAUSSIAN) {
        a.r[0] = .141f;
        a.r[1] = .224f;
        a.r[2] = .447f;
    }
    /* The toy's distances are raw, here up to 5. */
    for (int j = 0; variant == FIELD_TOY && j < a.temperatures; j++)
        a.r[j] *= 4;
    return a;
}

static const char *const variants[] = {"release", "paper", "toy"};
static const char *const kernels[] = {"laplace", "gaussian"};
static const char *const norms[] = {"xy", "y", "none", "separate", "sinkhorn"};

static const sizes shapes[] = {
    {1, 1, 0, 0, 1, 1, 0},    {5, 1, 0, 0, 6, 9, 0},   {3, 1, 0, 4, 5, 3, 1},
    {2, 7, 0, 0, 5, 2, 0},    {3, 10, 0, 5, 7, 12, 1}, {10, 5, 0, 3, 11, 17, 1},
    {1, 70, 0, 13, 40, 8, 0}, {2, 9, 6, 4, 5, 11, 1},  {1, 66, 0, 31, 67, 5, 1},
    {2, 5, 0, 0, 1, 33, 0}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void all_variants(harness *t)
{
    for (int v = FIELD_RELEASE; v <= FIELD_TOY; v++)
        for (int k = FIELD_LAPLACE; k <= FIELD_GAUSSIAN; k++)
            for (int n = FIELD_XY; n <= FIELD_SINKHORN; n++)
                for (size_t i = 0; i < SHAPES; i++) {
                    setting c = {shapes[i], settings(v, k, n)};
                    c.args.queries_are_targets = !c.s.k;
                    case_begin(t, "%s %s %s, shape %zu", variants[v],
                               kernels[k], norms[n], i);
                    problem p = make(t, &c, 0);
                    run(t, &c, &p, PLENTY);
                }
}

void test_field(harness *t)
{
    all_variants(t);
}
