/* Writing and reading checkpoints; the layout is in checkpoint.h. */
#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"

#define FORMAT "drift-checkpoint-2"

/* No run is longer, no sample larger: products of them stay in range. */
#define MOST_STEPS   1000000000000
#define MOST_IMAGES  1000000000000000000
#define MOST_NUMBERS ((int64_t)1 << 28)

/* The metadata, in the order of the digest, which comes last. */
enum {
    KEY_FORMAT,
    KEY_VERSION,
    KEY_STEP,
    KEY_IMAGES,
    KEY_SECONDS,
    KEY_SAMPLE,
    KEY_POINTS,
    KEY_CLASSES,
    KEY_CONFIG,
    KEY_CONFIG_DIGEST,
    KEY_DATA_DIGEST,
    KEY_DIGEST
};
_Static_assert(KEY_DIGEST + 1 == CHECKPOINT_KEYS, "every key has a name");

const char *const checkpoint_keys[CHECKPOINT_KEYS] = {
    "format",        "drift_version", "step",        "images",
    "seconds",       "sample",        "points",      "class_names",
    "configuration", "config_digest", "data_digest", "content_digest"};

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

/* ["zero", "one", ...], or "" where the classes have no names. A name that is
 * not UTF-8 gives way to its number. */
static drift_status class_text(drift_context *ctx, const checkpoint_facts *f,
                               char **out)
{
    json_t *list = json_array();
    char *text = NULL;
    int bad = !list;
    for (int i = 0; f->class_names && i < f->sample.classes; i++) {
        json_t *name = json_string(f->class_names[i]);
        bad |= json_array_append_new(list,
                                     name ? name : json_sprintf("%d", i)) != 0;
    }
    if (!bad && f->class_names)
        text = json_dumps(list, JSON_COMPACT);
    bad |= f->class_names && !text;
    json_decref(list);
    *out = bad ? NULL : mem_strdup(ctx, text ? text : "");
    free(text);
    if (bad)
        return ERROR(ctx, DRIFT_ERROR_MEMORY, "out of memory");
    return *out ? DRIFT_OK : DRIFT_ERROR_MEMORY;
}

drift_status checkpoint_digest(drift_context *ctx, const array_list *arrays,
                               const char *const values[CHECKPOINT_KEYS],
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
    char *yaml = NULL, *classes = NULL;
    snprintf(step, sizeof step, "%" PRId64, f->step);
    snprintf(images, sizeof images, "%" PRId64, f->images);
    snprintf(seconds, sizeof seconds, "%.17g", f->seconds);
    snprintf(sample, sizeof sample, "%d %d %d %d", f->sample.height,
             f->sample.width, f->sample.channels, f->sample.classes);
    TRY(config_text(ctx, c, &yaml));
    TRY(config_digest(ctx, c, config_hash));
    TRY(class_text(ctx, f, &classes));
    TRY(add_state(ctx, o, &arrays, &hold));
    for (size_t i = 0; more && i < more->count; i++) {
        array a = more->items[i];
        a.owned = NULL;
        TRY(array_list_add(ctx, &arrays, more->items[i].name, &a));
    }
    const char *values[CHECKPOINT_KEYS] = {FORMAT,
                                           drift_version(),
                                           step,
                                           images,
                                           seconds,
                                           sample,
                                           f->points ? "1" : "0",
                                           classes,
                                           yaml,
                                           config_hash,
                                           f->data_digest,
                                           content};
    TRY(checkpoint_digest(ctx, &arrays, values, content));
    TRY(safetensors_write(ctx, path, &arrays, checkpoint_keys, values,
                          CHECKPOINT_KEYS));
out:
    mem_free(classes);
    mem_free(yaml);
    array_list_free(&arrays);
    for (size_t i = 0; i < hold.count; i++)
        mem_free(hold.list[i]);
    return status;
}

/* -- reading ------------------------------------------------------------ */

static drift_status read_count(drift_context *ctx, const char *key,
                               const char *text, int64_t most, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > most)
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "metadata '%s' is '%.32s'; wanted a number from 0 to "
                     "%" PRId64,
                     key, text, most);
    *out = value;
    return DRIFT_OK;
}

/* The size of a sample: of points, what the plane has. */
static drift_status read_sample(drift_context *ctx, const char *text,
                                const char *points, checkpoint_facts *f)
{
    sample_shape *s = &f->sample;
    char junk;
    if (strcmp(points, "0") && strcmp(points, "1"))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "metadata 'points' is '%.32s'; wanted 0 or 1", points);
    f->points = *points == '1';
    if (sscanf(text, "%9d %9d %9d %9d %c", &s->height, &s->width, &s->channels,
               &s->classes, &junk) == 4 &&
        s->height > 0 && s->width > 0 && s->channels > 0 && s->classes > 0 &&
        (int64_t)s->height * s->width <= MOST_NUMBERS / s->channels &&
        (!f->points || (s->height == 1 && s->width == 1 && s->channels == 2)))
        return DRIFT_OK;
    return ERROR(ctx, DRIFT_ERROR_FORMAT,
                 "metadata 'sample' is '%.32s'; wanted height, width, channels "
                 "and classes of %s",
                 text, f->points ? "points, as 1 1 2 1" : "images");
}

/* Names of all classes, or of none. */
static drift_status read_classes(drift_context *ctx, const char *text,
                                 checkpoint *c)
{
    drift_status status = DRIFT_OK;
    size_t count = (size_t)c->facts.sample.classes;
    json_t *list = NULL;
    if (!*text)
        return DRIFT_OK;
    list = json_loads(text, 0, NULL);
    if (json_array_size(list) != count)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "metadata 'class_names' is '%.32s'; wanted the names of %zu "
             "classes",
             text, count);
    c->facts.class_names = mem_alloc(ctx, count, sizeof(char *));
    for (size_t i = 0; c->facts.class_names && i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name)
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "metadata 'class_names': the name of class %zu is no text", i);
        c->facts.class_names[i] = mem_strdup(ctx, name);
        if (!c->facts.class_names[i])
            status = DRIFT_ERROR_MEMORY;
    }
    if (!c->facts.class_names)
        status = DRIFT_ERROR_MEMORY;
out:
    json_decref(list);
    return status;
}

static drift_status read_facts(drift_context *ctx,
                               const char *const values[CHECKPOINT_KEYS],
                               checkpoint *c)
{
    drift_status status = DRIFT_OK;
    checkpoint_facts *f = &c->facts;
    char *end;
    TRY(read_count(ctx, checkpoint_keys[KEY_STEP], values[KEY_STEP], MOST_STEPS,
                   &f->step));
    TRY(read_count(ctx, checkpoint_keys[KEY_IMAGES], values[KEY_IMAGES],
                   MOST_IMAGES, &f->images));
    f->seconds = strtod(values[KEY_SECONDS], &end);
    if (*end || end == values[KEY_SECONDS] || !isfinite(f->seconds) ||
        f->seconds < 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "metadata 'seconds' is '%.32s'; wanted a number >= 0",
             values[KEY_SECONDS]);
    TRY(read_sample(ctx, values[KEY_SAMPLE], values[KEY_POINTS], f));
    TRY(read_classes(ctx, values[KEY_CLASSES], c));
    snprintf(f->data_digest, sizeof f->data_digest, "%s",
             values[KEY_DATA_DIGEST]);
out:
    return status;
}

drift_status checkpoint_latest(drift_context *ctx, const char *folder,
                               char **out)
{
    *out = mem_printf(ctx, "%s/checkpoints/latest.safetensors", folder);
    if (!*out)
        return DRIFT_ERROR_MEMORY;
    if (!file_exists(*out) && file_is_dir(folder))
        return ERROR(ctx, DRIFT_ERROR_IO,
                     "folder '%s' holds no checkpoint yet: there is no "
                     "checkpoints/latest.safetensors",
                     folder);
    return DRIFT_OK;
}

drift_status checkpoint_open(drift_context *ctx, const char *path,
                             checkpoint *out)
{
    drift_status status = DRIFT_OK;
    const char *values[CHECKPOINT_KEYS];
    char content[DIGEST_TEXT];
    *out = (checkpoint){0};
    status = safetensors_open(ctx, path, &out->file);
    if (status != DRIFT_OK)
        return status; /* the text names the path */
    out->path = mem_strdup(ctx, path);
    if (!out->path)
        return DRIFT_ERROR_MEMORY;
    for (int i = 0; i < CHECKPOINT_KEYS; i++) {
        values[i] = safetensors_metadata(&out->file, checkpoint_keys[i]);
        if (!values[i])
            FAIL(ctx, DRIFT_ERROR_FORMAT,
                 "not a checkpoint of drift: metadata '%s' is missing",
                 checkpoint_keys[i]);
        if (i == KEY_FORMAT && strcmp(values[i], FORMAT) != 0)
            FAIL(ctx, DRIFT_ERROR_FORMAT, "format is '%.64s'; wanted '%s'",
                 values[i], FORMAT);
    }
    TRY(checkpoint_digest(ctx, &out->file.arrays, values, content));
    if (strcmp(content, values[KEY_DIGEST]) != 0)
        FAIL(ctx, DRIFT_ERROR_FORMAT,
             "its content has digest %s, its header says %.32s: the file is "
             "damaged",
             content, values[KEY_DIGEST]);
    TRY(read_facts(ctx, values, out));
out:
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "'%s'", path);
}

void checkpoint_close(checkpoint *c)
{
    for (int i = 0; c->facts.class_names && i < c->facts.sample.classes; i++)
        mem_free(c->facts.class_names[i]);
    mem_free(c->facts.class_names);
    safetensors_close(&c->file);
    mem_free(c->path);
    *c = (checkpoint){0};
}

drift_status checkpoint_config(drift_context *ctx, const checkpoint *c,
                               drift_subject subject, config **out)
{
    drift_status status = DRIFT_OK;
    const char *text =
        safetensors_metadata(&c->file, checkpoint_keys[KEY_CONFIG]);
    config *made = NULL;
    *out = NULL;
    TRY(config_new(ctx, subject, &made));
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
             "'%s' holds %zu tensors; the network has %zu", set,
             count_set(c, set), p->count);
    TRY(tensor_write(ctx, flat, host));
out:
    mem_free(name);
    mem_free(host);
    return status == DRIFT_OK ? status
                              : error_prefix(ctx, status, "'%s'", c->path);
}

void checkpoint_set_name(const char *name, char text[SET_TEXT])
{
    if (!strncmp(name, "ema.", 4)) /* as the set itself is called */
        name += 4;
    if (!strcmp(name, "none") || !strcmp(name, "model"))
        snprintf(text, SET_TEXT, "model");
    else
        snprintf(text, SET_TEXT, "ema.%.24s", name);
}

drift_status checkpoint_set(drift_context *ctx, const checkpoint *c,
                            const config *run, const char *name,
                            char text[SET_TEXT])
{
    const optimizer_config *o = &run->optimizer;
    char decay[EMA_TEXT], known[CONFIG_MAX_EMA * (EMA_TEXT + 2)] = "";
    checkpoint_set_name(name           ? name
                        : o->ema_count ? optimizer_ema_name(o->ema[0], decay)
                                       : "none",
                        text);
    if (!strcmp(text, "model") || count_set(c, text))
        return DRIFT_OK;
    for (int i = 0; i < o->ema_count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s",
                 optimizer_ema_name(o->ema[i], decay));
    }
    return ERROR(ctx, DRIFT_ERROR_USAGE,
                 "'%s' holds no EMA '%s'; it holds none (the weights)%s",
                 c->path, text + 4, known);
}
