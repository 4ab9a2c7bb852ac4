/* src/drift: the public field, the loss of a family, the check before a
 * training, guidance, and the watch over collapse. The op itself is held
 * against the same reference, far more widely, by tests/ops/field.c. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "../ops/field_reference.h"
#include "drift/guidance.h"
#include "drift/loss.h"
#include "drift/preflight.h"
#include "drift/spread.h"
#include "ops/backend.h"
#include "unit.h"

#define MEMORY ((size_t)16 << 20)
#define NORMS  (FIELD_SINKHORN + 1)

/* Standard normal numbers of stream `step`. */
static void normals(float *x, size_t count, uint64_t step)
{
    for (size_t i = 0; i < count; i++)
        x[i] = rng_normal((rng_stream){3, RNG_TEST, step}, i);
}

static void widen(double *to, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (double)x[i];
}

/* Largest |a - factor b| against the largest |a|. */
static double apart(const float *a, const double *b, double factor,
                    size_t count)
{
    double most = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double e = fabs((double)a[i] - factor * b[i]);
        most = isnan(e) ? INFINITY : fmax(most, e);
        size = fmax(size, fabs((double)a[i]));
    }
    return size > 0 ? most / size : most;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-4 * fabs(want)))
        fail_msg("%.9g instead of %.9g", got, want);
}

/* -- the public field ------------------------------------------------------ */

enum { G = 2, Q = 7, K = 9, M = 5, P = 11, D = 10 };

/* Two groups of sets with weights. */
typedef struct clouds {
    float queries[G * Q * D], gen[G * K * D], neg[G * M * D], pos[G * P * D];
    float w_gen[G * K], w_neg[G * M], w_pos[G * P];
} clouds;

static void draw_clouds(clouds *c)
{
    normals(c->queries, sizeof *c / sizeof(float), 0);
    for (float *w = c->w_gen; w < c->w_pos + G * P; w++)
        *w = fabsf(*w);
    c->w_neg[1] = 0;
}

/* Temperatures at which every norm has some neighbours. */
static drift_field_options options_of(int normalization)
{
    drift_field_options o;
    drift_field_defaults(&o);
    o.normalization = (drift_field_normalization)normalization;
    o.temperature_count = 2;
    o.temperatures[0] = .1f;
    o.temperatures[1] = .3f;
    return o;
}

static void expect_report(const drift_field_report *r, const double *stats,
                          const double *loss, int nr)
{
    near(r->scale, stats[FIELD_STAT_SCALE]);
    near(r->loss, (loss[0] + loss[1]) / 2);
    for (int j = 0; j < nr; j++) {
        near(r->drift[j], stats[FIELD_STAT_RAW(nr, j)]);
        near(r->ess[j], stats[FIELD_STAT_ESS(nr, j)]);
        near(r->ess10[j], stats[FIELD_STAT_ESS10(nr, j)]);
    }
    for (int j = nr; j < DRIFT_FIELD_TEMPERATURES; j++)
        assert_true(r->drift[j] == 0 && r->ess[j] == 0);
}

/* With queries of its own and without, weights and report. */
static void field_is_the_reference(void **state)
{
    (void)state;
    clouds c;
    double x[G * Q * D], gen[G * K * D], neg[G * M * D], pos[G * P * D];
    double w_gen[G * K], w_neg[G * M], w_pos[G * P];
    draw_clouds(&c);
    widen(x, c.queries, G * Q * D);
    widen(gen, c.gen, G * K * D);
    widen(neg, c.neg, G * M * D);
    widen(pos, c.pos, G * P * D);
    widen(w_gen, c.w_gen, G * K);
    widen(w_neg, c.w_neg, G * M);
    widen(w_pos, c.w_pos, G * P);
    for (int i = 0; i < 2 * NORMS; i++) {
        int own = i / NORMS;
        float v[G * K * D];
        double want[G * K * D], loss[G], stats[FIELD_STATS(FIELD_MAX_R)];
        drift_field_report report;
        drift_field_options o = options_of(i % NORMS);
        drift_field_sets sets = {.groups = G,
                                 .dimension = D,
                                 .query_count = own ? Q : 0,
                                 .gen_count = K,
                                 .neg_count = M,
                                 .pos_count = P,
                                 .queries = own ? c.queries : NULL,
                                 .gen = c.gen,
                                 .neg = c.neg,
                                 .pos = c.pos,
                                 .gen_weight = c.w_gen,
                                 .neg_weight = c.w_neg,
                                 .pos_weight = c.w_pos};
        field_problem p = {.args = {.normalization = i % NORMS,
                                    .temperatures = 2,
                                    .r = {.1f, .3f},
                                    .attraction = 1,
                                    .repulsion = 1,
                                    .scale_features = 1,
                                    .scale_drift = 1,
                                    .queries_are_targets = !own},
                           .g = G,
                           .n = own ? Q : K,
                           .k = K,
                           .m = M,
                           .p = P,
                           .d = D,
                           .x = own ? x : gen,
                           .gen = gen,
                           .neg = neg,
                           .pos = pos,
                           .w_gen = w_gen,
                           .w_neg = w_neg,
                           .w_pos = w_pos};
        assert_true(field_reference(&p, want, loss, stats));
        expect_ok(drift_field(ctx, &o, &sets, v, &report));
        double error = apart(v, want, 1, G * p.n * D);
        if (!(error < 1e-4))
            fail_msg("normalization %d, own queries %d: off by %g", i % NORMS,
                     own, error);
        expect_report(&report, stats, loss, 2);
        expect_ok(drift_field(ctx, &o, &sets, v, NULL));
    }
}

/* Raw F at queries of their own: exchanging the sets negates it, equal sets
 * give nothing. */
static void field_is_balanced(void **state)
{
    (void)state;
    clouds c;
    draw_clouds(&c);
    for (int i = 0; i < 6 * NORMS; i++) {
        float v[G * Q * D], w[G * Q * D], none[G * Q * D];
        double swapped[G * Q * D], size = 0;
        drift_field_options o = options_of(i % NORMS);
        o.variant = (drift_field_variant)(i / NORMS % 3);
        o.kernel = (drift_field_kernel)(i / NORMS / 3);
        o.scale_drift = 0;
        /* The toy's distances are raw, here about 4. */
        for (int j = 0; o.variant == DRIFT_FIELD_TOY && j < 2; j++)
            o.temperatures[j] *= 10;
        drift_field_sets sets = {.groups = G,
                                 .dimension = D,
                                 .query_count = Q,
                                 .neg_count = M,
                                 .pos_count = M,
                                 .queries = c.queries,
                                 .neg = c.neg,
                                 .pos = c.pos};
        expect_ok(drift_field(ctx, &o, &sets, v, NULL));
        sets.neg = c.pos;
        sets.pos = c.neg;
        expect_ok(drift_field(ctx, &o, &sets, w, NULL));
        widen(swapped, w, G * Q * D);
        double error = apart(v, swapped, -1, G * Q * D);
        if (!(error < 1e-4))
            fail_msg("case %d: antisymmetry off by %g", i, error);
        sets.neg = c.neg;
        expect_ok(drift_field(ctx, &o, &sets, none, NULL));
        for (size_t j = 0; j < (size_t)G * Q * D; j++)
            size = fmax(size, fabs((double)v[j]));
        for (size_t j = 0; j < (size_t)G * Q * D; j++)
            if (!(fabs((double)none[j]) <= 1e-4 * size))
                fail_msg("case %d: equal sets give %g of %g", i,
                         (double)none[j], size);
    }
}

static void field_refuses(void **state)
{
    (void)state;
    static clouds c;
    float v[G * K * D];
    draw_clouds(&c);
    drift_field_options good = options_of(DRIFT_FIELD_XY), o;
    drift_field_sets sets = {.groups = G,
                             .dimension = D,
                             .gen_count = K,
                             .neg_count = M,
                             .pos_count = P,
                             .gen = c.gen,
                             .neg = c.neg,
                             .pos = c.pos,
                             .pos_weight = c.w_pos},
                     s;
#define BAD_SETS(text, change)                                                 \
    s = sets;                                                                  \
    change;                                                                    \
    expect_error(drift_field(ctx, &good, &s, v, NULL), DRIFT_ERROR_SHAPE, text)
#define BAD_OPTIONS(status, text, change)                                      \
    o = good;                                                                  \
    change;                                                                    \
    expect_error(drift_field(ctx, &o, &sets, v, NULL), DRIFT_ERROR_##status,   \
                 text)
    BAD_SETS("must be given", s.groups = 0);
    BAD_SETS("must be given", s.dimension = 0);
    BAD_SETS("must be given", s.pos = NULL);
    BAD_SETS("must be given", s.gen = NULL);
    BAD_SETS("must be given", s.query_count = Q);
    BAD_SETS("must be given", s.queries = c.queries);
    BAD_SETS("gen: 0 points with an array", s.gen_count = 0);
    BAD_SETS("neg: 5 points without an array", s.neg = NULL);
    BAD_SETS("neg: 0 points with an array", s.neg_count = 0);
    BAD_SETS("pos: 0 points with an array", s.pos_count = 0);
    BAD_SETS("neg: weights of no points",
             (s.neg = NULL, s.neg_count = 0, s.neg_weight = c.w_neg));
    s = sets;
    expect_error(drift_field(ctx, &good, &s, NULL, NULL), DRIFT_ERROR_SHAPE,
                 "must be given");
    for (int i = 0; i < 3; i++) {
        static const float bad[] = {-1, NAN, INFINITY};
        float keep = c.w_pos[3];
        c.w_pos[3] = bad[i];
        BAD_SETS("pos: weight 3 is", (void)0);
        c.w_pos[3] = keep;
    }
    BAD_OPTIONS(USAGE, "0 temperatures", o.temperature_count = 0);
    BAD_OPTIONS(USAGE, "9 temperatures", o.temperature_count = 9);
    BAD_OPTIONS(USAGE, "temperature 0 is", o.temperatures[1] = 0);
    BAD_OPTIONS(USAGE, "temperature nan is", o.temperatures[0] = NAN);
    BAD_OPTIONS(USAGE, "not known", o.variant = (drift_field_variant)3);
    BAD_OPTIONS(USAGE, "not known", o.kernel = (drift_field_kernel)2);
    BAD_OPTIONS(USAGE, "not known",
                o.normalization = (drift_field_normalization)NORMS);
    BAD_OPTIONS(USAGE, "not finite", o.attraction = NAN);
    BAD_OPTIONS(USAGE, "not finite", o.repulsion = INFINITY);
    BAD_OPTIONS(MEMORY, "need at least", o.memory = 100);
    expect_ok(drift_field(ctx, &good, &sets, v, NULL));
}

/* A set whose weights are all 0 neither pulls nor pushes. */
static void field_without_weight(void **state)
{
    (void)state;
    static const float none[G * P];
    clouds c;
    float v[G * K * D];
    drift_field_report r;
    draw_clouds(&c);
    for (int i = 0; i < 4 * NORMS; i++) {
        drift_field_options o = options_of(i % NORMS);
        drift_field_sets sets = {.groups = G,
                                 .dimension = D,
                                 .gen_count = K,
                                 .neg_count = M,
                                 .pos_count = P,
                                 .gen = c.gen,
                                 .neg = c.neg,
                                 .pos = c.pos,
                                 .gen_weight = i / NORMS & 1 ? none : NULL,
                                 .neg_weight = i / NORMS & 1 ? none : NULL,
                                 .pos_weight = i / NORMS & 2 ? none : NULL};
        expect_ok(drift_field(ctx, &o, &sets, v, &r));
        for (size_t j = 0; j < (size_t)G * K * D; j++)
            if (!isfinite(v[j]) || (i / NORMS == 3 && fabsf(v[j]) > 0))
                fail_msg("case %d: %g", i, (double)v[j]);
        assert_true(isfinite(r.loss) && isfinite(r.scale));
    }
}

/* Raw drift of n samples a side in the form of training, x moved by `by`. */
static double raw_drift(int normalization, size_t n, float by)
{
    enum { MOST = 1024 };
    static float x[MOST * 2], y[MOST * 2], v[MOST * 2];
    drift_field_options o = options_of(normalization);
    drift_field_report r;
    double sum = 0;
    o.temperature_count = 1;
    o.temperatures[0] = .5f;
    assert_true(n <= MOST);
    drift_field_sets sets = {.groups = 1,
                             .dimension = 2,
                             .gen_count = n,
                             .pos_count = n,
                             .gen = x,
                             .pos = y};
    for (uint64_t draw = 0; draw < 4; draw++) {
        normals(x, n * 2, 2 * draw);
        normals(y, n * 2, 2 * draw + 1);
        for (size_t i = 0; i < n * 2; i++)
            x[i] += by;
        expect_ok(drift_field(ctx, &o, &sets, v, &r));
        /* Normalised, it always has the size 1: nothing to be seen there. */
        near(r.loss, 1);
        sum += r.drift[0] / 4;
    }
    return sum;
}

/* Where generated and real samples have one distribution, what is left of the
 * raw drift is the noise of sampling: its square falls as 1/n. */
static void field_at_equilibrium(void **state)
{
    (void)state;
    for (int i = 0; i < NORMS; i++) {
        double few = raw_drift(i, 128, 0) / raw_drift(i, 128, 1);
        double many = raw_drift(i, 1024, 0) / raw_drift(i, 1024, 1);
        print_message("normalization %d: %.2g of 128, %.2g of 1024\n", i, few,
                      many);
        assert_true(few < .1);
        assert_true(few / many > 4 && few / many < 16);
    }
}

/* -- the loss of a family -------------------------------------------------- */

enum { NC = 3, LN = 4, LP = 6, LM = 5, F = 7, C = 12 };

static void make(tensor *t, shape s, const float *host)
{
    expect_ok(tensor_new(ctx, t, DTYPE_F32, s));
    expect_ok(tensor_write(ctx, t, host));
}

/* Samples [NC*n,f,C] as groups [NC*f,n,C]. */
static void grouped(double *to, const float *x, size_t n, size_t f)
{
    for (size_t i = 0; i < NC * n * f * C; i++) {
        size_t c = i % C, l = i / C % f, row = i / C / f;
        to[(((row / n) * f + l) * n + row % n) * C + c] = (double)x[i];
    }
}

static const field_args training = {.temperatures = 3,
                                    .r = {.05f, .1f, .2f},
                                    .attraction = 1,
                                    .repulsion = 1,
                                    .scale_features = 1,
                                    .scale_drift = 1,
                                    .queries_are_targets = 1};

static drift_status whole_loss(const loss_input *in, tensor *dgen,
                               family_stats *s)
{
    loss_reading reading;
    drift_status status =
        loss_family(ctx, in, &training, MEMORY, dgen, &reading);
    return status == DRIFT_OK ? loss_read(ctx, &reading, s) : status;
}

/* Groups are entry x location; they share scale and normalisation. */
static void loss_is_the_reference(void **state)
{
    (void)state;
    static const float alpha[NC] = {1, 2, 4};
    float weight[NC];
    static float x[NC * LN * F * C], y[NC * LP * F * C], z[NC * LM * F * C];
    static double gx[NC * LN * F * C], gy[NC * LP * F * C], gz[NC * LM * F * C];
    static double v[NC * LN * F * C], order[NC * LN * F * C];
    static float got[NC * LN * F * C];
    double gw[NC * F * LM], loss[NC * F], stats[FIELD_STATS(FIELD_MAX_R)];
    normals(x, NC * LN * F * C, 0);
    normals(y, NC * LP * F * C, 1);
    normals(z, NC * LM * F * C, 2);
    for (int i = 0; i < NC; i++)
        weight[i] = guidance_weight(alpha[i], LN, LM);
    for (int round = 0; round < 4; round++) {
        size_t f = round & 1 ? F : 1, m = round & 2 ? LM : 0, g = NC * f;
        tensor tx, ty, tz, dx;
        family_stats s;
        make(&tx, SHAPE(NC * LN, f, C), x);
        make(&ty, SHAPE(NC * LP, f, C), y);
        make(&tz, SHAPE(NC * LM, f, C), z);
        expect_ok(tensor_new(ctx, &dx, DTYPE_F32, tx.shape));
        loss_input in = {"map", 1, NC, &tx, &ty, m ? &tz : NULL, weight};
        expect_ok(whole_loss(&in, &dx, &s));
        expect_ok(tensor_read(ctx, &dx, got));

        grouped(gx, x, LN, f);
        grouped(gy, y, LP, f);
        grouped(gz, z, LM, f);
        for (size_t i = 0; i < g * LM; i++)
            gw[i] = (double)weight[i / LM / f];
        field_problem p = {.args = training,
                           .g = g,
                           .n = LN,
                           .k = LN,
                           .m = m,
                           .p = LP,
                           .d = C,
                           .x = gx,
                           .gen = gx,
                           .neg = gz,
                           .pos = gy,
                           .w_neg = gw};
        assert_true(field_reference(&p, v, loss, stats));
        for (size_t i = 0; i < g * LN * C; i++) {
            size_t c = i % C, l = i / C % f, row = i / C / f;
            order[i] = v[((row / LN * f + l) * LN + row % LN) * C + c];
        }
        double all = 0, unit = stats[FIELD_STAT_SCALE] / sqrt(C);
        double factor = -2 / (unit * (double)(g * LN * C));
        double error = apart(got, order, factor, g * LN * C);
        if (!(error < 1e-4))
            fail_msg("%zu locations, %zu negatives: gradient off by %g", f, m,
                     error);
        for (size_t i = 0; i < g; i++)
            all += loss[i] / (double)g;
        near(s.loss, all);
        near(s.scale, stats[FIELD_STAT_SCALE]);
        assert_string_equal(s.name, "map");
        assert_int_equal(s.temperatures, 3);
        for (int j = 0; j < 3; j++) {
            assert_true(s.r[j] == training.r[j]);
            near(s.raw[j], stats[FIELD_STAT_RAW(3, j)]);
            near(s.normed[j], stats[FIELD_STAT_NORMED(3, j)]);
            near(s.ess[j], stats[FIELD_STAT_ESS(3, j)]);
            near(s.ess10[j], stats[FIELD_STAT_ESS10(3, j)]);
        }
        if (m) /* 1 - 1/alpha */
            near(s.negative_share, (0 + .5 + .75) / 3);
        else
            assert_true(s.negative_share == 0);
        tensor_free(ctx, &tx);
        tensor_free(ctx, &ty);
        tensor_free(ctx, &tz);
        tensor_free(ctx, &dx);
    }
}

static void loss_refuses(void **state)
{
    (void)state;
    float x[6 * 2 * 3], w[2] = {0};
    tensor gen, pos, other, dx;
    family_stats s;
    normals(x, 36, 0);
    make(&gen, SHAPE(6, 2, 3), x);
    make(&pos, SHAPE(4, 2, 3), x);
    make(&other, SHAPE(4, 3, 3), x);
    make(&dx, gen.shape, x);
    loss_input in = {"stem", 1, 2, &gen, &pos, NULL, w};
    expect_ok(whole_loss(&in, &dx, &s));
    in.entries = 4;
    expect_error(whole_loss(&in, &dx, &s),
                 DRIFT_ERROR_SHAPE, "'stem': shapes do not fit 4 class");
    in.entries = 0;
    expect_error(whole_loss(&in, &dx, &s),
                 DRIFT_ERROR_SHAPE, "do not fit");
    in.entries = 2;
    in.pos = &other;
    expect_error(whole_loss(&in, &dx, &s),
                 DRIFT_ERROR_SHAPE, "do not fit");
    in.pos = &pos;
    in.neg = &other;
    expect_error(whole_loss(&in, &dx, &s),
                 DRIFT_ERROR_SHAPE, "do not fit");
    in.neg = NULL;
    expect_error(whole_loss(&in, &pos, &s),
                 DRIFT_ERROR_SHAPE, "do not fit");
    x[7] = NAN;
    expect_ok(tensor_write(ctx, &gen, x));
    expect_error(whole_loss(&in, &dx, &s),
                 DRIFT_ERROR_NUMBER, "'stem' is not finite");
    assert_true(isnan(s.loss)); /* filled all the same */
    tensor_free(ctx, &gen);
    tensor_free(ctx, &pos);
    tensor_free(ctx, &other);
    tensor_free(ctx, &dx);
}

/* -- the check before a training ------------------------------------------- */

/* A device that computes the field wrongly. */
enum { RIGHT, UNBALANCED, PLACE, ORDER, NANS, NOTHING, PAST, FAULTS };
static int fault, calls;
static const backend *honest;

static drift_status broken_field(drift_context *c, tensor *v, tensor *loss,
                                 tensor *stats, const tensor *x,
                                 const tensor *gen, const tensor *neg,
                                 const tensor *pos, const tensor *w_gen,
                                 const tensor *w_neg, const tensor *w_pos,
                                 field_args args, size_t memory)
{
    drift_status status = DRIFT_OK;
    tensor weight = {0};
    size_t count = tensor_count(v), set = pos->shape.dim[1];
    float *host = calloc(count, sizeof *host), first;
    assert_non_null(host);
    calls++;
    if (fault == UNBALANCED)
        args.attraction *= 1.02f;
    if (fault == ORDER) { /* the first of each set counts twice */
        for (size_t i = 0; i < set; i++)
            host[i] = i ? 1 : 2;
        make(&weight, SHAPE(1, set), host);
        w_neg = w_pos = &weight;
    }
    TRY(honest->field(c, v, loss, stats, x, gen, neg, pos, w_gen, w_neg, w_pos,
                      args, memory));
    tensor corner = tensor_view(x, 0, SHAPE(1));
    TRY(tensor_read(c, &corner, &first));
    TRY(tensor_read(c, v, host));
    for (size_t i = 0; i < count; i++) {
        if (fault == PLACE)
            host[i] *= 1 + .1f * fabsf(first);
        if (fault == NANS && i == count - 1)
            host[i] = NAN;
        if (fault == NOTHING)
            host[i] = 0;
        if (fault == PAST + calls && i == 0) /* only once */
            host[i] += 1;
    }
    TRY(tensor_write(c, v, host));
out:
    tensor_free(c, &weight);
    free(host);
    return status;
}

static void preflight_finds_faults(void **state)
{
    (void)state;
    static const char *const found[] = {[UNBALANCED] = "antisymmetry",
                                        [PLACE] = "translation",
                                        [ORDER] = "permutation",
                                        [NANS] = "antisymmetry",
                                        [NOTHING] = "antisymmetry",
                                        [PAST] = "",
                                        [FAULTS] = "antisymmetry",
                                        [FAULTS + 1] = "antisymmetry",
                                        [FAULTS + 2] = "equilibrium",
                                        [FAULTS + 3] = "translation",
                                        [FAULTS + 4] = "permutation"};
    static backend broken;
    broken = *ctx->backend;
    honest = ctx->backend;
    broken.field = broken_field;
    for (int i = 0; i < 6 * NORMS; i++) {
        field_args args = training;
        args.normalization = i % NORMS;
        args.variant = i / NORMS % 3;
        args.shape = i / NORMS / 3;
        /* An ablation is not a fault of the device. */
        args.attraction = i % 2 ? 1.5f : 1;
        ctx->backend = honest;
        expect_ok(preflight_run(ctx, &args));
        ctx->backend = &broken;
        for (fault = RIGHT; fault < FAULTS + 5; fault++) {
            calls = 0;
            if (fault == RIGHT || fault == PAST)
                expect_ok(preflight_run(ctx, &args));
            else
                expect_error(preflight_run(ctx, &args), DRIFT_ERROR_DEVICE,
                             found[fault]);
        }
    }
    ctx->backend = honest;
}

/* Rounding under a sharp kernel is no fault. */
static void preflight_takes_sharp_kernels(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * NORMS; i++) {
        field_args args = training;
        args.normalization = i % NORMS;
        args.shape = i / NORMS ? FIELD_GAUSSIAN : FIELD_LAPLACE;
        args.temperatures = 2;
        args.r[0] = .002f;
        args.r[1] = .2f;
        expect_ok(preflight_run(ctx, &args));
    }
}

/* -- guidance -------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* P(alpha <= a) by summing the density, alpha^-k on [1,4]. */
static double share_below(double a, double k)
{
    enum { STEPS = 2000 };
    double below = 0, all = 0;
    for (int i = 0; i < STEPS; i++) {
        double at = 1 + 3 * (i + .5) / STEPS, p = pow(at, -k);
        all += p;
        below += at <= a ? p : 0;
    }
    return below / all;
}

static void guidance_draws(void **state)
{
    (void)state;
    enum { STEPS = 500, SLOTS = 16, DRAWS = STEPS * SLOTS };
    static const float powers[] = {0, 1, 2, 3, 5};
    static float alpha[DRAWS];
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
        guidance_config c = {1, 4, powers[i], 0};
        double worst = 0;
        for (size_t j = 0; j < DRAWS; j++) {
            alpha[j] = guidance_draw(&c, 7, j / SLOTS, j % SLOTS);
            assert_true(alpha[j] >= 1 && alpha[j] <= 4);
        }
        assert_true(alpha[0] != alpha[1] && alpha[0] != alpha[SLOTS]);
        assert_true(alpha[3] == guidance_draw(&c, 7, 0, 3));
        assert_true(alpha[3] != guidance_draw(&c, 8, 0, 3));
        qsort(alpha, DRAWS, sizeof *alpha, by_value);
        for (size_t j = 0; j < DRAWS; j += 50)
            worst = fmax(
                worst, fabs((double)j / DRAWS -
                            share_below((double)alpha[j], (double)powers[i])));
        /* Kolmogorov and Smirnov: 1.95/sqrt(n) once in a thousand. */
        if (!(worst < 1.95 / sqrt(DRAWS)))
            fail_msg("power %g: distribution off by %g", (double)powers[i],
                     worst);
    }
    guidance_config half = {1.5f, 4, 3, .5f};
    size_t ones = 0;
    for (size_t j = 0; j < DRAWS; j++)
        ones += guidance_draw(&half, 7, j / SLOTS, j % SLOTS) == 1;
    assert_true(ones > DRAWS * .48 && ones < DRAWS * .52);
    half.no_cfg_frac = 1;
    assert_true(guidance_draw(&half, 7, 1, 1) == 1);
    assert_true(guidance_alpha(&half, 0, 1) == 1.5f);
}

/* m negatives of weight w are the share g of (1-g) q + g p, alpha = 1/(1-g);
 * n - 1 others stand for q. */
static void guidance_weighs(void **state)
{
    (void)state;
    assert_true(guidance_weight(1, 64, 16) == 0);
    assert_true(guidance_weight(3, 64, 16) == 2.f * 63 / 16);
    assert_true(guidance_weight(2.5f, 9, 0) == 12);
    assert_true(guidance_weight(4, 1, 8) == 0);
    for (float alpha = 1; alpha < 4.1f; alpha += .5f) {
        double w = 32 * (double)guidance_weight(alpha, 64, 32);
        assert_true(fabs(w / (63 + w) - (1 - 1 / (double)alpha)) < 1e-6);
    }
}

/* -- collapse -------------------------------------------------------------- */

static void spread_by_hand(void **state)
{
    (void)state;
    /* Variances over samples: 2 and 8 against 8 and 32; none; 0 of data. */
    static const float gen[] = {1, 4, 3, 8, 5, 5, 5, 5, 1, 2, 3, 4};
    static const float pos[] = {0, 0, 4, 8, 1, 2, 3, 4, 7, 7, 7, 7};
    static const float bad[] = {0};
    float out[6];
    tensor x, y, one;
    make(&x, SHAPE(6, 2), gen);
    make(&y, SHAPE(6, 1, 2), pos);
    make(&one, SHAPE(1), bad);
    expect_ok(spread_measure(ctx, 3, &x, &y, out));
    assert_true(fabsf(out[0] - .5f) < 1e-6f);
    assert_true(out[1] == 0 && isnan(out[2]));
    /* One sample a class has no spread. */
    expect_ok(spread_measure(ctx, 6, &x, &y, out));
    for (int i = 0; i < 6; i++)
        assert_true(isnan(out[i]));
    expect_error(spread_measure(ctx, 0, &x, &y, out), DRIFT_ERROR_SHAPE,
                 "0 entries");
    expect_error(spread_measure(ctx, 4, &x, &y, out), DRIFT_ERROR_SHAPE,
                 "4 entries");
    expect_error(spread_measure(ctx, 1, &x, &one, out), DRIFT_ERROR_SHAPE,
                 "different size");
    tensor_free(ctx, &x);
    tensor_free(ctx, &y);
    tensor_free(ctx, &one);
}

/* Twenty in a row under a tenth: told once, and again after a recovery. */
static void watch_tells_once(void **state)
{
    (void)state;
    collapse_watch w;
    expect_ok(collapse_watch_new(ctx, 2, &w));
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 50; i++) {
            assert_int_equal(collapse_watch_add(&w, 1, .09f), i == 20);
            assert_int_equal(collapse_watch_add(&w, 0, .1f), 0);
            assert_int_equal(collapse_watch_add(&w, 1, NAN), 0);
        }
        assert_int_equal(collapse_watch_add(&w, 1, .1f), 0);
    }
    for (int i = 0; i < 19; i++)
        assert_int_equal(collapse_watch_add(&w, 0, 0), 0);
    assert_int_equal(collapse_watch_add(&w, 0, 1), 0);
    for (int i = 0; i < 19; i++)
        assert_int_equal(collapse_watch_add(&w, 0, 0), 0);
    assert_int_equal(collapse_watch_add(&w, 0, 0), 1);
    assert_int_equal(collapse_watch_add(&w, 2, 0), 0); /* no such class */
    collapse_watch_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_the_reference),
        cmocka_unit_test(field_is_balanced),
        cmocka_unit_test(field_refuses),
        cmocka_unit_test(field_without_weight),
        cmocka_unit_test(field_at_equilibrium),
        cmocka_unit_test(loss_is_the_reference),
        cmocka_unit_test(loss_refuses),
        cmocka_unit_test(preflight_finds_faults),
        cmocka_unit_test(preflight_takes_sharp_kernels),
        cmocka_unit_test(guidance_draws),
        cmocka_unit_test(guidance_weighs),
        cmocka_unit_test(spread_by_hand),
        cmocka_unit_test(watch_tells_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
