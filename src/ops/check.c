/* The text of a failed shape check. */
#include "ops/check.h"

#include <stdarg.h>
#include <stdio.h>

drift_status check_failed(drift_context *ctx, const char *op, const char *what,
                          ...)
{
    char shapes[8 * SHAPE_TEXT] = "", one[SHAPE_TEXT];
    size_t used = 0;
    va_list ap;
    va_start(ap, what);
    for (const tensor *t; (t = va_arg(ap, const tensor *));)
        if (used + SHAPE_TEXT < sizeof shapes)
            used += (size_t)snprintf(shapes + used, sizeof shapes - used,
                                     " %s", shape_text(t->shape, one));
    va_end(ap);
    return ERROR(ctx, DRIFT_ERROR_SHAPE, "%s: %s:%s", op, what, shapes);
}
