/* eval: what scores of samples are by the libraries that others compute them
 * with: FID, KID, Inception Score, precision and recall, and the generator
 * that draws their subsets. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "eval/frechet.h"
#include "eval/inception_score.h"
#include "eval/kid.h"
#include "eval/manifold.h"
#include "eval/mt19937.h"
#include "formula.h"
#include "golden.h"

typedef struct set {
    const float *x;
    size_t n, d;
} set;

static set set_of(golden *g, const char *name)
{
    const array *a = golden_find(g, "%s", name);
    return a ? (set){a->data, a->dim[0], a->dim[1]} : (set){0};
}

static drift_status near_one(golden *g, double got, const char *group,
                             const char *name)
{
    return golden_near_host(g, &got, 1, "%s.%s", group, name);
}

/* -- the generator -------------------------------------------------------- */

static drift_status same_order(golden *g, mt19937 *r, size_t n, size_t count,
                               double *got)
{
    uint32_t *order = mem_alloc(g->ctx, n, sizeof *order);
    if (!order)
        return DRIFT_ERROR_MEMORY;
    mt19937_permutation(r, n, order);
    for (size_t i = 0; i < count; i++)
        got[i] = order[i];
    mem_free(order);
    return DRIFT_OK;
}

static drift_status check_generator(golden *g)
{
    static const struct {
        const char *name;
        uint32_t seed;
        size_t n, count, times;
    } draws[] = {{"rng.permutation.0.7", 0, 7, 7, 1},
                 {"rng.permutation.2020.10", 2020, 10, 10, 1},
                 {"rng.permutation.2020.1000", 2020, 1000, 1000, 1},
                 {"is.perm2020", 2020, 503, 503, 1},
                 {"rng.choice.2020.50.8", 2020, 50, 8, 3}};
    drift_status status = DRIFT_OK;
    double got[1000];
    mt19937 r;
    mt19937_seed(&r, 2020);
    for (int i = 0; i < 16; i++)
        got[i] = mt19937_next(&r);
    TRY(golden_absolute(g, got, 16, 0, "rng.u32.2020"));
    for (size_t k = 0; k < sizeof draws / sizeof *draws; k++) {
        size_t count = draws[k].count;
        mt19937_seed(&r, draws[k].seed);
        for (size_t i = 0; i < draws[k].times; i++)
            TRY(same_order(g, &r, draws[k].n, count, got + i * count));
        TRY(golden_absolute(g, got, draws[k].times * count, 0, "%s",
                            draws[k].name));
    }
    mt19937_seed(&r, 2020);
    TRY(same_order(g, &r, 500, 100, got));
    TRY(golden_absolute(g, got, 100, 0, "kid.subset0_real"));
    TRY(same_order(g, &r, 400, 100, got));
    TRY(golden_absolute(g, got, 100, 0, "kid.subset0_gen"));
out:
    return status;
}

/* -- FID ------------------------------------------------------------------ */

static drift_status moments_of(golden *g, const float *x, size_t n, size_t d,
                               moments *m)
{
    drift_status status = DRIFT_OK;
    TRY(moments_new(g->ctx, d, m));
    TRY(moments_add(g->ctx, m, x, n));
    TRY(moments_finish(g->ctx, m));
out:
    return status;
}

/* The distance and what it is made of: the others' sums, means and traces. */
static drift_status check_parts(golden *g, const char *group, const moments *a,
                                const moments *b, double *fid)
{
    drift_status status = DRIFT_OK;
    double gap = 0, root;
    for (size_t i = 0; i < a->d; i++)
        gap += (a->mean[i] - b->mean[i]) * (a->mean[i] - b->mean[i]);
    TRY(frechet_distance(g->ctx, a, b, fid));
    root = (gap + moments_trace(a) + moments_trace(b) - *fid) / 2;
    TRY(near_one(g, gap, group, "mean_term"));
    TRY(near_one(g, moments_trace(a), group, "tr1"));
    TRY(near_one(g, moments_trace(b), group, "tr2"));
    TRY(near_one(g, root, group, "trace_term"));
out:
    return status;
}

static drift_status check_full_rank(golden *g, set real, set gen)
{
    static const char *const libraries[] = {
        "svd",         "sym_eig",     "pytorch_fid",
        "cleanfid",    "eigvals",     "torch_fidelity_f32_features",
        "scipy_sqrtm", "torchmetrics"};
    drift_status status = DRIFT_OK;
    moments a = {0}, b = {0};
    double fid, diagonal[64];
    TRY(moments_of(g, real.x, real.n, real.d, &a));
    TRY(moments_of(g, gen.x, gen.n, gen.d, &b));
    for (size_t i = 0; i < real.d; i++)
        diagonal[i] = a.covariance[i * real.d + i];
    TRY(golden_near_host(g, a.mean, real.d, "real.mu"));
    TRY(golden_near_host(g, diagonal, real.d, "real.sigma_diag"));
    TRY(golden_near_host(g, a.covariance, real.d, "real.sigma_row0"));
    TRY(golden_near_host(g, b.mean, real.d, "gen.mu"));
    TRY(near_one(g, moments_trace(&b), "gen", "sigma_trace"));
    TRY(check_parts(g, "fid", &a, &b, &fid));
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        TRY(near_one(g, fid, "fid", libraries[i]));
    TRY(frechet_distance(g->ctx, &a, &a, &fid));
    TRY(golden_absolute(g, &fid, 1, 1e-9, "fid_self.svd"));
    TRY(golden_absolute(g, &fid, 1, 1e-9, "fid_self.sym_eig"));
out:
    moments_free(&a);
    moments_free(&b);
    return status;
}

/* Fewer samples than features, by formula: n rows of 2048, each scaled. */
static drift_status check_deficient(golden *g)
{
    enum { N = 300, D = 2048 };
    static const struct {
        const char *key;
        double low, high;
    } sets[] = {{"eval.big1", -0.7, 1.3}, {"eval.big2", -0.6, 1.5}};
    static const size_t at[2][3] = {{0, D + 5, N * D - 1},
                                    {0, 7 * D + 9, N * D - 1}};
    drift_status status = DRIFT_OK;
    moments m[2] = {{0}};
    double fid, some[6];
    float *x = mem_alloc(g->ctx, (size_t)N * D, sizeof *x);
    if (!x)
        return DRIFT_ERROR_MEMORY;
    for (size_t k = 0; k < 2; k++) {
        uint64_t key = formula_key(golden_meta(g, "salt"), sets[k].key);
        for (size_t i = 0; i < N * D; i++)
            x[i] = fmaxf(formula_value(key, i, sets[k].low, sets[k].high), 0) *
                   (float)(i / D % 4 + 1) * 0.25f;
        for (size_t i = 0; i < 3; i++)
            some[3 * k + i] = (double)x[at[k][i]];
        TRY(moments_of(g, x, N, D, &m[k]));
    }
    TRY(golden_near_host(g, some, 6, "big.check"));
    TRY(check_parts(g, "fid_2048_rank_deficient", &m[0], &m[1], &fid));
    TRY(near_one(g, fid, "fid_2048_rank_deficient", "svd"));
    TRY(near_one(g, fid, "fid_2048_rank_deficient", "sym_eig"));
    /* They read low: noise where there is no variance. */
    golden_ignore(g, "fid_2048_rank_deficient.*");
out:
    moments_free(&m[0]);
    moments_free(&m[1]);
    mem_free(x);
    return status;
}

/* -- KID, IS -------------------------------------------------------------- */

static drift_status check_kid(golden *g, set real, set gen)
{
    drift_status status = DRIFT_OK;
    kid_result r;
    TRY(kid_subsets(g->ctx, real.x, real.n, gen.x, gen.n, real.d, 1, 0, 2020,
                    &r));
    TRY(near_one(g, r.mean, "kid", "full_unbiased"));
    TRY(kid_subsets(g->ctx, real.x, real.n, real.x, real.n, real.d, 1, 0, 2020,
                    &r));
    TRY(near_one(g, r.mean, "kid", "self_full"));
    TRY(kid_subsets(g->ctx, real.x, real.n, gen.x, gen.n, real.d, 1, 100, 2020,
                    &r));
    TRY(near_one(g, r.mean, "kid", "subset0"));
    TRY(kid_subsets(g->ctx, real.x, real.n, gen.x, gen.n, real.d, 20, 100, 2020,
                    &r));
    TRY(near_one(g, r.mean, "kid", "torch_fidelity_20x100_f64_mean"));
    TRY(near_one(g, r.deviation, "kid", "torch_fidelity_20x100_f64_std"));
    golden_ignore(g, "kid.torch_fidelity_20x100_f32_mean"); /* rounded */
out:
    return status;
}

/* Samples come in two batches. */
static drift_status score_of(golden *g, set logits, size_t splits, int64_t seed,
                             double *mean, double *deviation)
{
    drift_status status = DRIFT_OK;
    inception_score s = {0};
    size_t half = logits.n / 2;
    TRY(inception_score_new(g->ctx, logits.n, logits.d, splits, seed, &s));
    inception_score_add(&s, 0, logits.x, half);
    inception_score_add(&s, half, logits.x + half * logits.d, logits.n - half);
    inception_score_finish(&s, mean, deviation);
out:
    inception_score_free(&s);
    return status;
}

static drift_status check_score(golden *g, set logits)
{
    drift_status status = DRIFT_OK;
    double mean, deviation;
    TRY(score_of(g, logits, 1, -1, &mean, &deviation));
    TRY(near_one(g, mean, "is", "splits1"));
    TRY(score_of(g, logits, 10, -1, &mean, &deviation));
    TRY(near_one(g, mean, "is", "splits10_noshuffle_mean"));
    TRY(near_one(g, deviation, "is", "splits10_noshuffle_std"));
    TRY(score_of(g, logits, 10, 2020, &mean, &deviation));
    TRY(near_one(g, mean, "is", "splits10_perm2020_mean"));
    TRY(near_one(g, deviation, "is", "splits10_perm2020_std"));
    TRY(near_one(g, mean, "is", "torch_fidelity_mean"));
    TRY(near_one(g, deviation, "is", "torch_fidelity_std"));
    /* Other cuts into parts, which are not offered. */
    golden_ignore(g, "is.splits10_perm2020_floor_*");
    golden_ignore(g, "is.torchmetrics_*");
out:
    return status;
}

/* -- precision and recall ------------------------------------------------- */

static drift_status check_radii(golden *g, set s, size_t k, const char *name)
{
    drift_status status = DRIFT_OK;
    float *nearest = mem_alloc(g->ctx, s.n, k * sizeof *nearest);
    double *radius = mem_alloc(g->ctx, s.n, sizeof *radius);
    if (!nearest || !radius) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(manifold_nearest(g->ctx, s.x, s.n, s.d, k, nearest));
    for (size_t i = 0; i < s.n; i++)
        radius[i] = (double)nearest[i * k + k - 1];
    TRY(golden_near_host(g, radius, s.n, "pr%zu.%s", k, name));
out:
    mem_free(nearest);
    mem_free(radius);
    return status;
}

static drift_status check_manifold(golden *g, set real, set gen, size_t k,
                                   const char *group)
{
    drift_status status = DRIFT_OK;
    manifold_result r;
    TRY(manifold(g->ctx, real.x, real.n, gen.x, gen.n, real.d, k, k, &r));
    TRY(golden_absolute(g, &r.precision, 1, 1e-12, "%s.precision", group));
    TRY(golden_absolute(g, &r.recall, 1, 1e-12, "%s.recall", group));
    TRY(golden_absolute(g, &r.density, 1, 1e-12, "%s.density", group));
    TRY(golden_absolute(g, &r.coverage, 1, 1e-12, "%s.coverage", group));
    TRY(near_one(g, r.precision, group, "prdc_precision"));
    TRY(near_one(g, r.recall, group, "prdc_recall"));
    TRY(near_one(g, r.density, group, "prdc_density"));
    TRY(near_one(g, r.coverage, group, "prdc_coverage"));
    TRY(near_one(g, r.precision, group, "torch_fidelity_precision"));
    TRY(near_one(g, r.recall, group, "torch_fidelity_recall"));
out:
    return status;
}

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    set real = set_of(g, "real"), gen = set_of(g, "gen");
    set real8 = set_of(g, "real8"), gen8 = set_of(g, "gen8");
    TRY(check_generator(g));
    TRY(check_full_rank(g, real, gen));
    TRY(check_deficient(g));
    TRY(check_kid(g, real, gen));
    TRY(check_score(g, set_of(g, "logits")));
    for (size_t k = 3; k <= 5; k += 2) {
        TRY(check_radii(g, real, k, "real_radius"));
        TRY(check_radii(g, gen, k, "gen_radius"));
        TRY(check_manifold(g, real, gen, k, k == 3 ? "pr_k3" : "pr_k5"));
        TRY(check_manifold(g, real8, gen8, k, k == 3 ? "pr8_k3" : "pr8_k5"));
    }
out:
    return status;
}

const golden_family check_eval[] = {{"eval.safetensors", check_file, 1e-6},
                                    {0}};
