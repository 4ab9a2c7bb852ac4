/* trainstep_*: one whole training step of the release, as far as it goes
 * without its encoder: the samples, the families of section 3 that need none,
 * and the step of the optimizer from the gradient in the file. */
#include <stdlib.h>

#include "nn/foreign.h"
#include "release.h"
#include "train/optimizer.h"

/* Suggested: samples 1e-5, p and ema as step_*. The norm is that of the
 * gradient in the file. */
#define SAMPLE_LIMIT 1e-5
#define STEP_LIMIT   2e-6

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

static drift_status check_samples(golden *g, generator *net)
{
    drift_status status = DRIFT_OK;
    tensor *noise, *style, *label, *alpha;
    tape *t = NULL;
    double limit = g->limit;
    TRY(golden_load(g, &noise, NULL, "noise"));
    TRY(golden_load(g, &style, NULL, "style_idx"));
    TRY(repeat(g, "labels", noise->shape.dim[0], &label));
    TRY(repeat(g, "alpha", noise->shape.dim[0], &alpha));
    generator_input in = {
        .noise = noise, .label = label, .alpha = alpha, .style = style};
    TRY(tape_new(g->ctx, 0, &t));
    var *y = generator_forward(net, t, &net->params.value, &in);
    TRY(tape_status(t));
    g->limit = SAMPLE_LIMIT;
    TRY(golden_near(g, &y->value, NULL, "samples"));
out:
    g->limit = limit;
    tape_free(t);
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

static drift_status check_file(golden *g)
{
    drift_status status = DRIFT_OK;
    generator *net = NULL;
    TRY(check_step_families(g));
    TRY(release_load(g, &net));
    TRY(check_samples(g, net));
    TRY(check_optimizer(g, net));
    golden_todo(g, "grad_f64"); /* needs the encoder */
out:
    generator_free(net);
    return status;
}

const golden_family check_trainstep[] = {
    {"trainstep_*.safetensors", check_file, 1e-3}, {0}};
