/* The method itself: drift_loss_*, toy, cfg, bank. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "drift/bank.h"
#include "drift/field.h"
#include "drift/guidance.h"
#include "golden.h"
#include "release.h"

#define MEMORY ((size_t)256 << 20)

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

drift_status release_field(golden *g, field_args *args)
{
    drift_status status = DRIFT_OK;
    double *r;
    size_t count;
    *args = (field_args){.variant = FIELD_RELEASE,
                         .attraction = 1,
                         .repulsion = 1,
                         .scale_features = 1,
                         .scale_drift = 1,
                         .queries_are_targets = 1};
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
    call c = {.x = NULL};
    TRY(release_field(g, &c.args));
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
