/* The steps that all sources of images share. */
#include "data/store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/context.h"
#include "base/file.h"
#include "base/mem.h"

void store_free(store *s)
{
    mem_free(s->pixels);
    mem_free(s->points);
    mem_free(s->labels);
    for (size_t i = 0; i < s->classes; i++)
        mem_free(s->class_names[i]);
    mem_free(s->class_names);
    *s = (store){0};
}

const char *store_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int ends_as(const char *name, const char *const *endings)
{
    const char *base = store_base_name(name), *dot = strrchr(base, '.');
    for (; base[0] != '.' && dot && *endings; endings++)
        if (!strcasecmp(dot, *endings))
            return 1;
    return 0;
}

int store_is_image_name(const char *name)
{
    static const char *const read[] = {".png", ".jpg", ".jpeg", NULL};
    return ends_as(name, read);
}

int store_is_other_image_name(const char *name)
{
    static const char *const others[] = {".webp", ".gif",  ".bmp",  ".tif",
                                         ".tiff", ".avif", ".heic", NULL};
    return ends_as(name, others);
}

static size_t image_bytes(const store *s)
{
    return (size_t)s->height * (size_t)s->width * (size_t)s->channels;
}

/* -- decoding ----------------------------------------------------------------
 */

static drift_status decode_item(const store *s, drift_context *ctx,
                                const store_item *item, image *img)
{
    drift_status status = DRIFT_OK;
    const data_config *c = s->config;
    if (item->data)
        TRY(image_decode(ctx, item->name, item->data, item->size, img));
    else
        TRY(image_read(ctx, item->name, img));
    TRY(image_fit(ctx, img, c->height, c->width, c->crop, c->channels));
out:
    return status;
}

static drift_status check_size(const store *s, drift_context *ctx,
                               const store_item *item, const image *img)
{
    if (img->height == s->height && img->width == s->width &&
        img->channels == s->channels)
        return DRIFT_OK;
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "'%s' is %dx%d with %d channels, the images before it %dx%d "
                 "with %d; set data.height, data.width and data.channels to "
                 "bring them to one size",
                 item->name, img->width, img->height, img->channels, s->width,
                 s->height, s->channels);
}

static drift_status make_room(store *s, size_t count)
{
    if (count <= s->room - s->count)
        return DRIFT_OK;
    size_t room = s->count ? 2 * s->room + count : count;
    int *labels = mem_resize(s->ctx, s->labels, room, sizeof *labels);
    if (!labels)
        return DRIFT_ERROR_MEMORY;
    s->labels = labels;
    unsigned char *pixels = mem_resize(s->ctx, s->pixels, room, image_bytes(s));
    if (!pixels)
        return DRIFT_ERROR_MEMORY;
    s->pixels = pixels;
    s->room = room;
    return DRIFT_OK;
}

/* Threads report into contexts of their own; the first item's error counts,
 * whatever the order of the threads. */
static drift_status decode_rest(store *s, const store_item *items, size_t from,
                                size_t count)
{
    size_t bytes = image_bytes(s), failed_at = count;
    drift_context *first = mem_alloc(s->ctx, 1, sizeof *first);
    if (!first)
        return DRIFT_ERROR_MEMORY;
#pragma omp parallel for schedule(dynamic, 16)
    for (size_t i = from; i < count; i++) {
        drift_context own = {0};
        image img = {0};
        size_t stop;
#pragma omp atomic read
        stop = failed_at;
        if (i > stop)
            continue;
        drift_status status = decode_item(s, &own, &items[i], &img);
        if (status == DRIFT_OK)
            status = check_size(s, &own, &items[i], &img);
        if (status == DRIFT_OK) {
            memcpy(s->pixels + (s->count + i) * bytes, img.pixels, bytes);
        } else {
#pragma omp critical(data_store)
            if (i < failed_at) {
#pragma omp atomic write
                failed_at = i;
                *first = own;
            }
        }
        image_free(&img);
    }
    drift_status status = DRIFT_OK;
    if (failed_at < count)
        status = error_set(s->ctx, first->code, __FILE__, __LINE__, "%s",
                           first->text);
    mem_free(first);
    return status;
}

drift_status store_decode(store *s, const store_item *items, size_t count)
{
    drift_status status = DRIFT_OK;
    image img = {0};
    size_t from = 0;
    s->fitted = 1;
    if (count && !s->channels) {
        TRY(decode_item(s, s->ctx, &items[0], &img));
        s->height = img.height;
        s->width = img.width;
        s->channels = img.channels;
        from = 1;
    }
    TRY(make_room(s, count));
    if (from)
        memcpy(s->pixels, img.pixels, image_bytes(s));
    TRY(decode_rest(s, items, from, count));
    for (size_t i = 0; i < count; i++)
        s->labels[s->count + i] = items[i].label;
    s->count += count;
out:
    image_free(&img);
    return status;
}

/* -- size and channels of plain pixels ---------------------------------------
 */

static drift_status fit_one(store *s, drift_context *ctx, size_t i, image *img)
{
    const data_config *c = s->config;
    size_t bytes = image_bytes(s);
    *img = (image){s->height, s->width, s->channels, mem_alloc(ctx, bytes, 1)};
    if (!img->pixels)
        return DRIFT_ERROR_MEMORY;
    memcpy(img->pixels, s->pixels + i * bytes, bytes);
    return image_fit(ctx, img, c->height, c->width, c->crop, c->channels);
}

drift_status store_fit(store *s)
{
    const data_config *c = s->config;
    int height = c->height ? c->height : s->height;
    int width = c->height ? c->width : s->width;
    int channels = c->channels ? c->channels : s->channels;
    if (s->fitted || !s->pixels ||
        (height == s->height && width == s->width && channels == s->channels))
        return DRIFT_OK;
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    unsigned char *pixels = mem_alloc(s->ctx, s->count, bytes);
    int failed = 0;
    if (!pixels)
        return DRIFT_ERROR_MEMORY;
        /* Nothing but memory can fail here. */
#pragma omp parallel for schedule(static) reduction(| : failed)
    for (size_t i = 0; i < s->count; i++) {
        image img;
        if (fit_one(s, NULL, i, &img) != DRIFT_OK)
            failed = 1;
        else
            memcpy(pixels + i * bytes, img.pixels, bytes);
        image_free(&img);
    }
    if (failed) {
        mem_free(pixels);
        return ERROR(s->ctx, DRIFT_ERROR_MEMORY,
                     "out of memory while resizing images");
    }
    mem_free(s->pixels);
    s->pixels = pixels;
    s->height = height;
    s->width = width;
    s->channels = channels;
    return DRIFT_OK;
}

/* -- classes -----------------------------------------------------------------
 */

drift_status store_class(store *s, const char *name, int *label)
{
    /* Files of one class mostly follow each other: newest first. */
    for (size_t i = s->classes; i > 0; i--)
        if (!strcmp(s->class_names[i - 1], name)) {
            *label = (int)(i - 1);
            return DRIFT_OK;
        }
    if (s->classes == STORE_MAX_CLASSES)
        return ERROR(s->ctx, DRIFT_ERROR_FORMAT,
                     "'%s' has more than the %d class folders allowed",
                     s->config->path, STORE_MAX_CLASSES);
    char **more =
        mem_resize(s->ctx, s->class_names, s->classes + 1, sizeof *more);
    if (!more)
        return DRIFT_ERROR_MEMORY;
    s->class_names = more;
    more[s->classes] = mem_strdup(s->ctx, name);
    if (!more[s->classes])
        return DRIFT_ERROR_MEMORY;
    *label = (int)s->classes++;
    return DRIFT_OK;
}

typedef struct class_place {
    char *name;
    int old;
} class_place;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const class_place *)a)->name,
                  ((const class_place *)b)->name);
}

drift_status store_sort_classes(store *s)
{
    class_place *places = mem_alloc(s->ctx, s->classes, sizeof *places);
    int *number = mem_alloc(s->ctx, s->classes, sizeof *number);
    if (!places || !number) {
        mem_free(places);
        mem_free(number);
        return DRIFT_ERROR_MEMORY;
    }
    for (size_t i = 0; i < s->classes; i++)
        places[i] = (class_place){s->class_names[i], (int)i};
    qsort(places, s->classes, sizeof *places, by_name);
    for (size_t i = 0; i < s->classes; i++) {
        s->class_names[i] = places[i].name;
        number[places[i].old] = (int)i;
    }
    for (size_t i = 0; i < s->count; i++)
        s->labels[i] = number[s->labels[i]];
    mem_free(places);
    mem_free(number);
    return DRIFT_OK;
}

drift_status store_check_labels(store *s, int *classes)
{
    drift_status status = DRIFT_OK;
    size_t *found = NULL;
    int wanted = s->config->classes, most = -1;
    *classes = 1;
    if (wanted == 1 || !s->labels) {
        if (wanted > 1)
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s' has no labels; data.classes = %d asks for them",
                 s->config->path, wanted);
        goto out;
    }
    for (size_t i = 0; i < s->count; i++) {
        int limit = wanted ? wanted : STORE_MAX_CLASSES;
        if (s->labels[i] < 0 || s->labels[i] >= limit)
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': image %zu has the label %d; allowed are 0 to %d",
                 s->config->path, i, s->labels[i], limit - 1);
        if (s->labels[i] > most)
            most = s->labels[i];
    }
    *classes = wanted                       ? wanted
               : (int)s->classes > most + 1 ? (int)s->classes
                                            : most + 1;
    found = mem_alloc(s->ctx, (size_t)*classes, sizeof *found);
    if (!found) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < s->count; i++)
        found[s->labels[i]]++;
    for (int k = 0; k < *classes; k++)
        if (!found[k])
            FAIL(s->ctx, DRIFT_ERROR_FORMAT,
                 "'%s': class %d%s%s has no images; every class from 0 to %d "
                 "needs one",
                 s->config->path, k, (size_t)k < s->classes ? " " : "",
                 (size_t)k < s->classes ? s->class_names[k] : "", *classes - 1);
out:
    mem_free(found);
    return status;
}

drift_status store_select(const store *s, const int *labels, size_t classes,
                          size_t count, unsigned char *keep, size_t *kept)
{
    drift_status status = DRIFT_OK;
    size_t *ranks = NULL, *next = NULL, *of_rank = NULL;
    size_t limit = s->config->limit ? (size_t)s->config->limit : count;
    if (limit > count)
        limit = count;
    *kept = limit;
    memset(keep, 1, count);
    if (limit == count)
        goto out;
    if (limit < classes)
        FAIL(s->ctx, DRIFT_ERROR_USAGE,
             "data.limit = %zu leaves some of the %zu classes without an "
             "image; allowed are 0 (all) and %zu or more",
             limit, classes, classes);
    ranks = mem_alloc(s->ctx, count, sizeof *ranks); /* within its class */
    of_rank = mem_alloc(s->ctx, count + 1, sizeof *of_rank);
    next = mem_alloc(s->ctx, classes, sizeof *next);
    if (!ranks || !of_rank || !next) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        ranks[i] = next[labels ? (size_t)labels[i] : 0]++;
        of_rank[ranks[i]]++;
    }
    size_t whole = 0; /* ranks that fit completely */
    while (of_rank[whole] <= limit)
        limit -= of_rank[whole++];
    for (size_t i = 0; i < count; i++)
        keep[i] = ranks[i] < whole || (ranks[i] == whole && limit && limit--);
out:
    mem_free(ranks);
    mem_free(of_rank);
    mem_free(next);
    return status;
}
