/* trainstep_*: one whole training step of the release: weights of the
 * guidance, samples, families, field and loss, the gradient in the generator's
 * parameters, and the step of the optimizer from the gradient in the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift/guidance.h"
#include "drift/loss.h"
#include "nn/foreign.h"
#include "release.h"
#include "train/optimizer.h"

/* Suggested beside g->limit; p and ema as step_*, and the gradient ten times
 * nearer than suggested. The norm is that of the gradient in the file. */
#define SAMPLE_LIMIT 1e-5
#define LOSS_LIMIT   1e-4
#define SCALE_LIMIT  2e-3
#define RAW_LIMIT    5e-3
#define GRAD_LIMIT   1e-4
#define KINK_LIMIT   2.5e-3
#define STEP_LIMIT   2e-6
#define NUDGE        0x1p-23f

#define ENTRIES 64
#define MEMORY  ((size_t)256 << 20)

/* Number e of `from` for each of the n samples of class entry e. */
static drift_status repeat(golden *g, const char *name, size_t samples,
                           tensor **out)
{
    drift_status status = DRIFT_OK;
    tensor *from, *one;
    TRY(golden_load(g, &from, NULL, "%s", name));
    size_t entries = tensor_count(from), n = samples / entries;
    tensor column = tensor_reshape(from, SHAPE(entries, 1));
    TRY(golden_output(g, &one, SHAPE(entries, n, 1)));
    TRY(op_expand_fwd(g->ctx, one, &column));
    one->type = from->type; /* four bytes are moved, whatever they mean */
    one->shape = SHAPE(entries * n, 1);
    *out = one;
out:
    return status;
}

typedef struct step {
    golden *golden;
    generator *net;
    encoder *encoder;
    tape *tape, *real;
    features gen, pos, neg; /* of the tapes' samples */
    size_t entries;
    float w_neg[ENTRIES];
    field_args args;
} step;

static drift_status check_guidance(step *s)
{
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    double *u, *u2, alphas[ENTRIES], weights[ENTRIES], limit = g->limit;
    tensor *noise, *neg;
    guidance_config cfg = {strtof(golden_meta(g, "cfg_min"), NULL),
                           strtof(golden_meta(g, "cfg_max"), NULL),
                           strtof(golden_meta(g, "neg_cfg_pw"), NULL),
                           strtof(golden_meta(g, "no_cfg_frac"), NULL)};
    TRY(golden_load(g, &noise, NULL, "noise"));
    TRY(golden_load(g, &neg, NULL, "neg"));
    TRY(golden_numbers(g, &u, &s->entries, "u"));
    TRY(golden_numbers(g, &u2, NULL, "u2"));
    if (s->entries > ENTRIES)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "more than %d entries", ENTRIES);
    for (size_t e = 0; e < s->entries; e++) {
        float alpha = guidance_alpha(&cfg, (float)u[e], (float)u2[e]);
        s->w_neg[e] = guidance_weight(alpha, noise->shape.dim[0] / s->entries,
                                      neg->shape.dim[1]);
        alphas[e] = (double)alpha;
        weights[e] = (double)s->w_neg[e];
    }
    g->limit = SAMPLE_LIMIT;
    TRY(golden_near_host(g, alphas, s->entries, "alpha"));
    TRY(golden_near_host(g, weights, s->entries, "w_neg"));
out:
    g->limit = limit;
    return status;
}

static drift_status samples(step *s, var **y)
{
    golden *g = s->golden;
    generator *net = s->net;
    drift_status status = DRIFT_OK;
    tensor *noise, *style, *label, *alpha;
    TRY(golden_load(g, &noise, NULL, "noise"));
    TRY(golden_load(g, &style, NULL, "style_idx"));
    TRY(repeat(g, "labels", noise->shape.dim[0], &label));
    TRY(repeat(g, "alpha", noise->shape.dim[0], &alpha));
    generator_input in = {
        .noise = noise, .label = label, .alpha = alpha, .style = style};
    *y = generator_forward(net, s->tape, &net->params.value, &in);
    TRY(tape_status(s->tape));
out:
    return status;
}

static drift_status check_samples(step *s)
{
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    double limit = g->limit;
    var *y;
    TRY(samples(s, &y));
    g->limit = SAMPLE_LIMIT;
    TRY(golden_near(g, &y->value, NULL, "samples"));
out:
    g->limit = limit;
    return status;
}

/* Of samples [entries,n,h,w,c]. */
static drift_status real_families(step *s, const char *name, features *f)
{
    drift_status status = DRIFT_OK;
    tensor *x;
    TRY(golden_load(s->golden, &x, NULL, "%s", name));
    const size_t *d = x->shape.dim;
    tensor flat = tensor_reshape(x, SHAPE(d[0] * d[1], d[2], d[3], d[4]));
    release_families(s->encoder, s->real, tape_constant(s->real, &flat), f);
    TRY(tape_status(s->real));
out:
    return status;
}

/* Is this family among those of the step? */
static int is_used(golden *g, const char *name)
{
    char quoted[FEATURE_NAME + 3];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    return strstr(golden_meta(g, "features"), quoted) != NULL;
}

/* Loss of family i; its gradient becomes a seed. */
static drift_status family_loss(step *s, size_t i, family_stats *stats)
{
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    const feature *one = &s->gen.list[i];
    loss_input in = {one->name,
                     1,
                     s->entries,
                     &one->value->value,
                     &s->pos.list[i].value->value,
                     &s->neg.list[i].value->value,
                     s->w_neg};
    loss_reading reading;
    tensor *dgen;
    TRY(golden_output(g, &dgen, in.gen->shape));
    TRY(loss_family(g->ctx, &in, &s->args, MEMORY, dgen, &reading));
    TRY(loss_read(g->ctx, &reading, stats));
    tape_seed(s->tape, one->value, dgen);
out:
    return status;
}

/* The step up to the gradient; the encoder sees the samples times 1 + nudge.
 * `report`: compare what there is on the way. */
static drift_status run(step *s, float nudge, int report)
{
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    double total = 0, limit = g->limit;
    family_stats stats;
    var *y;
    features_free(&s->gen);
    tape_reset(s->tape, 1);
    TRY(op_fill(g->ctx, &s->net->params.grad, 0));
    TRY(samples(s, &y));
    release_families(s->encoder, s->tape,
                     tape_add(s->tape, y, NULL, 1 + nudge, 0), &s->gen);
    TRY(tape_status(s->tape));
    for (size_t i = 0; i < s->gen.count; i++) {
        const char *name = s->gen.list[i].name;
        if (!is_used(g, name))
            continue;
        TRY(family_loss(s, i, &stats));
        total += stats.loss;
        if (!report)
            continue;
        g->limit = SCALE_LIMIT;
        TRY(golden_near_host(g, &stats.scale, 1, "scale.%s", name));
        g->limit = RAW_LIMIT;
        TRY(golden_near_host(g, stats.raw, (size_t)stats.temperatures,
                             "loss_R.%s", name));
    }
    g->limit = LOSS_LIMIT;
    if (report) {
        TRY(golden_near_host(g, &total, 1, "loss"));
        TRY(golden_near_host(g, &total, 1, "loss_f64"));
    }
    TRY(tape_backward(s->tape));
out:
    g->limit = limit;
    return status;
}

/* PREFIX.NAME of every piece -> the flat gradient. */
static drift_status set_gradient(golden *g, generator *net,
                                 const foreign_piece *pieces, size_t count)
{
    drift_status status = DRIFT_OK;
    TRY(op_fill(g->ctx, &net->params.grad, 0));
    for (size_t i = 0; i < count; i++) {
        tensor *from, to = foreign_view(net, &net->params.grad, &pieces[i]);
        TRY(golden_load(g, &from, NULL, "grad.%s", pieces[i].name));
        tensor same = tensor_reshape(from, to.shape);
        TRY(op_add_fwd(g->ctx, &to, &same, NULL, 1, 0));
    }
out:
    return status;
}

static drift_status compare(golden *g, generator *net, const tensor *flat,
                            const char *set, const foreign_piece *pieces,
                            size_t count)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < count; i++) {
        tensor view = foreign_view(net, flat, &pieces[i]);
        TRY(golden_near(g, &view, NULL, "%s.%s", set, pieces[i].name));
    }
out:
    return status;
}

/* The step at AdamW's count 0, where the betas cancel. */
static drift_status check_optimizer(golden *g, generator *net)
{
    optimizer_config c = {.lr = strtod(golden_meta(g, "lr0"), NULL),
                          .schedule = SCHEDULE_CONSTANT,
                          .total_steps = 1,
                          .beta1 = .9,
                          .beta2 = .95,
                          .eps = 1e-8,
                          .weight_decay =
                              strtod(golden_meta(g, "weight_decay"), NULL),
                          .clip_norm = strtod(golden_meta(g, "clip"), NULL),
                          .ema = {strtof(golden_meta(g, "ema"), NULL)},
                          .ema_count = 1};
    drift_status status = DRIFT_OK;
    foreign_piece *pieces = NULL;
    size_t count;
    optimizer o = {0};
    double limit = g->limit;
    TRY(foreign_pieces(net, FOREIGN_FLAX, &pieces, &count));
    TRY(set_gradient(g, net, pieces, count));
    TRY(optimizer_new(g->ctx, &net->params, &c, &o));
    TRY(optimizer_norms(&o));
    TRY(optimizer_read(&o));
    g->limit = STEP_LIMIT;
    TRY(golden_near_host(g, &o.grad_norm, 1, "g_norm"));
    TRY(optimizer_step(&o, 0));
    TRY(compare(g, net, &net->params.value, "p1", pieces, count));
    TRY(compare(g, net, &o.ema[0], "ema1", pieces, count));
out:
    g->limit = limit;
    optimizer_free(&o);
    free(pieces);
    return status;
}

/* The worst error of the gradient's tensors. */
static drift_status gradient_error(step *s, const foreign_piece *pieces,
                                   size_t count, double *worst)
{
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    float *x = NULL;
    *worst = 0;
    for (size_t i = 0; i < count; i++) {
        tensor view = foreign_view(s->net, &s->net->params.grad, &pieces[i]);
        size_t n = tensor_count(&view);
        double *want, error = 0, size = 0;
        free(x);
        x = malloc((n + 1) * sizeof *x);
        if (!x)
            FAIL(g->ctx, DRIFT_ERROR_MEMORY, "out of memory");
        TRY(golden_numbers(g, &want, NULL, "grad_f64.%s", pieces[i].name));
        TRY(tensor_read(g->ctx, &view, x));
        for (size_t k = 0; k < n; k++) {
            error = fmax(error, fabs((double)x[k] - want[k]));
            size = fmax(size, fabs(want[k]));
        }
        *worst = fmax(*worst, size > 0 ? error / size : error);
    }
out:
    free(x);
    return status;
}

/* One of the encoder's ReLUs has its zero within rounding of one place of these
 * samples, where the gradient jumps by 2e-3: the truth must be ours for samples
 * that differ by a few roundings, and no sample may miss it by more than that
 * (src/DECISIONS.md). */
static drift_status check_gradient(step *s)
{
    static const float nudges[] = {0, 1, -1, 2, -2, 4, -4};
    golden *g = s->golden;
    drift_status status = DRIFT_OK;
    foreign_piece *pieces = NULL;
    size_t count, i = 0;
    double worst;
    TRY(foreign_pieces(s->net, FOREIGN_FLAX, &pieces, &count));
    for (;;) {
        TRY(run(s, nudges[i] * NUDGE, i == 0));
        TRY(gradient_error(s, pieces, count, &worst));
        if (worst <= GRAD_LIMIT || worst > KINK_LIMIT ||
            ++i == sizeof nudges / sizeof *nudges)
            break;
    }
    g->limit = GRAD_LIMIT;
    TRY(compare(g, s->net, &s->net->params.grad, "grad_f64", pieces, count));
out:
    free(pieces);
    return status;
}

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    step s = {.golden = g};
    array_list leaves = {0};
    TRY(release_load(g, &s.net));
    TRY(release_encoder(g, "mae_odd", 0, &leaves, &s.encoder));
    TRY(release_field(g, &s.args));
    TRY(tape_new(g->ctx, 1, &s.tape));
    TRY(tape_new(g->ctx, 0, &s.real));
    TRY(check_guidance(&s));
    TRY(check_samples(&s));
    TRY(real_families(&s, "pos", &s.pos));
    TRY(real_families(&s, "neg", &s.neg));
    TRY(check_gradient(&s));
    TRY(check_optimizer(g, s.net));
out:
    features_free(&s.gen);
    features_free(&s.pos);
    features_free(&s.neg);
    tape_free(s.tape);
    tape_free(s.real);
    generator_free(s.net);
    encoder_free(s.encoder);
    array_list_free(&leaves);
    return status;
}

const golden_family check_trainstep[] = {
    {"trainstep_*.safetensors", check_file, 1e-3}, {0}};
