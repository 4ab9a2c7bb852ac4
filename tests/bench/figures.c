/* What figures of 2048 features cost: those of the inception network. Inputs
 * are normal features; shares are of sgemm's peak, though products of kernel
 * distances and moments are in double. */
#include "base/mem.h"
#include "bench.h"
#include "eval/frechet.h"
#include "eval/kid.h"
#include "eval/manifold.h"

enum { N = 10000, D = 2048, SUBSETS = 10, SUBSET = 1000 };

/* All features of a set and then its moments, as a pass over images makes
 * them. */
static drift_status make_moments(drift_context *ctx, const float *x, moments *m)
{
    drift_status status = DRIFT_OK;
    moments_free(m);
    TRY(moments_new(ctx, D, m));
    TRY(moments_add(ctx, m, x, N));
    TRY(moments_finish(ctx, m));
out:
    return status;
}

static void run(bench *b, const float *x, const float *y)
{
    drift_context *ctx = bench_context(b);
    double n = N, d = D, s = SUBSET, out;
    moments first = {0}, second = {0};
    kid_result kid;
    manifold_result near;
    bench_need(b, make_moments(ctx, y, &second));
    BENCH(b, "figures.moments", 2 * n * d * d, 0, make_moments(ctx, x, &first));
    bench_need(b, make_moments(ctx, x, &first));
#ifdef HAVE_LAPACK
    BENCH(b, "figures.frechet", 0, 0,
          frechet_distance(ctx, &first, &second, &out));
#else
    (void)out;
#endif
    BENCH(b, "figures.kernel", SUBSETS * 6 * s * s * d, 0,
          kid_subsets(ctx, x, N, y, N, D, SUBSETS, SUBSET, 1, &kid));
    bench_watch_memory();
    BENCH(b, "figures.manifold", 6 * n * n * d, 0,
          manifold(ctx, x, N, y, N, D, 3, 5, &near));
    if (bench_wants(b, "figures.manifold"))
        bench_tell_memory("figures.manifold");
    moments_free(&first);
    moments_free(&second);
}

void bench_figures(bench *b)
{
    rng_stream s = {1, RNG_TEST, 0};
    if (!bench_wants(b, "figures."))
        return;
    float *x = mem_alloc(NULL, 2 * (size_t)N, D * sizeof *x);
    if (!x)
        bench_need(b, DRIFT_ERROR_MEMORY);
    for (size_t i = 0; i < 2 * (size_t)N * D; i++)
        x[i] = rng_normal(s, i);
    run(b, x, x + (size_t)N * D);
    mem_free(x);
}
