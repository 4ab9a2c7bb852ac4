/* Where presets and data sets are looked for. */
#include "base/share.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"

/* Debian's packages dataset-* put theirs here. */
#define SYSTEM_DATA "/usr/share/datasets"

drift_status share_folder(drift_context *ctx, share_kind kind, int i,
                          char **out)
{
    static const char *const names[] = {"presets", "data"};
    static const char *const in_source[] = {"examples", "data"};
    const char *home = getenv("DRIFT_DATA_DIR");
    if (!home || !*home)
        i++;
    *out = NULL;
    switch (i) {
    case 0:
        *out = mem_printf(ctx, "%s/%s", home, names[kind]);
        break;
    case 1:
        *out = mem_printf(ctx, "%s/%s", DRIFT_SOURCE_DIR, in_source[kind]);
        break;
    case 2:
        *out = mem_printf(ctx, "%s/%s", DRIFT_DATA_DIR, names[kind]);
        break;
    case 3:
        if (kind != SHARE_DATA)
            return DRIFT_OK;
        *out = mem_strdup(ctx, SYSTEM_DATA);
        break;
    default:
        return DRIFT_OK;
    }
    return *out ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

drift_status share_find(drift_context *ctx, share_kind kind, const char *name,
                        char **out)
{
    drift_status status = DRIFT_OK;
    char *folder = NULL, *path = NULL;
    *out = NULL;
    for (int i = 0; !*out; i++) {
        TRY(share_folder(ctx, kind, i, &folder));
        if (!folder)
            break;
        path = mem_printf(ctx, "%s/%s", folder, name);
        if (!path) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        if (file_exists(path)) {
            *out = path;
            path = NULL;
        }
        mem_free(path);
        mem_free(folder);
        folder = path = NULL;
    }
out:
    mem_free(folder);
    mem_free(path);
    return status;
}
