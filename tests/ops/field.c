/* field: every variant against tests/ops/field_reference.c, tiles against no
 * tiles, the bound on memory, and the field's symmetries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "cpu/field_plan.h"
#include "ops/field.h"
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
        double l = c->args.shape == FIELD_LAPLACE ? d / r : d * d / (r * r);
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
                    .shape = kernel,
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
                for (size_t i = 0; i < SHAPES; i += case_small(t) ? 4 : 1) {
                    setting c = {shapes[i], settings(v, k, n)};
                    c.args.queries_are_targets = !c.s.k;
                    case_begin(t, "%s %s %s, shape %zu", variants[v],
                               kernels[k], norms[n], i);
                    problem p = make(t, &c, 0);
                    run(t, &c, &p, PLENTY);
                }
}

/* Points far from the origin, and points that are nearly or exactly equal. */
static void hard_points(harness *t)
{
    for (int n = FIELD_XY; n <= FIELD_SINKHORN; n++)
        for (int d = 4; d <= 64; d *= 4) {
            setting c = {{2, 20, 0, 6, 24, (size_t)d, 0},
                         settings(FIELD_RELEASE, FIELD_LAPLACE, n)};
            case_begin(t, "%s, points at 50 +- 1, %d dimensions", norms[n], d);
            problem p = make(t, &c, 50);
            run(t, &c, &p, PLENTY);

            case_begin(t, "%s, near pairs, %d dimensions", norms[n], d);
            p = make(t, &c, 0);
            size_t row = (size_t)d, x = 20 * row, y = 24 * row;
            for (size_t i = 0; i < 2 * x; i++) {
                float e = (float)(i % x / row % 4);
                float by = e * e * 1e-4f * (float)case_random(t, -1, 1);
                p.pos->host[i / x * y + i % x] = p.x->host[i] + by;
            }
            memcpy(p.x->host + row, p.x->host, row * sizeof(float));
            run(t, &c, &p, PLENTY);

            case_begin(t, "%s, collapsed, %d dimensions", norms[n], d);
            p = make(t, &c, 3);
            for (size_t i = row; i < 2 * x; i++)
                p.x->host[i] = p.x->host[i % row];
            run(t, &c, &p, PLENTY);
        }
}

/* Targets of weight 0 (unconditional negatives at alpha = 1) that lie nearer
 * than all others, by many temperatures. */
static void unweighted(harness *t)
{
    static const float x[] = {0, 9, 9.1f, 9.2f, 9.3f, 9.4f, 9.5f, 9.6f};
    static const float neg[] = {.01f, 9}, pos[] = {9, 9.5f, 8};
    static const float none[2] = {0}, ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    /* Under y and none the weightless take a row's whole affinity. */
    for (int n = FIELD_XY; n <= FIELD_SINKHORN; n += n ? 1 : 3) {
        setting c = {{1, 8, 0, 2, 3, 1, 1},
                     settings(FIELD_RELEASE, FIELD_LAPLACE, n)};
        c.args.r[0] = .02f;
        case_begin(t, "%s, near negatives of weight 0", norms[n]);
        problem p = make(t, &c, 0);
        memcpy(p.x->host, x, sizeof x);
        memcpy(p.neg->host, neg, sizeof neg);
        memcpy(p.pos->host, pos, sizeof pos);
        memcpy(p.w_gen->host, ones, sizeof ones);
        memcpy(p.w_neg->host, none, sizeof none);
        memcpy(p.w_pos->host, ones, sizeof pos);
        run(t, &c, &p, PLENTY);

        c.s = (sizes){1, 1, 0, 1, 2, 1, 1};
        c.args.queries_are_targets = 0;
        case_begin(t, "%s, a near positive of weight 0", norms[n]);
        p = make(t, &c, 0);
        memcpy(p.x->host, x, sizeof *x);
        memcpy(p.neg->host, neg + 1, sizeof *neg);
        memcpy(p.pos->host, neg, sizeof neg);
        memcpy(p.w_neg->host, ones, sizeof *ones);
        p.w_pos->host[0] = 0;
        p.w_pos->host[1] = 1;
        run(t, &c, &p, PLENTY);
    }
}

static drift_status call(harness *t, const setting *c, const problem *p,
                         size_t memory)
{
    return op_field(case_context(t), T(p->v), T(p->loss), T(p->stats), T(p->x),
                    T(p->gen), T(p->neg), T(p->pos), T(p->w_gen), T(p->w_neg),
                    T(p->w_pos), c->args, memory);
}

/* As many temperatures as there may be, from the sharpest default on. */
static void temperatures(harness *t)
{
    for (int nr = 1; nr <= FIELD_MAX_R; nr++) {
        setting c = {{2, 12, 0, 3, 15, 10, 1},
                     settings(FIELD_RELEASE, FIELD_LAPLACE, FIELD_XY)};
        c.args.temperatures = nr;
        for (int j = 0; j < nr; j++)
            c.args.r[j] = .02f * (float)(1 << j);
        case_begin(t, "%d temperatures", nr);
        problem p = make(t, &c, 0);
        run(t, &c, &p, PLENTY);
    }
}

/* Many groups, each with more rows than a block. */
static void many_blocks(harness *t)
{
    for (int n = FIELD_XY; n <= FIELD_SINKHORN; n++) {
        setting c = {{8, 260, 0, 2, 30, 16, 1},
                     settings(FIELD_RELEASE, FIELD_LAPLACE, n)};
        case_begin(t, "%s, 8 groups of 260 rows", norms[n]);
        problem p = make(t, &c, 0);
        run(t, &c, &p, PLENTY);
    }
}

/* From plenty of memory down to what is refused: the same result, and never
 * more memory than allowed. */
static void bounded_memory(harness *t)
{
    static const sizes cases[] = {{1, 70, 0, 10, 90, 40, 1},
                                  {3, 70, 0, 0, 90, 3, 0},
                                  {2, 17, 9, 0, 40, 1100, 1}};
    drift_context *ctx = case_context(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int n = FIELD_XY; n <= FIELD_SINKHORN; n += n ? 1 : 3) {
            setting c = {cases[i], settings(FIELD_RELEASE, FIELD_LAPLACE, n)};
            c.args.queries_are_targets = !c.s.k;
            size_t memory = 16u << 20, runs = 0, before;
            if (case_small(t))
                continue;
            drift_status status;
            for (;; memory -= memory / 2, runs++) {
                case_begin(t, "%s, shape %zu, %zu bytes", norms[n], i, memory);
                problem p = make(t, &c, 0);
                pool_trim(ctx);
                before = mem_asked();
                status = call(t, &c, &p, memory);
                if (status != DRIFT_OK)
                    break;
                size_t taken = mem_asked() - before;
                if (taken > memory + 4096) /* the list of workers */
                    case_fail(t, "%zu bytes taken", taken);
                run(t, &c, &p, memory);
            }
            if (status != DRIFT_ERROR_MEMORY)
                case_fail(t, "%s", drift_error_text(ctx));
            if (runs < 4)
                case_fail(t, "refused after %zu runs", runs);
            drift_error_clear(ctx);
        }
}

/* 256 MiB are enough for many samples of any dimension, whatever the threads:
 * the CPU's plan alone, which asks for all that the op takes. */
static void bounded_plan(harness *t)
{
    static const sizes cases[] = {{1, 2048, 0, 0, 8192, 784, 0},
                                  {1, 8192, 0, 0, 32768, 16, 0},
                                  {1, 8192, 0, 0, 32768, 3, 0},
                                  {1, 8192, 0, 0, 32768, 200000, 0}};
    drift_context *ctx = case_context(t);
    int threads = threads_get();
    for (size_t i = 0; i < sizeof cases / sizeof *cases * 3 * 5; i++) {
        const sizes *s = &cases[i / 3 / 5];
        int n = (int)(i / 3 % 5), workers = 1 << i % 3 * 3;
        field_run run = {.ctx = ctx,
                         .args = settings(FIELD_RELEASE, FIELD_LAPLACE, n),
                         .g = s->g,
                         .n = s->n,
                         .k = s->n,
                         .p = s->p,
                         .t = s->n + s->p,
                         .d = s->d,
                         .temperatures = 3,
                         .direct = s->d < DISTANCE_DIRECT};
        case_begin(t, "%s, plan of %zu x %zu x %zu, %d threads", norms[n], s->n,
                   s->p, s->d, workers);
        threads_set(workers);
        pool_trim(ctx);
        size_t before = mem_asked();
        drift_status status = field_plan(&run, PLENTY);
        size_t taken = mem_asked() - before;
        if (status != DRIFT_OK)
            case_fail(t, "%s", drift_error_text(ctx));
        if (taken > PLENTY + 65536) /* the list of workers */
            case_fail(t, "%zu bytes taken", taken);
        field_plan_free(&run);
        drift_error_clear(ctx);
    }
    threads_set(threads);
    pool_trim(ctx);
}

/* -- symmetries --------------------------------------------------------- */

#define N 9
#define K 14
#define D 10

typedef struct sets {
    float x[N * D], a[K * D], b[K * D];
} sets;

/* Raw F at queries of their own, positives a against negatives b. */
static void raw_field(harness *t, const setting *c, const float *x,
                      const float *a, const float *b, float *v)
{
    drift_context *ctx = case_context(t);
    case_begin(t, "symmetries of %s %s %s", variants[c->args.variant],
               kernels[c->args.shape], norms[c->args.normalization]);
    problem p = make(t, c, 0);
    if (tensor_write(ctx, T(p.x), x) || tensor_write(ctx, T(p.pos), a) ||
        tensor_write(ctx, T(p.neg), b) || call(t, c, &p, PLENTY) ||
        tensor_read(ctx, T(p.v), v)) {
        case_fail(t, "%s", drift_error_text(ctx));
        drift_error_clear(ctx);
    }
}

/* Largest |v + sign w| in units of rounding. */
static void demand(harness *t, const setting *c, const char *what,
                   const float *v, const float *w, float sign)
{
    double size = 1e-30, most = 0, limit = 8 * EPS * sqrt(terms(c));
    for (size_t i = 0; i < (size_t)N * D; i++) {
        size = fmax(size, fabs((double)v[i]));
        most = fmax(most, fabs((double)v[i] + (double)(sign * w[i])));
    }
    if (!(most <= limit * size))
        case_fail(t, "%s is violated by %g of the field, allowed is %g", what,
                  most / size, limit);
}

static void symmetries(harness *t)
{
    sets s, other;
    float v[N * D], w[N * D];
    /* Multiples of 1/64: moving them by 8 is exact. */
    for (size_t i = 0; i < sizeof s / sizeof(float); i++)
        ((float *)&s)[i] = (float)floor(case_random(t, -64, 65)) / 64;
    for (int i = 0; i < 30; i++) {
        setting c = {{1, N, 0, K, K, D, 0},
                     settings(i / 10, i % 10 / 5, i % 5)};
        c.args.queries_are_targets = c.args.scale_drift = 0;
        raw_field(t, &c, s.x, s.a, s.b, v);
        raw_field(t, &c, s.x, s.b, s.a, w);
        demand(t, &c, "antisymmetry", v, w, 1);
        raw_field(t, &c, s.x, s.a, s.a, w);
        for (size_t j = 0; j < (size_t)N * D; j++)
            w[j] += v[j];
        demand(t, &c, "equilibrium", v, w, -1);
        for (size_t j = 0; j < sizeof s / sizeof(float); j++)
            ((float *)&other)[j] = ((float *)&s)[j] + 8;
        raw_field(t, &c, other.x, other.a, other.b, w);
        demand(t, &c, "translation", v, w, -1);
        for (size_t j = 0; j < K; j++) {
            memcpy(other.a + j * D, s.a + (K - 1 - j) * D, D * sizeof(float));
            memcpy(other.b + j * D, s.b + (K - 1 - j) * D, D * sizeof(float));
        }
        raw_field(t, &c, s.x, other.a, other.b, w);
        demand(t, &c, "permutation", v, w, -1);
    }
}

/* Multipliers, the two switches, NaN, and what is refused. */
static void options(harness *t)
{
    drift_context *ctx = case_context(t);
    setting c = {{2, 11, 0, 3, 13, 9, 1},
                 settings(FIELD_RELEASE, FIELD_LAPLACE, FIELD_XY)};
    for (int i = 0; i < 8; i++) {
        setting o = c;
        o.args.attraction = i & 1 ? 1.5f : 1;
        o.args.repulsion = i & 1 ? 0 : 2;
        o.args.scale_features = i >> 1 & 1;
        o.args.scale_drift = i >> 2 & 1;
        case_begin(t, "options %d", i);
        problem p = make(t, &o, 0);
        run(t, &o, &p, PLENTY);
    }

    for (int i = 0; i < 15; i++) {
        setting o = c;
        o.args = settings(FIELD_RELEASE, FIELD_LAPLACE, i / 3);
        case_begin(t, "%s, NaN in, NaN out", norms[i / 3]);
        problem p = make(t, &o, 0);
        operand *in = i % 3 == 0 ? p.x : i % 3 == 1 ? p.neg : p.pos;
        float loss[2];
        in->host[5] = NAN;
        if (tensor_write(ctx, T(in), in->host) || call(t, &o, &p, PLENTY) ||
            tensor_read(ctx, T(p.loss), loss) || !isnan(loss[0]))
            case_fail(t, "loss is %g", (double)loss[0]);
    }

    case_begin(t, "what is refused");
    problem p = make(t, &c, 0);
    setting bad = c;
    CASE_REJECTED(t, op_field(ctx, T(p.neg), T(p.loss), T(p.stats), T(p.x),
                              NULL, T(p.neg), T(p.pos), NULL, NULL, NULL,
                              c.args, PLENTY));
    CASE_REJECTED(t, op_field(ctx, T(p.v), T(p.loss), T(p.stats), T(p.x),
                              T(p.pos), T(p.neg), T(p.pos), NULL, NULL, NULL,
                              c.args, PLENTY));
    CASE_REJECTED(t, op_field(ctx, T(p.v), T(p.loss), T(p.loss), T(p.x), NULL,
                              T(p.neg), T(p.pos), NULL, NULL, NULL, c.args,
                              PLENTY));
    CASE_REJECTED(t, op_field(ctx, T(p.v), T(p.loss), T(p.stats), T(p.x), NULL,
                              NULL, T(p.pos), NULL, T(p.w_neg), NULL, c.args,
                              PLENTY));
    bad.args.temperatures = 0;
    case_rejected(t, DRIFT_ERROR_USAGE, call(t, &bad, &p, PLENTY));
    bad = c;
    bad.args.r[1] = 0;
    case_rejected(t, DRIFT_ERROR_USAGE, call(t, &bad, &p, PLENTY));
    bad = c;
    bad.args.normalization = 5;
    case_rejected(t, DRIFT_ERROR_USAGE, call(t, &bad, &p, PLENTY));
    case_rejected(t, DRIFT_ERROR_MEMORY, call(t, &c, &p, 100));
    for (long i = 1; i <= 2; i++) {
        pool_trim(ctx); /* or the op asks for nothing */
        mem_fail_after(i);
        case_rejected(t, DRIFT_ERROR_MEMORY, call(t, &c, &p, PLENTY));
    }
    mem_fail_after(0);
}

void test_field(harness *t)
{
    all_variants(t);
    hard_points(t);
    bounded_memory(t);
    if (!strcmp(case_context(t)->backend->name, "cpu"))
        bounded_plan(t);
    symmetries(t);
    options(t);
    unweighted(t);
    temperatures(t);
    many_blocks(t);
}
