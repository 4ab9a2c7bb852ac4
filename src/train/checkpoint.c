/* Writing and reading checkpoints; the layout is in checkpoint.h. */
#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FORMAT "drift-checkpoint-1"

/* The metadata, in the order of the digest, which comes last. */
enum {
    KEY_FORMAT,
    KEY_VERSION,
    KEY_STEP,
    KEY_IMAGES,
    KEY_SECONDS,
    KEY_SAMPLE,
    KEY_POINTS,
    KEY_CONFIG,
    KEY_CONFIG_DIGEST,
    KEY_DATA_DIGEST,
    KEY_DIGEST,
    KEY_COUNT
};

static const char *const keys[KEY_COUNT] = {
    "format",        "drift_version", "step",          "images",
    "seconds",       "sample",        "points",        "configuration",
    "config_digest", "data_digest",   "content_digest"};

/* -- writing ------------------------------------------------------------ */

/* Host copies of flat tensors, which the arrays point into. */
typedef struct copies {
    float *list[3 + CONFIG_MAX_EMA];
    size_t count;
} copies;

static drift_status add_set(drift_context *ctx, const char *set,
                            const params *p, const tensor *flat,
                            array_list *arrays, copies *hold)
{
    drift_status status = DRIFT_OK;
    char *name = NULL;
    float *host = mem_alloc(ctx, p->total, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    hold->list[hold->count++] = host;
    TRY(tensor_read(ctx, flat, host));
    for (size_t i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        array a = {
            .type = ARRAY_F32, .ndim = q->shape.ndim, .data = host + q->offset};
        for (int d = 0; d < a.ndim; d++)
            a.dim[d] = q->shape.dim[d];
        mem_free(name);
        name = mem_printf(ctx, "%s.%s", set, q->name);
        if (!name) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        TRY(array_list_add(ctx, arrays, name, &a));
    }
out:
    mem_free(name);
    return status;
}

static drift_status add_state(drift_context *ctx, const optimizer *o,
                              array_list *arrays, copies *hold)
{
    drift_status status = DRIFT_OK;
    const params *p = o->params;
    char set[SET_TEXT], decay[EMA_TEXT];
    TRY(add_set(ctx, "model", p, &p->value, arrays, hold));
    for (int i = 0; i < o->config.ema_count; i++) {
        snprintf(set, sizeof set, "ema.%s",
                 optimizer_ema_name(o->config.ema[i], decay));
        TRY(add_set(ctx, set, p, &o->ema[i], arrays, hold));
    }
    TRY(add_set(ctx, "optimizer.m", p, &o->m, arrays, hold));
    TRY(add_set(ctx, "optimizer.v", p, &o->v, arrays, hold));
out:
    return status;
}

/* Of the metadata but itself, and of every array: name, type, shape, bytes. */
static drift_status digest_content(drift_context *ctx, const array_list *arrays,
                                   const char *const values[KEY_COUNT],
                                   char text[DIGEST_TEXT])
{
    digest *d = digest_new();
    if (!d)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (int i = 0; i < KEY_DIGEST; i++)
        digest_add(d, values[i], strlen(values[i]) + 1);
    for (size_t i = 0; i < arrays->count; i++) {
        const array *a = &arrays->items[i];
        const char *type = array_type_name(a->type);
        digest_add(d, a->name, strlen(a->name) + 1);
        digest_add(d, type, strlen(type) + 1);
        for (int k = 0; k < a->ndim; k++) {
            uint64_t size = a->dim[k];
            digest_add(d, &size, sizeof size);
        }
        digest_add(d, a->data, array_count(a) * array_type_size(a->type));
    }
    digest_finish(d, text);
    return DRIFT_OK;
}

drift_status checkpoint_write(drift_context *ctx, const char *path,
                              const config *c, const checkpoint_facts *f,
                              const optimizer *o, const array_list *more)
{
    drift_status status = DRIFT_OK;
    array_list arrays = {0};
    copies hold = {0};
    char step[32], images[32], seconds[32], sample[96];
    char config_hash[DIGEST_TEXT], content[DIGEST_TEXT];
    char *yaml = NULL;
    snprintf(step, sizeof step, "%" PRId64, f->step);
    snprintf(images, sizeof images, "%" PRId64, f->images);
    snprintf(seconds, sizeof seconds, "%.17g", f->seconds);
    snprintf(sample, sizeof sample, "%d %d %d %d", f->sample.height,
             f->sample.width, f->sample.channels, f->sample.classes);
    TRY(config_text(ctx, c, &yaml));
    TRY(config_digest(ctx, c, config_hash));
    TRY(add_state(ctx, o, &arrays, &hold));
    for (size_t i = 0; more && i < more->count; i++) {
        array a = more->items[i];
        a.owned = NULL;
        TRY(array_list_add(ctx, &arrays, more->items[i].name, &a));
    }
    const char *values[KEY_COUNT] = {
        FORMAT, drift_version(),       step, images,      seconds,
        sample, f->points ? "1" : "0", yaml, config_hash, f->data_digest,
        content};
    TRY(digest_content(ctx, &arrays, values, content));
    TRY(safetensors_write(ctx, path, &arrays, keys, values, KEY_COUNT));
out:
    mem_free(yaml);
    array_list_free(&arrays);
    for (size_t i = 0; i < hold.count; i++)
        mem_free(hold.list[i]);
    return status;
}

/* -- reading ------------------------------------------------------------ */

static drift_status read_count(drift_context *ctx, const char *key,
                               const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "metadata '%s' is '%.32s'; wanted a number >= 0", key,
                     text);
    *out = value;
    return DRIFT_OK;
}

static drift_status read_facts(drift_context *ctx,
                               const char *const values[KEY_COUNT],
                               checkpoint_facts *f)
{
    drift_status status = DRIFT_OK;
    char *end, junk;
    sample_shape *s = &f->sample;
    TRY(read_count(ctx, keys[KEY_STEP], values[KEY_STEP], &f->step));
    TRY(read_count(ctx, keys[KEY_IMAGES], values[KEY_IMAGES], &f->images));
    f->seconds = strtod(values[KEY_SECONDS], &end);
    if (*end || end == values[KEY_SECONDS] || !(f->seconds >= 0))
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "metadata 'seconds' is '%.32s'; wanted a number >= 0",
             values[KEY_SECONDS]);
    if (sscanf(values[KEY_SAMPLE], "%d %d %d %d %c", &s->height, &s->width,
               &s->channels, &s->classes, &junk) != 4 ||
        s->height < 1 || s->width < 1 || s->channels < 1 || s->classes < 1)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "metadata 'sample' is '%.32s'; wanted height, width, channels "
             "and classes",
             values[KEY_SAMPLE]);
    f->points = !strcmp(values[KEY_POINTS], "1");
    snprintf(f->data_digest, sizeof f->data_digest, "%s",
             values[KEY_DATA_DIGEST]);
out:
    return status;
}

drift_status checkpoint_open(drift_context *ctx, const char *path,
                             checkpoint *out)
{
    drift_status status = DRIFT_OK;
    const char *values[KEY_COUNT];
    char content[DIGEST_TEXT];
    *out = (checkpoint){0};
    status = safetensors_open(ctx, path, &out->file);
    if (status != DRIFT_OK)
        return status; /* the text names the path */
    out->path = mem_strdup(ctx, path);
    if (!out->path)
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i < KEY_COUNT; i++) {
        values[i] = safetensors_metadata(&out->file, keys[i]);
        if (!values[i])
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "not a checkpoint of drift: metadata '%s' is missing",
                 keys[i]);
        if (i == KEY_FORMAT && strcmp(values[i], FORMAT) != 0)
            FAIL(ctx, DRIFT_ERROR_FORMAT, "format is '%.64s'; wanted '%s'",
                 values[i], FORMAT);
    }
    TRY(digest_content(ctx, &out->file.arrays, values, content));
    if (strcmp(content, values[KEY_DIGEST]) != 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "its content has digest %s, its header says %.32s: the file is "
             "damaged",
             content, values[KEY_DIGEST]);
    TRY(read_facts(ctx, values, &out->facts));
out:
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "'%s'", path);
}

void checkpoint_close(checkpoint *c)
{
    safetensors_close(&c->file);
    mem_free(c->path);
    *c = (checkpoint){0};
}

drift_status checkpoint_config(drift_context *ctx, const checkpoint *c,
                               config **out)
{
    drift_status status = DRIFT_OK;
    const char *text = safetensors_metadata(&c->file, keys[KEY_CONFIG]);
    config *made = NULL;
    *out = NULL;
    TRY(config_new(ctx, &made));
    TRY(config_parse(ctx, made, c->path, text, strlen(text)));
    TRY(config_resolve(ctx, made));
    *out = made;
    made = NULL;
out:
    config_free(made);
    return status;
}

static drift_status check_shape(drift_context *ctx, const array *a,
                                const param *q)
{
    char wanted[SHAPE_TEXT], found[SHAPE_TEXT];
    int equal = a->ndim == q->shape.ndim;
    for (int d = 0; equal && d < a->ndim; d++)
        equal = a->dim[d] == q->shape.dim[d];
    if (equal)
        return DRIFT_OK;
    size_t used = 0;
    found[0] = '\0';
    for (int d = 0; d < a->ndim && used < sizeof found; d++)
        used += (size_t)snprintf(found + used, sizeof found - used, "%s%zu",
                                 d ? "," : "", a->dim[d]);
    return ERROR(ctx, DRIFT_ERROR_SHAPE,
                 "tensor '%s' has shape [%s]; wanted %s", a->name, found,
                 shape_text(q->shape, wanted));
}

/* Tensors whose names begin with "SET.". */
static size_t count_set(const checkpoint *c, const char *set)
{
    size_t length = strlen(set), count = 0;
    for (size_t i = 0; i < c->file.arrays.count; i++) {
        const char *name = c->file.arrays.items[i].name;
        count += !strncmp(name, set, length) && name[length] == '.';
    }
    return count;
}

drift_status checkpoint_read(drift_context *ctx, const checkpoint *c,
                             const char *set, const params *p, tensor *flat)
{
    drift_status status = DRIFT_OK;
    char *name = NULL;
    float *host = mem_alloc(ctx, p->total, sizeof *host);
    if (!host)
        return DRIFT_ERROR_MEMORY;
    for (size_t i = 0; i < p->count; i++) {
        const param *q = &p->list[i];
        mem_free(name);
        name = mem_printf(ctx, "%s.%s", set, q->name);
        if (!name) {
            status = DRIFT_ERROR_MEMORY;
            goto out;
        }
        const array *a = array_list_find(&c->file.arrays, name);
        if (!a)
            FAIL(ctx, DRIFT_ERROR_SHAPE, "tensor '%s' is missing", name);
        TRY(check_shape(ctx, a, q));
        array_to_f32(a, host + q->offset);
    }
    if (count_set(c, set) != p->count)
        FAIL(ctx, DRIFT_ERROR_SHAPE,
             "'%s' holds %zu tensors; the generator has %zu", set,
             count_set(c, set), p->count);
    TRY(tensor_write(ctx, flat, host));
out:
    mem_free(name);
    mem_free(host);
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "'%s'", c->path);
}

drift_status checkpoint_set(drift_context *ctx, const checkpoint *c,
                            const config *run, const char *name,
                            char text[SET_TEXT])
{
    const optimizer_config *o = &run->optimizer;
    char decay[EMA_TEXT], known[CONFIG_MAX_EMA * (EMA_TEXT + 2)] = "";
    snprintf(text, SET_TEXT, "model");
    if (name ? !strcmp(name, "none") : !o->ema_count)
        return DRIFT_OK;
    snprintf(text, SET_TEXT, "ema.%.24s",
             name ? name : optimizer_ema_name(o->ema[0], decay));
    if (count_set(c, text))
        return DRIFT_OK;
    for (int i = 0; i < o->ema_count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s",
                 optimizer_ema_name(o->ema[i], decay));
    }
    return ERROR(ctx, DRIFT_ERROR_USAGE,
                 "'%s' holds no EMA '%s'; it holds none (the weights)%s",
                 c->path, name ? name : "", known);
}
