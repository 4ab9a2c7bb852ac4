/* Images or points and their labels from a .npz: as drift-sample writes it
 * (images, labels), as Keras does (x_train, y_train), MedMNIST
 * (train_images, train_labels), or unnamed (arr_0, arr_1). */
#include "data/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/npy.h"

/* %s is the split; names without it serve "train". */
static const char *const image_names[] = {"x_%s",   "%s_images", "images",
                                          "points", "x",         "arr_0"};
static const char *const label_names[] = {"y_%s",   "%s_labels", "labels",
                                          "labels", "y",         "arr_1"};
#define NAMES (sizeof image_names / sizeof *image_names)

/* The name that a pattern stands for in this split, "" for none. */
static void fill_in(const store *s, const char *pattern, char name[64])
{
    const char *mark = strstr(pattern, "%s");
    if (mark)
        snprintf(name, 64, "%.*s%s%s", (int)(mark - pattern), pattern, s->split,
                 mark + 2);
    else
        snprintf(name, 64, "%s", strcmp(s->split, "train") ? "" : pattern);
}

static array *find(const store *s, array_list *list, const char *pattern)
{
    char name[64];
    fill_in(s, pattern, name);
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].name, name))
            return &list->items[i];
    return NULL;
}

static int is_wanted(const void *arg, const char *name)
{
    char one[64], other[64];
    for (size_t i = 0; i < NAMES; i++) {
        fill_in(arg, image_names[i], one);
        fill_in(arg, label_names[i], other);
        if (!strcmp(name, one) || !strcmp(name, other))
            return 1;
    }
    return 0;
}

static drift_status take_pixels(store *s, array *a)
{
    drift_status status = DRIFT_OK;
    if (a->type != ARRAY_U8 || (a->ndim != 3 && a->ndim != 4) ||
        (a->ndim == 4 && a->dim[3] != 1 && a->dim[3] != 3))
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s': '%s' is %s with %d dimensions; allowed are images U8 "
             "[n,h,w] or [n,h,w,c] with c 1 or 3, and points F32 or F64 [n,2]",
             s->config->path, a->name, array_type_name(a->type), a->ndim);
    if (a->dim[1] > 65535 || a->dim[2] > 65535 || !a->dim[1] || !a->dim[2])
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s': '%s' holds images of %zux%zu; allowed are 1 to 65535 "
             "pixels a side",
             s->config->path, a->name, a->dim[2], a->dim[1]);
    s->height = (int)a->dim[1];
    s->width = (int)a->dim[2];
    s->channels = a->ndim == 4 ? (int)a->dim[3] : 1;
    s->pixels = a->owned;
    a->owned = NULL;
out:
    return status;
}

static drift_status take_points(store *s, const array *a)
{
    drift_status status = DRIFT_OK;
    s->height = s->width = 1;
    s->channels = 2;
    s->points = mem_alloc(s->ctx, a->dim[0], 2 * sizeof *s->points);
    if (!s->points)
        return DRIFT_ERROR_MEMORY;
    array_to_f32(a, s->points);
    for (size_t i = 0; i < a->dim[0]; i++) {
        const float *p = s->points + 2 * i;
        if (!isfinite(p[0]) || !isfinite(p[1]))
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': row %zu of '%s' is (%g, %g); allowed are finite "
                 "numbers",
                 s->config->path, i, a->name, p[0], p[1]);
    }
out:
    return status;
}

static drift_status take_labels(store *s, const array *a)
{
    drift_status status = DRIFT_OK;
    if (a->ndim < 1 || array_count(a) != a->dim[0])
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s': the labels '%s' are not one number an image",
             s->config->path, a->name);
    if (a->dim[0] != s->count)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s': '%s' holds %zu labels for %zu images", s->config->path,
             a->name, a->dim[0], s->count);
    s->labels = mem_alloc(s->ctx, s->count, sizeof *s->labels);
    if (!s->labels) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    status = array_to_i32(s->ctx, a, s->labels);
    if (status != DRIFT_OK)
        (void)error_prefix(s->ctx, status, "'%s'", s->config->path);
out:
    return status;
}

drift_status load_npz(store *s)
{
    drift_status status = DRIFT_OK;
    array_list list = {0};
    array *images = NULL, *labels = NULL;
    TRY(npz_read_some(s->ctx, s->config->path, is_wanted, s, &list));
    for (size_t i = 0; i < NAMES && !images; i++) {
        images = find(s, &list, image_names[i]);
        labels = find(s, &list, label_names[i]);
    }
    if (!images)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' has no images for the split '%s': looked for x_%s, "
             "%s_images%s",
             s->config->path, s->split, s->split, s->split,
             strcmp(s->split, "train") ? "" : ", images, points, x, arr_0");
    s->count = images->ndim ? images->dim[0] : 0;
    if (!s->count)
        FAIL(s->ctx, DRIFT_ERROR_FORMAT, "'%s': '%s' is empty", s->config->path,
             images->name);
    if ((images->type == ARRAY_F32 || images->type == ARRAY_F64) &&
        images->ndim == 2 && images->dim[1] == 2)
        TRY(take_points(s, images));
    else
        TRY(take_pixels(s, images));
    if (labels && s->config->classes != 1)
        TRY(take_labels(s, labels));
out:
    array_list_free(&list);
    return status;
}
