/* Opening a data set: what kind it is, loading, checks, limit, digest. Images
 * stay in memory as u8; get() makes f32 of one. */
#include "data/data.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/share.h"
#include "data/store.h"

/* -- serving -----------------------------------------------------------------
 */

static drift_status get_pixels(dataset *d, size_t i, float *out)
{
    const store *s = d->state;
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    const unsigned char *p = s->pixels + i * n;
    for (size_t k = 0; k < n; k++)
        out[k] = (float)p[k] / 127.5f - 1.0f;
    return DRIFT_OK;
}

static drift_status get_point(dataset *d, size_t i, float *out)
{
    const store *s = d->state;
    memcpy(out, s->points + 2 * i, 2 * sizeof *out);
    return DRIFT_OK;
}

static int get_label(dataset *d, size_t i)
{
    const store *s = d->state;
    return d->classes > 1 ? s->labels[i] : 0;
}

static void close_store(dataset *d)
{
    store_free(d->state);
    mem_free(d->state);
}

drift_status dataset_read(dataset *d, size_t first, size_t count, float *out)
{
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    int worst = DRIFT_OK;
#pragma omp parallel for schedule(static) reduction(max : worst)
    for (size_t i = 0; i < count; i++) {
        int got = d->get(d, first + i, out + i * n);
        worst = got > worst ? got : worst;
    }
    return (drift_status)worst;
}

void dataset_to_bytes(const float *pixels, size_t count, unsigned char *bytes)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)lrintf(
            fminf(fmaxf((pixels[i] + 1) * 127.5f, 0), 255));
}

void dataset_free(dataset *d)
{
    if (!d)
        return;
    if (d->close)
        d->close(d);
    mem_free(d);
}

/* -- which kind --------------------------------------------------------------
 */

static int has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    return n >= e && !strcmp(name + n - e, ending);
}

static drift_status kind_of_folder(store *s, int *kind)
{
    char **names;
    size_t count;
    drift_status status = file_list(s->ctx, s->config->path, &names, &count);
    if (status != DRIFT_OK)
        return status;
    *kind = DATA_FOLDER;
    for (size_t i = 0; i < count; i++) {
        if (strstr(names[i], "-images-idx3") ||
            strstr(names[i], "-images.idx3"))
            *kind = DATA_IDX;
        else if (!strcmp(names[i], "cifar-10-batches-bin") ||
                 !strcmp(names[i], CIFAR_ARCHIVE) ||
                 !strcmp(names[i], "test_batch.bin") ||
                 (!strncmp(names[i], "data_batch_", 11) &&
                  has_ending(names[i], ".bin")))
            *kind = DATA_CIFAR;
    }
    file_list_free(names, count);
    return DRIFT_OK;
}

static drift_status kind_of_file(store *s, int *kind)
{
    drift_status status = DRIFT_OK;
    file_view view;
    int cifar = 0;
    const char *path = s->config->path, *base = store_base_name(path);
    TRY(file_open_view(s->ctx, path, &view));
    int idx = view.size >= 4 && !view.data[0] && !view.data[1] &&
              view.data[2] >= 8 && view.data[2] <= 14;
    file_close_view(&view);
    *kind = DATA_ARCHIVE;
    if (has_ending(base, ".npz"))
        *kind = DATA_NPZ;
    else if (idx || strstr(base, "idx3") || strstr(base, "ubyte"))
        *kind = DATA_IDX;
    else if (has_ending(base, ".png") || has_ending(base, ".jpg"))
        FAIL(s->ctx, DRIFT_ERROR_FORMAT,
             "'%s' is one image; name the folder that holds the images", path);
    else {
        status = is_cifar_archive(s, &cifar);
        if (status == DRIFT_ERROR_FORMAT)
            (void)error_prefix(s->ctx, status,
                               "'%s' is no data set of a known kind (IDX, npz, "
                               "tar, zip, or a folder)",
                               path);
        if (cifar)
            *kind = DATA_CIFAR;
    }
out:
    return status;
}

static drift_status find_kind(store *s, int *kind)
{
    drift_status status = DRIFT_OK;
    const char *path = s->config->path;
    *kind = s->config->kind;
    if (*kind == DATA_AUTO)
        TRY(file_is_dir(path) ? kind_of_folder(s, kind)
                              : kind_of_file(s, kind));
out:
    return status;
}

static drift_status load(store *s, int kind)
{
    switch (kind) {
    case DATA_IDX:
        return load_idx(s);
    case DATA_CIFAR:
        return load_cifar(s);
    case DATA_FOLDER:
        return load_folder(s);
    case DATA_ARCHIVE:
        return load_archive(s);
    case DATA_NPZ:
        return load_npz(s);
    default:
        return ERROR(s->ctx, DRIFT_ERROR_USAGE, "data.kind %d is unknown",
                     kind);
    }
}

/* -- opening -----------------------------------------------------------------
 */

static drift_status check_config(drift_context *ctx, const data_config *c)
{
    drift_status status = DRIFT_OK;
    if (!c->path || !c->path[0])
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.path is empty; it names a folder, a file or a toy");
    if (c->split && strcmp(c->split, "train") && strcmp(c->split, "test"))
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.split is '%s'; allowed are train and test", c->split);
    if (c->height < 0 || c->width < 0 || !c->height != !c->width ||
        c->height > DATA_MAX_SIDE || c->width > DATA_MAX_SIDE)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.height = %d and data.width = %d; allowed are 1 to %d for "
             "both, or 0 for both (as stored)",
             c->height, c->width, DATA_MAX_SIDE);
    if (c->channels != 0 && c->channels != 1 && c->channels != 3)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.channels is %d; allowed are 0 (as stored), 1 and 3",
             c->channels);
    if (c->limit < 0 || c->classes < 0 || c->classes > STORE_MAX_CLASSES)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "data.limit = %lld, data.classes = %d; allowed are 0 and more, "
             "and 0 to %d",
             (long long)c->limit, c->classes, STORE_MAX_CLASSES);
out:
    return status;
}

/* Move what data.limit keeps to the front. */
static drift_status apply_limit(store *s, int classes)
{
    drift_status status = DRIFT_OK;
    size_t kept, n = 0;
    size_t bytes = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    unsigned char *keep = mem_alloc(s->ctx, s->count, 1);
    if (!keep) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    TRY(store_select(s, classes > 1 ? s->labels : NULL, (size_t)classes,
                     s->count, keep, &kept));
    for (size_t i = 0; i < s->count && kept < s->count; i++) {
        if (!keep[i])
            continue;
        if (s->pixels)
            memmove(s->pixels + n * bytes, s->pixels + i * bytes, bytes);
        else
            memmove(s->points + 2 * n, s->points + 2 * i, 2 * sizeof(float));
        if (s->labels)
            s->labels[n] = s->labels[i];
        n++;
    }
    s->count = kept;
out:
    mem_free(keep);
    return status;
}

static drift_status make_digest(dataset *d, const store *s)
{
    size_t n = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    char *text = mem_printf(d->ctx, "%zu %dx%dx%d points %d classes %d flip %d",
                            d->count, d->height, d->width, d->channels,
                            d->points, d->classes, d->flip);
    digest *sum = digest_new();
    if (!text || !sum) {
        if (sum)
            digest_finish(sum, d->digest);
        mem_free(text);
        return ERROR(d->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    }
    digest_add(sum, text, strlen(text));
    mem_free(text);
    if (s->pixels)
        digest_add(sum, s->pixels, d->count * n);
    else
        digest_add(sum, s->points, d->count * 2 * sizeof *s->points);
    if (d->classes > 1)
        digest_add(sum, s->labels, d->count * sizeof *s->labels);
    digest_finish(sum, d->digest);
    return DRIFT_OK;
}

static drift_status open_store(dataset *d, const data_config *config)
{
    drift_status status = DRIFT_OK;
    int kind;
    store *s = mem_alloc(d->ctx, 1, sizeof *s);
    if (!s)
        return DRIFT_ERROR_MEMORY;
    d->state = s;
    d->close = close_store;
    s->ctx = d->ctx;
    s->config = config;
    s->split = config->split ? config->split : "train";
    TRY(find_kind(s, &kind));
    TRY(load(s, kind));
    TRY(store_check_labels(s, &d->classes));
    TRY(apply_limit(s, d->classes));
    TRY(store_fit(s));
    s->config = NULL; /* the caller's, not to be used later */
    s->split = NULL;
    d->count = s->count;
    d->height = s->height;
    d->width = s->width;
    d->channels = s->channels;
    d->points = s->points != NULL;
    d->flip = config->flip && !d->points;
    d->class_names = (size_t)d->classes == s->classes ? s->class_names : NULL;
    d->get = d->points ? get_point : get_pixels;
    d->label = get_label;
    TRY(make_digest(d, s));
out:
    return status;
}

/* Nothing of that name; where data/fetch.sh knows it, how to get it. */
static drift_status not_found(drift_context *ctx, const char *name)
{
    static const char *const known[][2] = {
        {"fashion-mnist", " (on Debian: the package dataset-fashion-mnist)"},
        {"cifar10", ""}};
    drift_status status = DRIFT_OK;
    char *script = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i][0]))
            continue;
        TRY(share_find(ctx, SHARE_DATA, "fetch.sh", &script));
        FAIL(ctx, DRIFT_ERROR_IO,
             "the data set '%s' is not there; get it by: sh %s %s%s", name,
             script ? script : "data/fetch.sh", name, known[i][1]);
    }
    FAIL(ctx, DRIFT_ERROR_IO,
         "unable to open '%s': No such file or directory, here or among the "
         "data sets that come with the program",
         name);
out:
    mem_free(script);
    return status;
}

/* A plain name that is not here is looked for among the data sets that come
 * with the program. */
static drift_status find_path(drift_context *ctx, const char *path, char **out)
{
    drift_status status = DRIFT_OK;
    *out = NULL;
    if (!file_exists(path) && !strchr(path, '/')) {
        TRY(share_find(ctx, SHARE_DATA, path, out));
        if (!*out)
            TRY(not_found(ctx, path));
        goto out;
    }
    *out = mem_strdup(ctx, path);
    if (!*out)
        status = DRIFT_ERROR_MEMORY;
out:
    return status;
}

drift_status dataset_open(drift_context *ctx, const data_config *config,
                          uint64_t seed, dataset **out)
{
    drift_status status = DRIFT_OK;
    dataset *d = NULL;
    data_config found = *config;
    found.path = NULL;
    *out = NULL;
    TRY(check_config(ctx, config));
    d = mem_alloc(ctx, 1, sizeof *d);
    if (!d) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    d->ctx = ctx;
    int toy = config->kind == DATA_AUTO || config->kind == DATA_TOY
                  ? toy_find(config->path)
                  : -1;
    if (toy >= 0) {
        TRY(toy_open(d, toy, config, seed));
    } else if (config->kind == DATA_TOY) {
        TRY(toy_unknown(ctx, config->path));
    } else {
        TRY(find_path(ctx, config->path, &found.path));
        TRY(open_store(d, &found));
    }
    *out = d;
    d = NULL;
out:
    dataset_free(d);
    mem_free(found.path);
    return status;
}
