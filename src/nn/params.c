/* Parameters: declaring, allocating, drawing, looking up. */
#include "nn/params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ALIGN 16 /* numbers: each parameter starts on a cache line */
#define NAME  256

/* The number of the part's name, added when new; -1 on failure. */
static int part_index(params *p, const char *part)
{
    for (size_t i = 0; i < p->part_count; i++)
        if (!strcmp(p->parts[i], part))
            return (int)i;
    char **more = mem_resize(p->ctx, p->parts, p->part_count + 1, sizeof *more);
    if (!more)
        return -1;
    p->parts = more;
    p->parts[p->part_count] = mem_strdup(p->ctx, part);
    return p->parts[p->part_count] ? (int)p->part_count++ : -1;
}

static drift_status grow(params *p)
{
    if (p->count < p->room)
        return DRIFT_OK;
    size_t room = p->room ? 2 * p->room : 32;
    param *more = mem_resize(p->ctx, p->list, room, sizeof *more);
    if (!more)
        return DRIFT_ERROR_MEMORY;
    p->list = more;
    p->room = room;
    return DRIFT_OK;
}

static int declare(params *p, const char *part, shape s, param_init init,
                   float init_value, const float *values, const char *name)
{
    drift_status status = p->status;
    drift_context *ctx = p->ctx;
    param new = {.shape = s, .init = init, .init_value = init_value};
    TRY(status);
    if (params_find(p, name) >= 0)
        FAIL(ctx, DRIFT_ERROR_USAGE, "parameter '%s' is declared twice", name);
    TRY(grow(p));
    new.part = part_index(p, part);
    new.name = mem_strdup(ctx, name);
    if (values)
        new.values = mem_alloc(ctx, shape_count(s), sizeof *new.values);
    if (new.part < 0 || !new.name || (values && !new.values)) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (values)
        memcpy(new.values, values, shape_count(s) * sizeof *values);
    new.offset = p->total;
    p->total += (shape_count(s) + ALIGN - 1) / ALIGN * ALIGN;
    p->list[p->count] = new;
    return (int)p->count++;
out:
    mem_free(new.name);
    mem_free(new.values);
    p->status = status;
    return -1;
}

int params_add(params *p, const char *part, shape s, param_init init,
               float init_value, const char *name_format, ...)
{
    char name[NAME];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    return declare(p, part, s, init, init_value, NULL, name);
}

int params_add_values(params *p, const char *part, shape s, const float *values,
                      const char *name)
{
    return declare(p, part, s, INIT_COPY, 0, values, name);
}

/* Bound of the Xavier uniform: sqrt(6 / (fan in + fan out)). */
static float xavier_bound(shape s)
{
    double out = s.ndim > 0 ? (double)s.dim[s.ndim - 1] : 1;
    double in = s.ndim > 1 ? (double)s.dim[s.ndim - 2] : 1;
    double window = 1;
    for (int i = 0; i + 2 < s.ndim; i++)
        window *= (double)s.dim[i];
    return (float)sqrt(6 / (window * (in + out)));
}

static drift_status draw(params *p, size_t i, uint64_t seed)
{
    drift_context *ctx = p->ctx;
    const param *one = &p->list[i];
    tensor view = params_view(p, &p->value, (int)i);
    rng_stream stream = {.seed = seed, .purpose = RNG_INIT, .step = i};
    float bound =
        one->init == INIT_XAVIER ? xavier_bound(one->shape) : one->init_value;
    switch (one->init) {
    case INIT_ZERO:
        break;
    case INIT_ONE:
        return op_fill(ctx, &view, 1);
    case INIT_NORMAL:
        return op_normal(ctx, &view, stream, 0, 0, one->init_value);
    case INIT_XAVIER:
    case INIT_UNIFORM:
        return op_uniform(ctx, &view, stream, 0, -bound, bound);
    case INIT_COPY:
        return tensor_write(ctx, &view, one->values);
    }
    return DRIFT_OK;
}

drift_status params_with_gradient(params *p)
{
    drift_status status = DRIFT_OK;
    TRY(tensor_new(p->ctx, &p->grad, DTYPE_F32, SHAPE(p->total)));
    TRY(op_fill(p->ctx, &p->grad, 0));
out:
    return status;
}

drift_status params_allocate(params *p, int with_grad, uint64_t seed)
{
    drift_context *ctx = p->ctx;
    drift_status status = p->status;
    TRY(status);
    TRY(tensor_new(ctx, &p->value, DTYPE_F32, SHAPE(p->total)));
    TRY(op_fill(ctx, &p->value, 0));
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].shape.ndim && shape_count(p->list[i].shape))
            TRY(draw(p, i, seed));
    if (with_grad)
        TRY(params_with_gradient(p));
out:
    return status;
}

void params_free(params *p)
{
    drift_context *ctx = p->ctx;
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->list[i].name);
        mem_free(p->list[i].values);
    }
    for (size_t i = 0; i < p->part_count; i++)
        mem_free(p->parts[i]);
    mem_free(p->parts);
    mem_free(p->list);
    tensor_free(ctx, &p->value);
    tensor_free(ctx, &p->grad);
    *p = (params){.ctx = ctx};
}

int params_find(const params *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->list[i].name, name))
            return (int)i;
    return -1;
}

tensor params_view(const params *p, const tensor *flat, int i)
{
    return tensor_view(flat, p->list[i].offset, p->list[i].shape);
}

var *params_leaf(params *p, tape *t, const tensor *flat, int i)
{
    tensor value = params_view(p, flat, i), grad;
    if (!p->grad.block)
        return tape_leaf(t, &value, NULL);
    grad = params_view(p, &p->grad, i);
    return tape_leaf(t, &value, &grad);
}
