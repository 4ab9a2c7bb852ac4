/* Features of the real images, computed once where nothing changes them: the
 * encoders are frozen and the images are not augmented. From then on a step
 * gathers rows. */
#include "train/step.h"

#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "drift/nearest.h"

#define FILE_NAME "features.cache"
#define SAY       5.0 /* seconds between two lines of progress */

int step_caches(const step *s)
{
    return s->c->features.cache && s->extractor.count && s->data &&
           s->data->count && !s->data->flip && !s->along_count;
}

/* What the numbers follow from. */
static drift_status make_key(step *s, char key[DIGEST_TEXT])
{
    digest *d = digest_new();
    if (!d)
        return ERROR(s->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    digest_add(d, s->data->digest, strlen(s->data->digest));
    digest_add(d, s->extractor.digest, strlen(s->extractor.digest));
    digest_finish(d, key);
    return DRIFT_OK;
}

static drift_status open_store(step *s, const char *folder)
{
    const features_config *c = &s->c->features;
    const extractor *x = &s->extractor;
    drift_status status = DRIFT_OK;
    char key[DIGEST_TEXT], *path = NULL;
    size_t row = 0, size = c->cache_type == STORE_F16 ? 2 : 4;
    for (size_t i = 0; i < x->family_count; i++)
        row += x->families[i].locations * x->families[i].channels * size;
    TRY(make_key(s, key));
    if (*c->cache_file)
        path = mem_strdup(s->ctx, c->cache_file);
    else if (row > (size_t)c->cache_memory / s->data->count)
        path = mem_printf(s->ctx, "%s/" FILE_NAME, folder);
    TRY(feature_store_new(s->ctx,
                          &(store_plan){.families = x->families,
                                        .family_count = x->family_count,
                                        .rows = s->data->count,
                                        .type = (store_type)c->cache_type,
                                        .path = path,
                                        .key = key},
                          &s->store));
    log_info(s->ctx, "features of %zu real images, %zu MiB in %s%s",
             s->data->count, feature_store_bytes(s->store) >> 20,
             path ? path : "memory",
             feature_store_complete(s->store) ? ", there already" : "");
out:
    mem_free(path);
    return status;
}

/* Features of the images first ... into the store. */
static drift_status put_batch(step *s, tape *t, features *f, size_t first,
                              const tensor *images)
{
    drift_status status = DRIFT_OK;
    extractor_run(&s->extractor, t, f, tape_constant(t, images));
    TRY(tape_status(t));
    for (size_t i = 0; i < f->count; i++) {
        TRY(tensor_read(s->ctx, &f->list[i].value->value, s->rows));
        TRY(feature_store_put(s->store, i, first, images->shape.dim[0],
                              s->rows));
    }
out:
    return status;
}

static drift_status fill_store(step *s, size_t most)
{
    drift_context *ctx = s->ctx;
    drift_status status = DRIFT_OK;
    dataset *d = s->data;
    shape image =
        SHAPE(most, (size_t)d->height, (size_t)d->width, (size_t)d->channels);
    double start = clock_seconds(), said = start;
    float *pixels = mem_alloc(ctx, shape_count(image), sizeof *pixels);
    tensor batch = {0};
    features f = {0};
    tape *t = NULL;
    if (!pixels)
        return DRIFT_ERROR_MEMORY;
    TRY(tape_new(ctx, 0, &t));
    TRY(tensor_new(ctx, &batch, DTYPE_F32, image));
    for (size_t first = 0; first < d->count; first += most) {
        image.dim[0] = d->count - first < most ? d->count - first : most;
        TRY(dataset_read(d, first, image.dim[0], pixels));
        tensor filled = tensor_view(&batch, 0, image);
        tape_reset(t, 0);
        TRY(tensor_write(ctx, &filled, pixels));
        TRY(put_batch(s, t, &f, first, &filled));
        if (clock_seconds() - said > SAY) {
            said = clock_seconds();
            log_info(ctx, "features of %zu of %zu real images",
                     first + image.dim[0], d->count);
        }
    }
    TRY(feature_store_finish(s->store));
    log_info(ctx, "features of the real images took %.1f s",
             clock_seconds() - start);
out:
    features_free(&f);
    tape_free(t);
    tensor_free(ctx, &batch);
    mem_free(pixels);
    return status;
}

/* Where the nearest are looked for. */
static drift_status find_family(step *s)
{
    const char *name = s->c->drift.nearest_family;
    const extractor *x = &s->extractor;
    if (!s->store || !s->bank->whole)
        return ERROR(s->ctx, DRIFT_ERROR_USAGE,
                     "drift.positives_choice: nearest looks among the cached "
                     "features of the whole data set: it wants an encoder, "
                     "features.cache, drift.bank = 0 and neither data.flip nor "
                     "features.train_encoder");
    s->nearest = x->family_count - 1;
    for (size_t i = 0; *name && i < x->family_count; i++)
        if (!strcmp(name, x->families[i].name)) {
            s->nearest = i;
            return DRIFT_OK;
        }
    return *name ? ERROR(s->ctx, DRIFT_ERROR_USAGE,
                         "drift.nearest_family: '%.80s' is not one of the "
                         "families in use",
                         name)
                 : DRIFT_OK;
}

drift_status step_cache(step *s, const char *folder)
{
    drift_status status = DRIFT_OK;
    int nearest = s->c->drift.positives_choice == POSITIVES_NEAREST;
    size_t largest = 0, most = s->parts[0].count;
    size_t rows = s->entries *
                  (s->positives > s->negatives ? s->positives : s->negatives);
    if (!step_caches(s))
        return nearest ? find_family(s) : DRIFT_OK;
    TRY(open_store(s, folder));
    for (size_t i = 0; i < s->extractor.family_count; i++)
        if (feature_store_numbers(s->store, i) > largest)
            largest = feature_store_numbers(s->store, i);
    s->rows = mem_alloc(s->ctx, (rows > most ? rows : most) * largest,
                        sizeof *s->rows);
    if (!s->rows) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    if (!feature_store_complete(s->store))
        TRY(fill_store(s, most));
    if (nearest)
        TRY(find_family(s));
    draw_drop_images(s);
out:
    return status;
}

/* -- using it ------------------------------------------------------------- */

drift_status step_nearest(step *s)
{
    drift_status status = DRIFT_OK;
    const rings *r = &s->bank->by_class;
    const tensor *all = &s->fake.list[s->nearest].value;
    size_t n = s->generated, p = s->positives, f = all->shape.dim[1];
    size_t c = all->shape.dim[2];
    rng_stream words = {s->seed, RNG_POSITIVE, (uint64_t)s->drawn};
    for (size_t e = 0; e < s->entries; e++) {
        size_t start = r->start[s->classes[e]];
        tensor gen = tensor_view(all, e * n * f * c, SHAPE(n, f, c));
        nearest_input in = {.store = s->store,
                            .family = s->nearest,
                            .gen = &gen,
                            .candidates = r->index + start,
                            .count = r->start[s->classes[e] + 1] - start,
                            .share = s->c->drift.nearest_random};
        /* A class with fewer is taken as it was drawn, some twice. */
        if (in.count >= p)
            TRY(nearest_positives(s->ctx, &in, words, e * p, s->indices + e * p,
                                  p));
    }
out:
    return status;
}

drift_status step_cached(step *s, const int64_t *indices, size_t count,
                         family_set *out)
{
    drift_context *ctx = s->ctx;
    const extractor *x = &s->extractor;
    drift_status status = DRIFT_OK;
    out->list = mem_alloc(ctx, x->family_count, sizeof *out->list);
    if (!out->list)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < x->family_count; i++) {
        const store_family *from = &x->families[i];
        family *to = &out->list[out->count++];
        memcpy(to->name, from->name, sizeof to->name);
        TRY(tensor_new(ctx, &to->value, DTYPE_F32,
                       SHAPE(count, from->locations, from->channels)));
        TRY(feature_store_gather(s->store, i, indices, count, s->rows));
        TRY(tensor_upload(ctx, &to->value, s->rows));
    }
out:
    return status;
}
