/* The method itself: drift_loss_*, toy, cfg, bank, and of trainstep_* the
 * families that need no encoder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drift/bank.h"
#include "drift/features.h"
#include "drift/guidance.h"
#include "drift/loss.h"
#include "golden.h"
#include "release.h"

#define MEMORY ((size_t)256 << 20)

static field_args release(void)
{
    return (field_args){.variant = FIELD_RELEASE,
                        .attraction = 1,
                        .repulsion = 1,
                        .scale_features = 1,
                        .scale_drift = 1,
                        .queries_are_targets = 1};
}

/* A call of the field, [g,n,d]. */
typedef struct call {
    const tensor *x, *neg, *pos, *w_gen, *w_neg, *w_pos;
    field_args args;
    tensor *v, *loss;
    double stats[FIELD_STATS(FIELD_MAX_R)];
} call;

static drift_status run(golden *g, call *c)
{
    drift_status status = DRIFT_OK;
    tensor *stats;
    float host[FIELD_STATS(FIELD_MAX_R)];
    size_t count = FIELD_STATS(c->args.temperatures);
    TRY(golden_output(g, &c->v, c->x->shape));
    TRY(golden_output(g, &c->loss, SHAPE(c->x->shape.dim[0])));
    TRY(golden_output(g, &stats, SHAPE(count)));
    TRY(op_field(g->ctx, c->v, c->loss, stats, c->x, NULL, c->neg, c->pos,
                 c->w_gen, c->w_neg, c->w_pos, c->args, MEMORY));
    TRY(tensor_read(g->ctx, stats, host));
    for (size_t i = 0; i < count; i++)
        c->stats[i] = (double)host[i];
out:
    return status;
}

/* -2 V / (s parts): the gradient of the loss, `parts` numbers averaged. */
static drift_status gradient(golden *g, call *c, size_t parts, tensor **out)
{
    drift_status status = DRIFT_OK;
    double s = field_feature_scale(&c->args, c->stats[FIELD_STAT_SCALE],
                                   c->x->shape.dim[2]);
    TRY(golden_output(g, out, c->x->shape));
    TRY(op_add_fwd(g->ctx, *out, c->v, NULL, (float)(-2 / (s * (double)parts)),
                   0));
out:
    return status;
}

/* -- drift_loss_* ------------------------------------------------------- */

static drift_status load_temperatures(golden *g, field_args *args)
{
    drift_status status = DRIFT_OK;
    double *r;
    size_t count;
    TRY(golden_numbers(g, &r, &count, "R"));
    args->temperatures = (int)count;
    for (size_t j = 0; j < count && j < FIELD_MAX_R; j++)
        args->r[j] = (float)r[j];
out:
    return status;
}

static drift_status check_loss(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor *x, *neg, *pos, *w_gen, *w_neg, *w_pos, *dx;
    call c = {.args = release()};
    TRY(load_temperatures(g, &c.args));
    TRY(golden_load(g, &x, NULL, "gen"));
    TRY(golden_load(g, &pos, NULL, "pos"));
    TRY(golden_load_optional(g, &neg, NULL, "neg"));
    TRY(golden_load(g, &w_gen, NULL, "w_gen"));
    TRY(golden_load(g, &w_pos, NULL, "w_pos"));
    TRY(golden_load_optional(g, &w_neg, NULL, "w_neg"));
    c.x = x;
    c.neg = neg;
    c.pos = pos;
    c.w_gen = w_gen;
    c.w_neg = w_neg;
    c.w_pos = w_pos;
    TRY(run(g, &c));
    TRY(golden_near(g, c.loss, NULL, "loss_f64"));
    TRY(golden_near_host(g, c.stats + FIELD_STAT_SCALE, 1, "scale_f64"));
    TRY(golden_near_host(g, c.stats + FIELD_STAT_RAW(0, 0),
                         (size_t)c.args.temperatures, "loss_R_f64"));
    TRY(gradient(g, &c, tensor_count(x), &dx));
    TRY(golden_near(g, dx, NULL, "grad_mean_f64"));
    /* The release's own f32, up to 6e-3 from the truth. */
    golden_ignore(g, "loss");
    golden_ignore(g, "scale");
    golden_ignore(g, "loss_R");
    golden_ignore(g, "grad_*");
out:
    return status;
}

/* -- toy ---------------------------------------------------------------- */

/* CASE at one temperature, as the file's names spell it. */
static drift_status check_toy_at(golden *g, const char *name, const char *t)
{
    drift_status status = DRIFT_OK;
    tensor *x, *pos, *dx;
    call c = {.args = {.variant = FIELD_TOY,
                       .temperatures = 1,
                       .r = {strtof(t, NULL)},
                       .attraction = 1,
                       .repulsion = 1,
                       .queries_are_targets = 1}};
    TRY(golden_load(g, &x, NULL, "%s.gen", name));
    TRY(golden_load(g, &pos, NULL, "%s.pos", name));
    size_t n = x->shape.dim[0], p = pos->shape.dim[0], d = x->shape.dim[1];
    tensor x3 = tensor_reshape(x, SHAPE(1, n, d));
    tensor pos3 = tensor_reshape(pos, SHAPE(1, p, d));
    c.x = &x3;
    c.pos = &pos3;
    TRY(run(g, &c));
    TRY(gradient(g, &c, n * d, &dx));
    double *want, most = 0;
    size_t count;
    TRY(golden_numbers(g, &want, &count, "%s.V.t%s_f64", name, t));
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(want[i]));
    if (most < 1e-20) {
        /* Underflow: only ask that V is nothing, too. */
        char line[128];
        double *got = mem_alloc(g->ctx, count, sizeof *got);
        float *v = mem_alloc(g->ctx, count, sizeof *v);
        if (got && v && tensor_read(g->ctx, c.v, v) == DRIFT_OK) {
            most = 0;
            for (size_t i = 0; i < count; i++)
                most = fmax(most, fabs((double)v[i]));
            snprintf(line, sizeof line, "%s %s.V.t%s_f64 (underflow)", g->name,
                     name, t);
            golden_line(g, line, most, 1e-20);
        }
        mem_free(got);
        mem_free(v);
        golden_ignore(g, "far.*.t0.05*");
        return status;
    }
    tensor v = tensor_reshape(c.v, SHAPE(n, d));
    tensor dx2 = tensor_reshape(dx, SHAPE(n, d));
    TRY(golden_near(g, &v, NULL, "%s.V.t%s_f64", name, t));
    TRY(golden_near(g, c.loss, NULL, "%s.loss.t%s_f64", name, t));
    TRY(golden_near(g, &dx2, NULL, "%s.grad.t%s_f64", name, t));
out:
    return status;
}

static drift_status check_toy_case(golden *g, const char *name)
{
    drift_status status = DRIFT_OK;
    TRY(check_toy_at(g, name, "0.05"));
    TRY(check_toy_at(g, name, "0.2"));
out:
    return status;
}

static drift_status check_toy(golden *g)
{
    drift_status status = golden_each_case(g, check_toy_case);
    golden_ignore(g, "*.V.t0.05"); /* the notebook's own f32 */
    golden_ignore(g, "*.V.t0.2");
    golden_ignore(g, "*.loss.t0.05");
    golden_ignore(g, "*.loss.t0.2");
    golden_ignore(g, "*.grad.t0.05");
    golden_ignore(g, "*.grad.t0.2");
    return status;
}

/* -- cfg ---------------------------------------------------------------- */

static drift_status check_alphas(golden *g, const guidance_config *c, size_t n,
                                 size_t m, const double *u, const double *u2,
                                 size_t count, const char *suffix)
{
    drift_status status = DRIFT_OK;
    double *alpha = mem_alloc(g->ctx, 2 * count, sizeof *alpha);
    if (!alpha)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        float a = guidance_alpha(c, (float)u[i], (float)u2[i]);
        alpha[i] = (double)a;
        alpha[count + i] = (double)guidance_weight(a, n, m);
    }
    int k = (int)c->power;
    TRY(golden_near_host(g, alpha, count, "alpha%s.k%d", suffix, k));
    TRY(golden_near_host(g, alpha + count, count, "w_neg%s.k%d", suffix, k));
out:
    mem_free(alpha);
    return status;
}

static drift_status check_cfg(golden *g)
{
    drift_status status = DRIFT_OK;
    double *u, *u2, *amin, *amax, *frac, *n, *m;
    size_t count;
    TRY(golden_numbers(g, &u, &count, "u"));
    TRY(golden_numbers(g, &u2, NULL, "u2"));
    TRY(golden_numbers(g, &amin, NULL, "amin"));
    TRY(golden_numbers(g, &amax, NULL, "amax"));
    TRY(golden_numbers(g, &frac, NULL, "no_cfg_frac"));
    TRY(golden_numbers(g, &n, NULL, "N"));
    TRY(golden_numbers(g, &m, NULL, "M"));
    for (int k = 1; k < 100; k++) {
        guidance_config c = {(float)*amin, (float)*amax, (float)k, 0};
        if (!golden_find(g, "alpha.k%d", k))
            continue;
        TRY(check_alphas(g, &c, (size_t)*n, (size_t)*m, u, u2, count, ""));
        c.no_cfg_frac = (float)*frac;
        TRY(check_alphas(g, &c, (size_t)*n, (size_t)*m, u, u2, count, "_frac"));
    }
out:
    return status;
}

/* -- bank --------------------------------------------------------------- */

/* A ring's content, as the file holds it: 0 in slots never written. */
static drift_status check_rings(golden *g, const rings *r, double *const *x,
                                size_t width, int push, const char *prefix)
{
    drift_status status = DRIFT_OK;
    size_t slots = r->start[r->classes], n = (size_t)r->classes;
    double *content = mem_alloc(g->ctx, slots * width, sizeof *content);
    double *numbers = mem_alloc(g->ctx, 2 * n, sizeof *numbers);
    if (!content || !numbers) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t c = 0; c < n; c++) {
        numbers[c] = (double)r->position[c];
        numbers[n + c] = (double)r->count[c];
        for (size_t i = 0; i < (size_t)r->count[c]; i++) {
            size_t slot = r->start[c] + i;
            /* Data index = 1000 * push + row, given below. */
            int64_t at = r->index[slot];
            memcpy(content + slot * width,
                   x[at / 1000] + (size_t)(at % 1000) * width,
                   width * sizeof *content);
        }
    }
    TRY(golden_absolute(g, content, slots * width, 0, "%d.%sbank", push,
                        prefix));
    TRY(golden_absolute(g, numbers, n, 0, "%d.%sptr", push, prefix));
    TRY(golden_absolute(g, numbers + n, n, 0, "%d.%scount", push, prefix));
out:
    mem_free(content);
    mem_free(numbers);
    return status;
}

static drift_status check_bank(golden *g)
{
    drift_status status = DRIFT_OK;
    double *x[100] = {0}, *labels;
    size_t count, numbers;
    bank *b = NULL;
    const array *rings_array = golden_find(g, "0.bank");
    const array *all = golden_find(g, "0.uncond_bank");
    if (!rings_array || !all)
        FAIL(g->ctx, DRIFT_ERROR_FORMAT, "not a file of banks");
    TRY(bank_new(g->ctx, (int)rings_array->dim[0], rings_array->dim[1],
                 all->dim[1], &b));
    for (int push = 0; push < 100 && golden_find(g, "%d.x", push); push++) {
        int64_t index[1000];
        int label[1000];
        TRY(golden_numbers(g, &x[push], &numbers, "%d.x", push));
        TRY(golden_numbers(g, &labels, &count, "%d.labels", push));
        for (size_t i = 0; i < count && i < 1000; i++) {
            index[i] = 1000 * push + (int64_t)i;
            label[i] = (int)labels[i];
        }
        TRY(bank_push(b, index, label, count));
        TRY(check_rings(g, &b->by_class, x, numbers / count, push, ""));
        TRY(check_rings(g, &b->all, x, numbers / count, push, "uncond_"));
    }
out:
    bank_free(b);
    return status;
}

/* -- trainstep_* -------------------------------------------------------- */

/* The families of a map that need no encoder: global, norm_x. */
static drift_status families(golden *g, tape *t, const tensor *x, features *f)
{
    const size_t *d = x->shape.dim;
    size_t n = x->shape.ndim;
    tensor *flat;
    shape s = SHAPE(tensor_count(x) / (d[n - 1] * d[n - 2] * d[n - 3]),
                    d[n - 3], d[n - 2], d[n - 1]);
    drift_status status = golden_output(g, &flat, s);
    if (status != DRIFT_OK)
        return status;
    TRY(op_add_fwd(g->ctx, flat,
                   &(tensor){.type = x->type,
                             .shape = s,
                             .block = x->block,
                             .offset = x->offset},
                   NULL, 1, 0));
    features_global(t, f, tape_constant(t, flat));
    features_norm_x(t, f, tape_constant(t, flat));
    status = tape_status(t);
out:
    return status;
}

drift_status check_step_families(golden *g)
{
    drift_status status = DRIFT_OK;
    tensor *gen, *pos, *neg, *dx;
    double *w, *u, *u2, *alpha;
    size_t entries;
    features fg = {0}, fp = {0}, fn = {0};
    tape *t = NULL;
    field_args args = release();
    float weights[64];
    double alphas[64], w_negs[64];
    TRY(load_temperatures(g, &args));
    TRY(golden_load(g, &gen, NULL, "samples"));
    TRY(golden_load(g, &pos, NULL, "pos"));
    TRY(golden_load(g, &neg, NULL, "neg"));
    TRY(golden_numbers(g, &w, &entries, "w_neg"));
    TRY(golden_numbers(g, &alpha, NULL, "alpha"));
    TRY(golden_numbers(g, &u, NULL, "u"));
    TRY(golden_numbers(g, &u2, NULL, "u2"));
    guidance_config cfg = {strtof(golden_meta(g, "cfg_min"), NULL),
                           strtof(golden_meta(g, "cfg_max"), NULL),
                           strtof(golden_meta(g, "neg_cfg_pw"), NULL),
                           strtof(golden_meta(g, "no_cfg_frac"), NULL)};
    size_t n = gen->shape.dim[0] / entries, m = neg->shape.dim[1];
    for (size_t e = 0; e < entries && e < 64; e++) {
        float a = guidance_alpha(&cfg, (float)u[e], (float)u2[e]);
        alphas[e] = (double)a;
        weights[e] = guidance_weight(a, n, m);
        w_negs[e] = (double)weights[e];
    }
    double limit = g->limit;
    g->limit = 1e-5;
    TRY(golden_near_host(g, alphas, entries, "alpha"));
    TRY(golden_near_host(g, w_negs, entries, "w_neg"));
    g->limit = limit;
    TRY(tape_new(g->ctx, 0, &t));
    TRY(families(g, t, gen, &fg));
    TRY(families(g, t, pos, &fp));
    TRY(families(g, t, neg, &fn));
    for (size_t i = 0; i < fg.count; i++) {
        loss_input in = {fg.list[i].name,
                         1,
                         entries,
                         &fg.list[i].value->value,
                         &fp.list[i].value->value,
                         &fn.list[i].value->value,
                         weights};
        family_stats s;
        loss_reading reading;
        TRY(golden_output(g, &dx, in.gen->shape));
        TRY(loss_family(g->ctx, &in, &args, MEMORY, dx, &reading));
        TRY(loss_read(g->ctx, &reading, &s));
        g->limit = 2e-3;
        TRY(golden_near_host(g, &s.scale, 1, "scale.%s", in.name));
        g->limit = 5e-3;
        TRY(golden_near_host(g, s.raw, (size_t)s.temperatures, "loss_R.%s",
                             in.name));
    }
    g->limit = limit;
out:
    features_free(&fg);
    features_free(&fp);
    features_free(&fn);
    tape_free(t);
    return status;
}

const golden_family check_drift[] = {
    {"drift_loss_neardup.safetensors", check_loss, 2e-4},
    {"drift_loss_offset50.safetensors", check_loss, 1e-4},
    {"drift_loss_toy2d.safetensors", check_loss, 2e-5},
    {"drift_loss_groups8.safetensors", check_loss, 2e-5},
    {"drift_loss_wall.safetensors", check_loss, 2e-5},
    {"drift_loss_*.safetensors", check_loss, 3e-5},
    {"toy.safetensors", check_toy, 5e-5},
    {"cfg.safetensors", check_cfg, 1e-5},
    {"bank.safetensors", check_bank, 0},
    {0}};
