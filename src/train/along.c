/* Encoders that are trained along with the generator, by the same loss: for
 * ablations. The loss moves generated features to where they should be, and
 * so it moves the encoder, too: there is nothing that keeps its features from
 * becoming all the same. */
#include "train/step.h"

#include "base/mem.h"

drift_status along_new(step *s)
{
    drift_status status = DRIFT_OK;
    extractor *x = &s->extractor;
    optimizer_config c = s->c->optimizer;
    c.ema_count = 0;
    if (!s->c->features.train_encoder)
        return DRIFT_OK;
    s->along = mem_alloc(s->ctx, x->count, sizeof *s->along);
    if (!s->along)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < x->count; i++) {
        params *p = &x->encoders[i]->params;
        TRY(params_with_gradient(p));
        TRY(optimizer_new(s->ctx, p, &c, &s->along[s->along_count++]));
    }
out:
    return status;
}

void along_free(step *s)
{
    for (size_t i = 0; i < s->along_count; i++)
        optimizer_free(&s->along[i]);
    mem_free(s->along);
    s->along = NULL;
    s->along_count = 0;
}

drift_status along_clear(step *s)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < s->along_count; i++)
        TRY(op_fill(s->ctx, &s->along[i].params->grad, 0));
out:
    return status;
}

drift_status along_norms(step *s)
{
    drift_status status = DRIFT_OK;
    for (size_t i = 0; i < s->along_count; i++) {
        TRY(optimizer_norms(&s->along[i]));
        TRY(optimizer_read(&s->along[i]));
    }
out:
    if (status != DRIFT_OK)
        status = error_prefix(s->ctx, status, "encoder");
    return status;
}

drift_status along_step(step *s, int64_t n)
{
    drift_status status = DRIFT_OK;
    /* The generator's step is made: without the encoders' it is half of one. */
    s->optimizer->torn = s->along_count > 0;
    for (size_t i = 0; i < s->along_count; i++)
        TRY(optimizer_step(&s->along[i], n));
    s->optimizer->torn = 0;
out:
    return status;
}

/* -- in a checkpoint ------------------------------------------------------ */

#define SETS 3

static tensor *set_of(optimizer *o, int i, const char **name)
{
    static const char *const names[SETS] = {"model", "m", "v"};
    tensor *sets[SETS] = {&o->params->value, &o->m, &o->v};
    *name = names[i];
    return sets[i];
}

drift_status along_to_arrays(step *s, array_list *out)
{
    drift_status status = DRIFT_OK;
    char *name = NULL;
    for (size_t i = 0; i < SETS * s->along_count; i++) {
        const char *set;
        tensor *t = set_of(&s->along[i / SETS], (int)(i % SETS), &set);
        array a = {.type = ARRAY_F32, .ndim = 1, .dim = {tensor_count(t)}};
        a.data = a.owned = mem_alloc(s->ctx, a.dim[0], sizeof(float));
        mem_free(name);
        name = mem_printf(s->ctx, "encoder.%zu.%s", i / SETS + 1, set);
        if (!name || !a.owned) {
            mem_free(a.owned);
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        void *host = a.owned;
        TRY(array_list_add(s->ctx, out, name, &a));
        TRY(tensor_read(s->ctx, t, host));
    }
out:
    mem_free(name);
    return status;
}

drift_status along_from_arrays(step *s, const array_list *in)
{
    drift_status status = DRIFT_OK;
    char *name = NULL;
    float *host = NULL;
    for (size_t i = 0; i < SETS * s->along_count; i++) {
        const char *set;
        tensor *t = set_of(&s->along[i / SETS], (int)(i % SETS), &set);
        mem_free(name);
        mem_free(host);
        host = mem_alloc(s->ctx, tensor_count(t), sizeof *host);
        name = mem_printf(s->ctx, "encoder.%zu.%s", i / SETS + 1, set);
        if (!name || !host) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        const array *a = array_list_find(in, name);
        if (!a || a->type != ARRAY_F32 || a->ndim != 1 ||
            a->dim[0] != tensor_count(t))
            FAIL(s->ctx, DRIFT_ERROR_SHAPE,
                 "tensor '%s' is missing, or not %zu of F32", name,
                 tensor_count(t));
        array_to_f32(a, host);
        TRY(tensor_write(s->ctx, t, host));
    }
out:
    mem_free(name);
    mem_free(host);
    return status;
}
