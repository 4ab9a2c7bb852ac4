/* See encoder_layer.h. */
#include "nn/encoder_layer.h"

#include <stdarg.h>
#include <stdio.h>

encoder_layer encoder_add(encoder *e, const char *part, shape weight,
                          const char *name_format, ...)
{
    char name[128];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    params *p = &e->params;
    size_t out = weight.dim[weight.ndim - 1];
    return (encoder_layer){
        params_add(p, part, weight, weight.ndim > 1 ? INIT_XAVIER : INIT_ONE, 0,
                   "%s.weight", name),
        params_add(p, part, SHAPE(out), INIT_ZERO, 0, "%s.bias", name)};
}

var *encoder_linear(encoder *e, tape *t, const tensor *flat,
                    const encoder_layer *l, var *x)
{
    tape_open(t);
    return tape_close(t, tape_linear(t, x, encoder_leaf(e, t, flat, l->weight),
                                     encoder_leaf(e, t, flat, l->bias)));
}

var *encoder_norm(encoder *e, tape *t, const tensor *flat,
                  const encoder_layer *l, float eps, var *x)
{
    tape_open(t);
    return tape_close(
        t, tape_layernorm(t, x, encoder_leaf(e, t, flat, l->weight),
                          encoder_leaf(e, t, flat, l->bias), eps, 0));
}

drift_status encoder_take(weights *w, const encoder_layer *l,
                          weights_layout layout, const char *name_format, ...)
{
    drift_status status = DRIFT_OK;
    char name[128];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    TRY(weights_take(w, l->weight, layout, "%s.weight", name));
    TRY(weights_take(w, l->bias, WEIGHTS_AS_OURS, "%s.bias", name));
out:
    return status;
}

int encoder_count_classes(const array_list *arrays, const char *name)
{
    static const char *const parts[] = {"weight", "bias"};
    const array *a = NULL;
    char full[64];
    for (int i = 0; !a && i < 2; i++) {
        snprintf(full, sizeof full, "%s.%s", name, parts[i]);
        a = weights_named(arrays, full);
    }
    return a && a->ndim ? (int)a->dim[0] : 0;
}
