/* Pixels and encoders to feature families. */
#include "drift/extractor.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/items.h"
#include "base/mem.h"
#include "base/share.h"
#include "nn/autoencoder.h"

/* -- running -------------------------------------------------------------- */

/* The families of the first `maps` maps; returns how many maps there are up to
 * the last one that counts. */
static size_t encode(encoder *e, size_t maps, tape *t, features *f, var *sample)
{
    encoder_out out = {.most = maps};
    size_t needed = 0;
    encoder_forward(e, t, &e->params.value, sample, &out);
    for (size_t i = 0; i < out.count && tape_status(t) == DRIFT_OK; i++) {
        const encoder_map *m = &out.list[i];
        const size_t *d = m->value->value.shape.dim;
        size_t before = f->count;
        if (m->families & FAMILY_NORM)
            features_norm_x(t, f, m->value);
        else if (m->families)
            features_of_map(t, f, m->value, m->name, m->families);
        else
            features_add(t, f, tape_reshape(t, m->value, SHAPE(d[0], 1, d[1])),
                         m->name);
        if (f->count > before)
            needed = i + 1;
    }
    return needed;
}

/* As extractor_run; `needed` [count], where not NULL, is of encode. */
static void extract(const extractor *x, tape *t, features *f, var *sample,
                    size_t *needed)
{
    char prefix[24];
    f->count = 0;
    f->choice = x->choice;
    f->prefix = NULL;
    features_global(t, f, sample);
    if (x->count && x->decoder)
        sample = autoencoder_decode(x->decoder, t, &x->decoder->params.value,
                                    sample);
    for (size_t i = 0; i < x->count; i++) {
        snprintf(prefix, sizeof prefix, "%zu.", i + 1);
        f->prefix = i ? prefix : NULL;
        if (needed)
            needed[i] = encode(x->encoders[i], 0, t, f, sample);
        else if (x->maps[i])
            (void)encode(x->encoders[i], x->maps[i], t, f, sample);
    }
    f->prefix = NULL;
}

void extractor_run(const extractor *x, tape *t, features *f, var *sample)
{
    extract(x, t, f, sample, NULL);
}

/* -- making --------------------------------------------------------------- */

drift_status encoder_path(drift_context *ctx, const char *name, char **path)
{
    drift_status status = DRIFT_OK;
    char file[ITEM_TEXT + 32];
    *path = NULL;
    if (!file_exists(name) && !strchr(name, '/')) {
        snprintf(file, sizeof file, "weights/%s.safetensors", name);
        TRY(share_find(ctx, SHARE_DATA, file, path));
    }
    if (!*path)
        *path = mem_strdup(ctx, name);
    if (!*path)
        status = DRIFT_ERROR_MEMORY;
out:
    return status;
}

drift_status encoder_named(drift_context *ctx, const char *name,
                           encoder_opener *opener, encoder **out)
{
    char *path = NULL;
    drift_status status = encoder_path(ctx, name, &path);
    *out = NULL;
    if (status == DRIFT_OK)
        status = opener(ctx, path, out);
    mem_free(path);
    return status;
}

static drift_status open_encoders(extractor *x, const char *list)
{
    drift_context *ctx = x->ctx;
    drift_status status = DRIFT_OK;
    char item[ITEM_TEXT];
    digest *d = digest_new();
    if (!d)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    digest_add(d, x->choice, strlen(x->choice));
    while (items_next(&list, item)) {
        if (x->count == EXTRACTOR_ENCODERS)
            FAIL(ctx, DRIFT_ERROR_USAGE,
                 "features.encoders: more than %d encoders",
                 EXTRACTOR_ENCODERS);
        status = encoder_named(ctx, item, encoder_open, &x->encoders[x->count]);
        if (status != DRIFT_OK) {
            status = error_prefix(ctx, status, "features.encoders");
            goto out;
        }
        const encoder *e = x->encoders[x->count++];
        digest_add(d, e->ops->name, strlen(e->ops->name));
        TRY(encoder_digest(e, d));
    }
out:
    digest_finish(d, x->digest);
    return status;
}

/* Every pattern is to fit a family. */
static drift_status check_patterns(extractor *x, const features *all)
{
    const char *at = x->choice;
    char item[ITEM_TEXT], names[1200] = "";
    size_t used = 0;
    while (items_next(&at, item)) {
        char *equals = strrchr(item, '=');
        size_t i = 0;
        if (equals)
            *equals = '\0';
        while (i < all->count && fnmatch(item, all->list[i].name, 0))
            i++;
        if (i < all->count)
            continue;
        for (i = 0; i < all->count && used < sizeof names; i++)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     i ? ", " : "", all->list[i].name);
        return ERROR(x->ctx, DRIFT_ERROR_USAGE,
                     "features.families: '%s' fits no family; there are %s%s",
                     item, names, used < sizeof names ? "" : " ...");
    }
    return DRIFT_OK;
}

/* The families of one black image: all of them, then those that count. */
static drift_status find_families(extractor *x, sample_shape s)
{
    drift_context *ctx = x->ctx;
    drift_status status = DRIFT_OK;
    tensor image = {0};
    features f = {0};
    tape *t = NULL;
    char *choice = x->choice;
    TRY(tape_new(ctx, 0, &t));
    TRY(tensor_new(
        ctx, &image, DTYPE_F32,
        SHAPE(1, (size_t)s.height, (size_t)s.width, (size_t)s.channels)));
    TRY(op_fill(ctx, &image, 0));
    x->choice = NULL;
    extract(x, t, &f, tape_constant(t, &image), x->maps);
    x->choice = choice;
    TRY(tape_status(t));
    TRY(check_patterns(x, &f));
    extract(x, t, &f, tape_constant(t, &image), x->maps);
    TRY(tape_status(t));
    if (!f.count)
        FAIL(ctx, DRIFT_ERROR_USAGE,
             "features.families: no family has a weight above 0");
    x->families = mem_alloc(ctx, f.count, sizeof *x->families);
    if (!x->families) {
        status = DRIFT_ERROR_MEMORY;
        goto out;
    }
    x->family_count = f.count;
    for (size_t i = 0; i < f.count; i++) {
        const size_t *d = f.list[i].value->value.shape.dim;
        store_family *to = &x->families[i];
        snprintf(to->name, sizeof to->name, "%s", f.list[i].name);
        to->locations = d[1];
        to->channels = d[2];
    }
out:
    x->choice = choice;
    features_free(&f);
    tape_free(t);
    tensor_free(ctx, &image);
    return status;
}

drift_status extractor_new(drift_context *ctx, const features_config *c,
                           sample_shape sample, encoder *decoder, extractor *x)
{
    drift_status status = DRIFT_OK;
    *x = (extractor){.ctx = ctx, .decoder = decoder};
    TRY(family_check(ctx, c->families));
    x->choice = mem_strdup(ctx, c->families);
    if (!x->choice)
        return DRIFT_ERROR_MEMORY;
    TRY(open_encoders(x, c->encoders));
    TRY(find_families(x, sample));
out:
    return status;
}

void extractor_free(extractor *x)
{
    for (size_t i = 0; i < x->count; i++)
        encoder_free(x->encoders[i]);
    mem_free(x->families);
    mem_free(x->choice);
    *x = (extractor){0};
}
