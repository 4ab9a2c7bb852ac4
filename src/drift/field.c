/* The public drift_field: op_field on arrays of the host. */
#include "drift/field.h"

#include "base/context.h"
#include "base/mem.h"

_Static_assert((int)DRIFT_FIELD_TOY == FIELD_TOY &&
                   (int)DRIFT_FIELD_GAUSSIAN == FIELD_GAUSSIAN &&
                   (int)DRIFT_FIELD_SINKHORN == FIELD_SINKHORN &&
                   DRIFT_FIELD_TEMPERATURES == FIELD_MAX_R,
               "drift.h and args.h count alike");

void drift_field_defaults(drift_field_options *options)
{
    *options = (drift_field_options){.temperature_count = 3,
                                     .temperatures = {.02f, .05f, .2f},
                                     .attraction = 1,
                                     .repulsion = 1,
                                     .scale_features = 1,
                                     .scale_drift = 1,
                                     .memory = (size_t)256 << 20};
}

typedef struct tensors {
    tensor x, gen, neg, pos, w_gen, w_neg, w_pos, v, loss, stats;
} tensors;

static drift_status copy_in(drift_context *ctx, tensor *t, shape s,
                            const float *host)
{
    drift_status status = tensor_new(ctx, t, DTYPE_F32, s);
    return status == DRIFT_OK ? tensor_write(ctx, t, host) : status;
}

static drift_status add_set(drift_context *ctx, const drift_field_sets *s,
                            const char *name, const float *points,
                            const float *weight, size_t count, tensor *t,
                            tensor *w)
{
    drift_status status = DRIFT_OK;
    if (!points != !count)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "drift_field: %s: %zu points %s", name,
             count, points ? "with an array" : "without an array");
    if (!points && weight)
        FAIL(ctx, DRIFT_ERROR_SHAPE, "drift_field: %s: weights of no points",
             name);
    for (size_t i = 0; weight && i < s->groups * count; i++)
        if (!(weight[i] >= 0 && weight[i] < INFINITY))
            FAIL(ctx, DRIFT_ERROR_SHAPE,
                 "drift_field: %s: weight %zu is %g, not finite or negative",
                 name, i, (double)weight[i]);
    if (points)
        TRY(copy_in(ctx, t, SHAPE(s->groups, count, s->dimension), points));
    if (weight)
        TRY(copy_in(ctx, w, SHAPE(s->groups, count), weight));
out:
    return status;
}

static field_args args_of(const drift_field_options *o, int own)
{
    field_args a = {.variant = (int)o->variant,
                    .shape = (int)o->kernel,
                    .normalization = (int)o->normalization,
                    .temperatures = o->temperature_count,
                    .attraction = o->attraction,
                    .repulsion = o->repulsion,
                    .scale_features = o->scale_features,
                    .scale_drift = o->scale_drift,
                    .queries_are_targets = !own};
    for (int j = 0; j < FIELD_MAX_R; j++)
        a.r[j] = o->temperatures[j];
    return a;
}

static drift_status make_report(drift_context *ctx, const tensors *t,
                                const field_args *args,
                                drift_field_report *report)
{
    drift_status status = DRIFT_OK;
    int nr = args->temperatures;
    size_t g = tensor_count(&t->loss);
    float stats[FIELD_STATS(FIELD_MAX_R)];
    float *loss = mem_alloc(ctx, g, sizeof *loss);
    if (!loss)
        return DRIFT_ERROR_MEMORY;
    *report = (drift_field_report){0};
    TRY(tensor_read(ctx, &t->stats, stats));
    TRY(tensor_read(ctx, &t->loss, loss));
    report->scale = (double)stats[FIELD_STAT_SCALE];
    for (int j = 0; j < nr; j++) {
        report->drift[j] = (double)stats[FIELD_STAT_RAW(nr, j)];
        report->ess[j] = (double)stats[FIELD_STAT_ESS(nr, j)];
        report->ess10[j] = (double)stats[FIELD_STAT_ESS10(nr, j)];
    }
    for (size_t i = 0; i < g; i++)
        report->loss += (double)loss[i] / (double)g;
out:
    mem_free(loss);
    return status;
}

static const tensor *given(const tensor *t)
{
    return t->block ? t : NULL;
}

drift_status drift_field(drift_context *ctx, const drift_field_options *options,
                         const drift_field_sets *sets, float *v,
                         drift_field_report *report)
{
    drift_status status = DRIFT_OK;
    const drift_field_sets *s = sets;
    tensors t = {0};
    int own = s->queries != NULL;
    if (!s->groups || !s->dimension || !s->pos || !v ||
        (own ? !s->query_count : !s->gen || s->query_count))
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "drift_field: groups, dimension, queries or gen, pos and v must "
             "be given");
    if (options->temperature_count < 1 ||
        options->temperature_count > FIELD_MAX_R)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "drift_field: %d temperatures, allowed are 1 to %d",
             options->temperature_count, FIELD_MAX_R);
    field_args args = args_of(options, own);
    TRY(add_set(ctx, s, "gen", s->gen, s->gen_weight, s->gen_count, &t.gen,
                &t.w_gen));
    TRY(add_set(ctx, s, "neg", s->neg, s->neg_weight, s->neg_count, &t.neg,
                &t.w_neg));
    TRY(add_set(ctx, s, "pos", s->pos, s->pos_weight, s->pos_count, &t.pos,
                &t.w_pos));
    if (own)
        TRY(copy_in(ctx, &t.x, SHAPE(s->groups, s->query_count, s->dimension),
                    s->queries));
    const tensor *x = own ? &t.x : &t.gen;
    TRY(tensor_new(ctx, &t.v, DTYPE_F32, x->shape));
    TRY(tensor_new(ctx, &t.loss, DTYPE_F32, SHAPE(s->groups)));
    TRY(tensor_new(ctx, &t.stats, DTYPE_F32,
                   SHAPE(FIELD_STATS(args.temperatures))));
    TRY(op_field(ctx, &t.v, &t.loss, &t.stats, x, given(&t.gen), given(&t.neg),
                 &t.pos, given(&t.w_gen), given(&t.w_neg), given(&t.w_pos),
                 args, options->memory));
    TRY(tensor_read(ctx, &t.v, v));
    if (report)
        TRY(make_report(ctx, &t, &args, report));
out:
    for (size_t i = 0; i < sizeof t / sizeof(tensor); i++)
        tensor_free(ctx, (tensor *)&t + i);
    return status;
}
