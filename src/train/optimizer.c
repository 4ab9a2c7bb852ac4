/* AdamW on the flat parameters, method.md section 5 to the letter.
 *
 *     g *= clip/|g| only if |g| >= clip
 *     m, v with bias correction; p -= lr_n (m^ / (sqrt(v^) + eps) + wd p)
 *     ema = d ema + (1 - d) p
 *
 * The products are the ops adamw and ema; here are the schedule, the norms and
 * the order. */
#include "train/optimizer.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"

/* Both schedules start from this rate; the cosine ends at this share. */
#define FIRST_RATE 1e-6
#define LAST_SHARE 1e-6

#define PI 3.141592653589793

/* Neighbouring parameters of one part become one range: the gaps between them
 * are zero and add nothing. */
static drift_status find_ranges(optimizer *o)
{
    const params *p = o->params;
    o->ranges = mem_alloc(o->ctx, p->count, sizeof *o->ranges);
    if (!o->ranges)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < p->count; i++) {
        size_t end = i + 1 < p->count ? p->list[i + 1].offset : p->total;
        if (!i || p->list[i].part != p->list[i - 1].part)
            o->ranges[o->range_count++] = (optimizer_range){
                .part = p->list[i].part, .start = p->list[i].offset};
        optimizer_range *r = &o->ranges[o->range_count - 1];
        r->count = end - r->start;
    }
    return DRIFT_OK;
}

drift_status optimizer_new(drift_context *ctx, params *p,
                           const optimizer_config *options, optimizer *o)
{
    drift_status status = DRIFT_OK;
    shape flat = SHAPE(p->total);
    *o = (optimizer){.ctx = ctx, .params = p, .config = *options};
    TRY(find_ranges(o));
    o->part_norms = mem_alloc(ctx, p->part_count, sizeof *o->part_norms);
    o->squares_host = mem_alloc(ctx, o->range_count, sizeof *o->squares_host);
    if (!o->part_norms || !o->squares_host) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(tensor_new(ctx, &o->squares, DTYPE_F32, SHAPE(o->range_count)));
    TRY(tensor_new(ctx, &o->scale, DTYPE_F32, SHAPE(1)));
    TRY(tensor_new(ctx, &o->m, DTYPE_F32, flat));
    TRY(op_fill(ctx, &o->m, 0));
    TRY(tensor_new(ctx, &o->v, DTYPE_F32, flat));
    TRY(op_fill(ctx, &o->v, 0));
    for (int i = 0; i < options->ema_count; i++) {
        TRY(tensor_new(ctx, &o->ema[i], DTYPE_F32, flat));
        TRY(op_add_fwd(ctx, &o->ema[i], &p->value, NULL, 1, 0));
    }
out:
    return status;
}

void optimizer_free(optimizer *o)
{
    if (!o->ctx)
        return;
    for (int i = 0; i < CONFIG_MAX_EMA; i++)
        tensor_free(o->ctx, &o->ema[i]);
    tensor_free(o->ctx, &o->v);
    tensor_free(o->ctx, &o->m);
    tensor_free(o->ctx, &o->squares);
    tensor_free(o->ctx, &o->scale);
    drift_status status = fetch_wait(o->ctx, &o->reading);
    (void)status;
    mem_free(o->squares_host);
    mem_free(o->part_norms);
    mem_free(o->ranges);
    *o = (optimizer){0};
}

double optimizer_rate(const optimizer_config *c, int64_t n)
{
    double lr = c->lr, warmup = (double)c->warmup_steps;
    if (n < c->warmup_steps)
        return (FIRST_RATE - lr) * (1 - (double)n / warmup) + lr;
    if (c->schedule == SCHEDULE_CONSTANT)
        return lr;
    double length = (double)c->total_steps - warmup;
    double at = length > 0 ? ((double)n - warmup) / length : 1;
    if (at > 1)
        at = 1;
    return lr * ((1 - LAST_SHARE) * (1 + cos(PI * at)) / 2 + LAST_SHARE);
}

drift_status optimizer_norms(optimizer *o)
{
    drift_status status = DRIFT_OK;
    const params *p = o->params;
    for (size_t i = 0; i < o->range_count; i++) {
        const optimizer_range *r = &o->ranges[i];
        tensor g = tensor_view(&p->grad, r->start, SHAPE(r->count));
        tensor to = tensor_view(&o->squares, i, SHAPE(1));
        TRY(op_reduce(o->ctx, &to, &g, REDUCE_SUMSQ));
    }
    TRY(op_clip(o->ctx, &o->scale, &o->squares, o->config.clip_norm));
    TRY(tensor_fetch(o->ctx, &o->squares, o->squares_host, &o->reading));
out:
    return status;
}

drift_status optimizer_read(optimizer *o)
{
    drift_status status = DRIFT_OK;
    const params *p = o->params;
    double sum = 0;
    TRY(fetch_wait(o->ctx, &o->reading));
    for (size_t k = 0; k < p->part_count; k++)
        o->part_norms[k] = 0;
    for (size_t i = 0; i < o->range_count; i++) {
        double square = (double)o->squares_host[i];
        if (!isfinite(square))
            FAIL(o->ctx, DRIFT_ERROR_NUMBER,
                 "the gradient of part '%s' is not finite",
                 p->parts[o->ranges[i].part]);
        o->part_norms[o->ranges[i].part] += square;
        sum += square;
    }
    for (size_t k = 0; k < p->part_count; k++)
        o->part_norms[k] = sqrt(o->part_norms[k]);
    o->grad_norm = sqrt(sum);
out:
    return status;
}

drift_status optimizer_step(optimizer *o, int64_t n)
{
    drift_status status = DRIFT_OK;
    const optimizer_config *c = &o->config;
    params *p = o->params;
    o->learning_rate = optimizer_rate(c, n);
    adamw_args args = adamw_args_of(o->learning_rate, c->beta1, c->beta2,
                                    c->eps, c->weight_decay, (uint64_t)n);
    o->torn = 1;
    TRY(op_adamw(o->ctx, &p->value, &o->m, &o->v, &p->grad, &o->scale, args));
    for (int i = 0; i < c->ema_count; i++)
        TRY(op_ema(o->ctx, &o->ema[i], &p->value, &o->scale, c->ema[i]));
    o->torn = 0;
out:
    return status;
}

char *optimizer_ema_name(float decay, char text[EMA_TEXT])
{
    /* The shortest decimal that reads back as the same float. */
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, EMA_TEXT, "%.*g", digits, (double)decay);
        float back;
        if (sscanf(text, "%f", &back) == 1 && !(back < decay) &&
            !(back > decay))
            break;
    }
    return text;
}
