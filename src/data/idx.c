/* MNIST and its kin: an IDX file of images u8 [n,h,w] or [n,h,w,c] and one of
 * labels [n], in a folder under their usual names or named by the path. */
#include "data/store.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/idx.h"

/* The folder's file for this split, as "train-images-idx3-ubyte.gz", or NULL
 * when there is none. Some copies have a dot before "idx3". */
static char *find_file(store *s, const char *what, int dims)
{
    static const char *const prefixes[][2] = {{"train", "train"},
                                              {"t10k", "test"}};
    const char *const *prefix = prefixes[!strcmp(s->split, "test")];
    for (int k = 0; k < 8; k++) {
        char *path = mem_printf(s->ctx, "%s/%s-%s%cidx%d-ubyte%s",
                                s->config->path, prefix[k / 4], what,
                                k & 2 ? '.' : '-', dims, k & 1 ? ".gz" : "");
        if (!path || file_exists(path))
            return path;
        mem_free(path);
    }
    return NULL;
}

/* "train-images-idx3-ubyte.gz" to "train-labels-idx1-ubyte.gz"; NULL when the
 * name has no "images" in it. */
static char *labels_beside(store *s, const char *images)
{
    const char *base = store_base_name(images);
    const char *at = strstr(base, "images");
    if (!at)
        return NULL;
    char *path = mem_printf(s->ctx, "%.*slabels%s", (int)(at - images), images,
                            at + strlen("images"));
    char *three = path ? strstr(path + (at - images), "idx3") : NULL;
    if (three)
        three[3] = '1';
    return path;
}

static drift_status read_images(store *s, const char *path)
{
    drift_status status = DRIFT_OK;
    array a;
    TRY(idx_read(s->ctx, path, &a));
    if (a.type != ARRAY_U8 || (a.ndim != 3 && a.ndim != 4) ||
        (a.ndim == 4 && a.dim[3] != 1 && a.dim[3] != 3))
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' holds no images: %d dimensions of %s; allowed are u8 "
             "[n,h,w] and [n,h,w,c] with c 1 or 3",
             path, a.ndim, array_type_name(a.type));
    if (!a.dim[0] || !a.dim[1] || !a.dim[2] || a.dim[1] > 65535 ||
        a.dim[2] > 65535)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' holds %zu images of %zux%zu; allowed are 1 and more, of 1 "
             "to 65535 pixels a side",
             path, a.dim[0], a.dim[2], a.dim[1]);
    s->count = a.dim[0];
    s->height = (int)a.dim[1];
    s->width = (int)a.dim[2];
    s->channels = a.ndim == 4 ? (int)a.dim[3] : 1;
    s->pixels = a.owned;
    a.owned = NULL;
out:
    mem_free(a.owned);
    return status;
}

static drift_status read_labels(store *s, const char *path, const char *images)
{
    drift_status status = DRIFT_OK;
    array a;
    TRY(idx_read(s->ctx, path, &a));
    if (a.ndim != 1)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' holds no labels: %d dimensions instead of 1", path, a.ndim);
    if (a.dim[0] != s->count)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' holds %zu labels for the %zu images of '%s'", path, a.dim[0],
             s->count, images);
    s->labels = mem_alloc(s->ctx, s->count, sizeof *s->labels);
    if (!s->labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    status = array_to_i32(s->ctx, &a, s->labels);
    if (status != DRIFT_OK)
        (void)error_prefix(s->ctx, status, "'%s'", path);
out:
    mem_free(a.owned);
    return status;
}

drift_status load_idx(store *s)
{
    drift_status status = DRIFT_OK;
    const char *path = s->config->path;
    char *images = NULL, *labels = NULL;
    if (file_is_dir(path)) {
        images = find_file(s, "images", 3);
        labels = find_file(s, "labels", 1);
    } else {
        images = mem_strdup(s->ctx, path);
        labels = labels_beside(s, path);
    }
    if (drift_error_code(s->ctx) == DRIFT_ERROR_MEMORY) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!images)
        FAIL(s->ctx, DRIFT_ERROR_IO,
             "'%s' has no %s-images-idx3-ubyte or ...-ubyte.gz", path,
             strcmp(s->split, "test") ? "train" : "t10k");
    TRY(read_images(s, images));
    if (s->config->classes == 1)
        goto out;
    if (!labels || !file_exists(labels))
        FAIL(s->ctx, DRIFT_ERROR_IO,
             "the labels of '%s' are missing%s%s%s; data.classes=1 trains "
             "without",
             images, labels ? " ('" : "", labels ? labels : "",
             labels ? "')" : "");
    TRY(read_labels(s, labels, images));
out:
    mem_free(images);
    mem_free(labels);
    return status;
}
