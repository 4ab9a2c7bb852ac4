/* See conv_layer.h. */
#include "nn/conv_layer.h"

#include <stdarg.h>
#include <stdio.h>

#define EPS 1e-5f

drift_status conv_layer_declare(encoder *e, const char *part, size_t in,
                                size_t out, int groups, conv_layer *l,
                                const char *name_format, ...)
{
    params *p = &e->params;
    char name[64];
    va_list ap;
    va_start(ap, name_format);
    vsnprintf(name, sizeof name, name_format, ap);
    va_end(ap);
    if (groups < 1 || out % (size_t)groups)
        return ERROR(e->ctx, DRIFT_ERROR_USAGE,
                     "encoder: %d groups do not divide %zu channels", groups,
                     out);
    l->groups = groups;
    l->conv = params_add(p, part, SHAPE(3, 3, in, out), INIT_XAVIER, 0,
                         "%s.conv.weight", name);
    l->norm_w =
        params_add(p, part, SHAPE(out), INIT_ONE, 0, "%s.norm.weight", name);
    l->norm_b =
        params_add(p, part, SHAPE(out), INIT_ZERO, 0, "%s.norm.bias", name);
    return p->status;
}

var *conv_layer_forward(encoder *e, tape *t, const tensor *flat,
                        const conv_layer *l, int stride, var *x)
{
    tape_open(t);
    var *y = encoder_conv(e, t, flat, l->conv, -1, stride, x);
    y = tape_groupnorm_act(t, y, encoder_leaf(e, t, flat, l->norm_w),
                           encoder_leaf(e, t, flat, l->norm_b), NULL, l->groups,
                           EPS, ACT_SILU);
    return tape_close(t, y);
}
