/* The error model: the context keeps the first error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"

void text_plain(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        /* U+0080 to U+009F, terminals' other control characters. */
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?';
        else if (*p < ' ' || *p == 0x7f)
            *p = '?';
    }
}

drift_status error_set(drift_context *ctx, drift_status code, const char *file,
                       int line, const char *fmt, ...)
{
    if (ctx && ctx->code == DRIFT_OK) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(ctx->text, sizeof ctx->text, fmt, ap);
        va_end(ap);
        text_plain(ctx->text);
        ctx->code = code;
        snprintf(ctx->place, sizeof ctx->place, "%s:%d", file, line);
    }
    return code;
}

drift_status error_prefix(drift_context *ctx, drift_status code,
                          const char *fmt, ...)
{
    if (ctx && ctx->code != DRIFT_OK) {
        char old[sizeof ctx->text];
        memcpy(old, ctx->text, sizeof old);
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(ctx->text, sizeof ctx->text, fmt, ap);
        va_end(ap);
        size_t used = n < 0 ? 0 : (size_t)n;
        if (used >= sizeof ctx->text)
            used = sizeof ctx->text - 1;
        snprintf(ctx->text + used, sizeof ctx->text - used, ": %.*s",
                 (int)(sizeof ctx->text - used), old);
        text_plain(ctx->text);
    }
    return code;
}

static void log_at(drift_context *ctx, int level, const char *fmt, va_list ap)
{
    if (!ctx || !ctx->log)
        return;
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    text_plain(text);
    ctx->log(ctx->log_data, level, text);
}

void log_warning(drift_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_at(ctx, DRIFT_LOG_WARNING, fmt, ap);
    va_end(ap);
}

void log_info(drift_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_at(ctx, DRIFT_LOG_INFO, fmt, ap);
    va_end(ap);
}

void log_debug(drift_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_at(ctx, DRIFT_LOG_DEBUG, fmt, ap);
    va_end(ap);
}
