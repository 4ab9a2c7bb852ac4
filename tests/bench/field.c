/* The drifting field. Products: the distances, once when they are kept and
 * three times when not, and one for each temperature. */
#include <stdio.h>

#include "base/threads.h"
#include "bench.h"
#include "ops/field.h"

#define ALLOWED ((size_t)256 << 20)

typedef struct setting {
    const char *name;
    size_t g, n, p, d; /* N generated and P real samples in G groups */
    int passes;        /* over the distances */
    int variant, normalization;
} setting;

static const setting settings[] = {
    {"field.10x64-256x784", 10, 64, 256, 784, 1, FIELD_RELEASE, FIELD_XY},
    {"field.10x64-256x784-separate", 10, 64, 256, 784, 1, FIELD_RELEASE,
     FIELD_SEPARATE},
    {"field.64x64-64x1024", 64, 64, 64, 1024, 1, FIELD_RELEASE, FIELD_XY},
    {"field.2048-8192x784", 1, 2048, 8192, 784, 1, FIELD_RELEASE, FIELD_XY},
    {"field.8192-32768x16", 1, 8192, 32768, 16, 3, FIELD_RELEASE, FIELD_XY},
    {"field.toy-2048-2048x2", 1, 2048, 2048, 2, 1, FIELD_TOY, FIELD_XY}};

/* Bytes of memory that the process takes beyond what it holds now, while the
 * op runs. */
static void print_memory(const char *name, drift_status (*call)(void *),
                         void *arg)
{
    size_t before = memory_resident();
    if (!bench_watch_memory() || call(arg) != DRIFT_OK)
        return;
    size_t peak = memory_peak();
    fprintf(stderr, "%s: %.0f MiB beyond its inputs\n", name,
            peak > before ? (double)(peak - before) / 1048576 : 0.0);
}

typedef struct call {
    drift_context *ctx;
    tensor *v, *loss, *stats, *x, *pos;
    field_args args;
} call;

static drift_status run(void *arg)
{
    call *c = arg;
    return op_field(c->ctx, c->v, c->loss, c->stats, c->x, NULL, NULL, c->pos,
                    NULL, NULL, NULL, c->args, ALLOWED);
}

void bench_field(bench *b)
{
    drift_context *ctx = bench_context(b);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const setting *s = &settings[i];
        if (!bench_wants(b, s->name))
            continue;
        call c = {.ctx = ctx,
                  .args = {.variant = s->variant,
                           .normalization = s->normalization,
                           .temperatures = s->variant == FIELD_TOY ? 1 : 3,
                           .r = {.02f, .05f, .2f},
                           .attraction = 1,
                           .repulsion = 1,
                           .scale_features = 1,
                           .scale_drift = 1,
                           .queries_are_targets = 1}};
        int nr = c.args.temperatures;
        double pairs = (double)s->g * (double)s->n * (double)(s->n + s->p);
        double flops = s->d < 8 ? 0 : 2 * pairs * (double)s->d;
        c.x = bench_tensor(b, SHAPE(s->g, s->n, s->d));
        c.pos = bench_tensor(b, SHAPE(s->g, s->p, s->d));
        c.v = bench_tensor(b, SHAPE(s->g, s->n, s->d));
        c.loss = bench_tensor(b, SHAPE(s->g));
        c.stats = bench_tensor(b, SHAPE(FIELD_STATS(nr)));
        pool_trim(ctx);
        print_memory(s->name, run, &c);
        BENCH(b, s->name, flops * (s->passes + nr), 0, run(&c));
        bench_free(b);
    }
}
