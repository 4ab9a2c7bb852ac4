/* The drift loss of a family: groups are (class entry, location); the gradient
 * in the generated features is -2 V / (s G N D). See loss.h. */
#include "drift/loss.h"

#include "base/mem.h"

typedef struct buffers {
    tensor gen, neg, pos, w_neg; /* [G,.,C]; views where F is 1 */
    tensor v, loss, stats;
    int swapped; /* gen, neg, pos are owned */
} buffers;

static void buffers_free(drift_context *ctx, buffers *b)
{
    if (b->swapped) {
        tensor_free(ctx, &b->gen);
        tensor_free(ctx, &b->neg);
        tensor_free(ctx, &b->pos);
    }
    tensor_free(ctx, &b->w_neg);
    tensor_free(ctx, &b->v);
    tensor_free(ctx, &b->loss);
    tensor_free(ctx, &b->stats);
}

/* [Nc*N,F,C] as [Nc*F,N,C]. */
static drift_status group(drift_context *ctx, const tensor *x, size_t entries,
                          tensor *out)
{
    drift_status status = DRIFT_OK;
    const size_t *d = x->shape.dim;
    size_t n = d[0] / entries, f = d[1], c = d[2];
    if (f == 1) {
        *out = tensor_reshape(x, SHAPE(entries, n, c));
        return DRIFT_OK;
    }
    tensor from = tensor_reshape(x, SHAPE(entries, n, f, c));
    TRY(tensor_new(ctx, out, DTYPE_F32, SHAPE(entries * f, n, c)));
    tensor to = tensor_reshape(out, SHAPE(entries, f, n, c));
    TRY(op_swap_fwd(ctx, &to, &from));
out:
    return status;
}

static int fits(const tensor *x, const tensor *gen, size_t entries)
{
    return x->shape.ndim == 3 && x->shape.dim[0] &&
           x->shape.dim[0] % entries == 0 &&
           x->shape.dim[1] == gen->shape.dim[1] &&
           x->shape.dim[2] == gen->shape.dim[2];
}

static drift_status check(drift_context *ctx, const loss_input *in,
                          const tensor *dgen)
{
    if (!in->entries || !fits(in->gen, in->gen, in->entries) ||
        !fits(in->pos, in->gen, in->entries) ||
        (in->neg && !fits(in->neg, in->gen, in->entries)) ||
        !shape_equal(dgen->shape, in->gen->shape))
        return ERROR(ctx, DRIFT_ERROR_SHAPE,
                     "family '%s': shapes do not fit %zu class entries",
                     in->name, in->entries);
    return DRIFT_OK;
}

/* The weight of an entry's negatives, for each of them and each location. */
static drift_status spread_weights(drift_context *ctx, const loss_input *in,
                                   buffers *b)
{
    drift_status status = DRIFT_OK;
    size_t g = b->neg.shape.dim[0], m = b->neg.shape.dim[1];
    size_t f = g / in->entries;
    float *w = mem_alloc(ctx, g * m, sizeof *w);
    if (!w)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < g * m; i++)
        w[i] = in->w_neg[i / (f * m)];
    TRY(tensor_new(ctx, &b->w_neg, DTYPE_F32, SHAPE(g, m)));
    TRY(tensor_write(ctx, &b->w_neg, w));
out:
    mem_free(w);
    return status;
}

/* Unconditional among the effective negatives, mean over entries. */
static double negative_share(const loss_input *in)
{
    double share = 0, n = (double)(in->gen->shape.dim[0] / in->entries) - 1;
    if (!in->neg)
        return 0;
    double m = (double)(in->neg->shape.dim[0] / in->entries);
    for (size_t e = 0; e < in->entries; e++) {
        double weight = m * (double)in->w_neg[e];
        if (weight > 0)
            share += weight / (n + weight);
    }
    return share / (double)in->entries;
}

static int finite_stats(const family_stats *s)
{
    int finite = isfinite(s->loss) && isfinite(s->scale);
    for (int j = 0; j < s->temperatures; j++)
        finite = finite && isfinite(s->raw[j]);
    return finite;
}

static drift_status fetch_stats(drift_context *ctx, const loss_input *in,
                                const field_args *args, const buffers *b,
                                loss_reading *to)
{
    drift_status status = DRIFT_OK;
    int nr = args->temperatures;
    *to = (loss_reading){.stats = {.name = in->name,
                                   .weight = (double)in->weight,
                                   .temperatures = nr,
                                   .negative_share = negative_share(in)},
                         .groups = tensor_count(&b->loss)};
    for (int j = 0; j < nr; j++)
        to->stats.r[j] = args->r[j];
    to->host = mem_alloc(ctx, to->groups + FIELD_STATS(nr), sizeof *to->host);
    if (!to->host)
        return DRIFT_ERROR_MEMORY;
    TRY(tensor_fetch(ctx, &b->loss, to->host, &to->loss));
    TRY(tensor_fetch(ctx, &b->stats, to->host + to->groups, &to->field));
out:
    return status;
}

void loss_reading_free(drift_context *ctx, loss_reading *r)
{
    drift_status loss = fetch_wait(ctx, &r->loss);
    drift_status field = fetch_wait(ctx, &r->field);
    (void)loss;
    (void)field;
    mem_free(r->host);
    *r = (loss_reading){0};
}

drift_status loss_read(drift_context *ctx, loss_reading *r, family_stats *s)
{
    drift_status status = DRIFT_OK;
    const float *field = r->host + r->groups;
    int nr = r->stats.temperatures;
    *s = r->stats;
    TRY(fetch_wait(ctx, &r->loss));
    TRY(fetch_wait(ctx, &r->field));
    for (size_t i = 0; i < r->groups; i++)
        s->loss += (double)r->host[i] / (double)r->groups;
    s->scale = (double)field[FIELD_STAT_SCALE];
    for (int j = 0; j < nr; j++) {
        s->raw[j] = (double)field[FIELD_STAT_RAW(nr, j)];
        s->normed[j] = (double)field[FIELD_STAT_NORMED(nr, j)];
        s->ess[j] = (double)field[FIELD_STAT_ESS(nr, j)];
        s->ess10[j] = (double)field[FIELD_STAT_ESS10(nr, j)];
    }
    if (!finite_stats(s))
        FAIL(ctx, DRIFT_ERROR_NUMBER,
             "the drift of family '%s' is not finite: scale %g, loss %g",
             s->name, s->scale, s->loss);
out:
    loss_reading_free(ctx, r);
    return status;
}

/* dgen = the gradient that V is, back in the order of the samples. */
static drift_status ungroup(drift_context *ctx, const buffers *b,
                            const loss_input *in, const field_args *args,
                            tensor *dgen)
{
    drift_status status = DRIFT_OK;
    const size_t *d = b->v.shape.dim;
    size_t entries = in->entries, f = d[0] / entries, n = d[1], c = d[2];
    tensor to = tensor_reshape(dgen, b->v.shape);
    const tensor *v = &b->v;
    if (f > 1) {
        tensor from = tensor_reshape(v, SHAPE(entries, f, n, c));
        to = tensor_reshape(dgen, SHAPE(entries, n, f, c));
        TRY(op_swap_fwd(ctx, &to, &from));
        v = &to;
    }
    TRY(op_field_gradient(
        ctx, &to, v, &b->stats, *args,
        (float)(-2 * (double)in->weight / (double)tensor_count(&b->v))));
out:
    return status;
}

drift_status loss_family(drift_context *ctx, const loss_input *in,
                         const field_args *args, size_t memory, tensor *dgen,
                         loss_reading *reading)
{
    drift_status status = DRIFT_OK;
    buffers b = {0};
    *reading = (loss_reading){0};
    size_t e = in->entries;
    int nr = args->temperatures;
    TRY(check(ctx, in, dgen));
    size_t g = e * in->gen->shape.dim[1];
    b.swapped = in->gen->shape.dim[1] > 1;
    TRY(group(ctx, in->gen, e, &b.gen));
    TRY(group(ctx, in->pos, e, &b.pos));
    if (in->neg) {
        TRY(group(ctx, in->neg, e, &b.neg));
        TRY(spread_weights(ctx, in, &b));
    }
    TRY(tensor_new(ctx, &b.v, DTYPE_F32, b.gen.shape));
    TRY(tensor_new(ctx, &b.loss, DTYPE_F32, SHAPE(g)));
    TRY(tensor_new(ctx, &b.stats, DTYPE_F32, SHAPE(FIELD_STATS(nr))));
    TRY(op_field(ctx, &b.v, &b.loss, &b.stats, &b.gen, NULL,
                 in->neg ? &b.neg : NULL, &b.pos, NULL,
                 in->neg ? &b.w_neg : NULL, NULL, *args, memory));
    TRY(ungroup(ctx, &b, in, args, dgen));
    TRY(fetch_stats(ctx, in, args, &b, reading));
out:
    buffers_free(ctx, &b);
    return status;
}
