/* The folder of what is kept: see cache.h. */
#include "base/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int is_set(const char *value)
{
    return value && *value;
}

drift_status cache_folder(drift_context *ctx, int on, char **out)
{
    const char *wish = getenv("DRIFT_CACHE");
    const char *folder = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *out = NULL;
    if (is_set(wish)) {
        on = strcmp(wish, "on") == 0;
        if (!on && strcmp(wish, "off") != 0)
            return ERROR(ctx, DRIFT_ERROR_USAGE,
                         "DRIFT_CACHE: '%s' is not known; allowed: on, off",
                         wish);
    }
    if (!on)
        return DRIFT_OK;
    /* A relative folder is to be ignored, says the XDG specification. */
    if (is_set(folder) && *folder == '/')
        *out = mem_printf(ctx, "%s/drift", folder);
    else if (is_set(home))
        *out = mem_printf(ctx, "%s/.cache/drift", home);
    else
        return DRIFT_OK;
    return *out ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}
