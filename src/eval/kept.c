/* Figures of real images from before: see kept.h.
 *
 * look-KEY.npz is all of a look, mu and sigma under the names that programs
 * for such scores use; scores-KEY.npz has each figure under its key. KEY is a
 * digest of all that they follow from, and stands in the file, too. The zip
 * has sums of the rest. */
#include "eval/kept.h"

#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/cache.h"
#include "base/context.h"
#include "base/mem.h"
#include "formats/npy.h"

/* The number of the format: to be raised with what a network sees, or what
 * figures are made of it, by another version of the program. */
#define FORMAT "drift-eval-2"

drift_status kept_open(const network *n, const drift_evaluate_options *o,
                       kept *out)
{
    drift_status status = DRIFT_OK;
    const char *const by[] = {FORMAT, drift_version(), build_libraries(),
                              drift_context_device(n->ctx)};
    digest *d = NULL;
    *out = (kept){.ctx = n->ctx, .o = o};
    /* A device that is checked is to work. */
    TRY(cache_folder(n->ctx, !n->ctx->compare, &out->folder));
    if (!out->folder)
        goto out;
    d = digest_new();
    if (!d)
        FAIL(n->ctx, DRIFT_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        digest_add(d, by[i], strlen(by[i]) + 1);
    TRY(network_digest(n, d));
out:
    if (d)
        digest_finish(d, out->by);
    return status;
}

void kept_close(kept *k)
{
    mem_free(k->folder);
    *k = (kept){0};
}

/* -- files ----------------------------------------------------------------- */

/* An array of a file and the memory that it is of. */
typedef struct part {
    const char *name;
    array_type type;
    size_t rows, columns; /* 0 columns: it has one dimension */
    void *data;
} part;

#define KEY_PART(key)                                                          \
    ((part){"key", ARRAY_U8, DIGEST_TEXT - 1, 0, (void *)(uintptr_t)(key)})

static int dimensions(const part *p)
{
    return p->columns ? 2 : 1;
}

static size_t bytes(const part *p)
{
    return p->rows * (p->columns ? p->columns : 1) * array_type_size(p->type);
}

static drift_status take(drift_context *ctx, const array_list *list,
                         const part *p)
{
    const array *a = array_list_find(list, p->name);
    if (!a || a->type != p->type || a->ndim != dimensions(p) ||
        a->dim[0] != p->rows || (p->columns && a->dim[1] != p->columns))
        return ERROR(ctx, DRIFT_ERROR_FORMAT,
                     "'%s' is missing or of another shape", p->name);
    memcpy(p->data, a->data, bytes(p));
    return DRIFT_OK;
}

static drift_status put(zip_writer *w, const part *p)
{
    const size_t dim[] = {p->rows, p->columns};
    return npz_put(w, p->name, p->type, dimensions(p), dim, p->data);
}

/* NULL where nothing is kept. */
static char *path_of(const kept *k, const char *what, const char *key)
{
    return k->folder && *key
               ? mem_printf(NULL, "%s/%s-%s.npz", k->folder, what, key)
               : NULL;
}

/* The arrays of a file, where it is there and its key is this. `aside` takes
 * the errors, which are none of the caller's. */
static int read_file(const kept *k, drift_context *aside, const char *what,
                     const char *key, array_list *out)
{
    drift_status status = DRIFT_OK;
    char inside[DIGEST_TEXT] = "";
    char *path = path_of(k, what, key);
    int there = path && file_exists(path);
    if (!there)
        goto out;
    TRY(npz_read(aside, path, out));
    TRY(take(aside, out, &KEY_PART(inside)));
    if (memcmp(inside, key, DIGEST_TEXT - 1) != 0)
        FAIL(aside, DRIFT_ERROR_FORMAT, "it is of something else");
out:
    mem_free(path);
    return there && status == DRIFT_OK;
}

static void write_file(const kept *k, const char *what, const char *key,
                       const part *parts, size_t count)
{
    drift_context aside = {0};
    drift_status status = DRIFT_OK;
    zip_writer *w = NULL;
    char *path = path_of(k, what, key);
    if (!path)
        return;
    TRY(file_make_dir(&aside, k->folder));
    TRY(zip_create(&aside, path, &w));
    TRY(put(w, &KEY_PART(key)));
    for (size_t i = 0; i < count; i++)
        TRY(put(w, &parts[i]));
    status = zip_commit(w);
    w = NULL;
out:
    zip_abort(w);
    if (status != DRIFT_OK)
        log_debug(k->ctx, "kept figures: %s", aside.text);
    mem_free(path);
}

/* Tell of what was taken, or why it was not. */
static int found(const kept *k, const drift_context *aside, int yes,
                 const char *what, const char *key, const char *kind,
                 size_t count)
{
    char text[64];
    if (yes) {
        log_debug(k->ctx, "kept figures: %s-%s.npz, %zu %s", what, key, count,
                  kind);
        snprintf(text, sizeof text, "%s, kept", kind);
        if (k->o->tell)
            k->o->tell(k->o->user, text, 0, count);
    } else if (aside->code != DRIFT_OK) {
        log_debug(k->ctx, "kept figures: %s-%s.npz: %s", what, key,
                  aside->text);
    }
    return yes;
}

/* -- looks ----------------------------------------------------------------- */

enum { LOOK_PARTS = 9 };

static void parts_of_look(look *l, part parts[LOOK_PARTS])
{
    size_t d = l->moments.d;
    const part all[LOOK_PARTS] = {
        {"mu", ARRAY_F64, d, 0, l->moments.mean},
        {"sigma", ARRAY_F64, d, d, l->moments.covariance},
        {"features", ARRAY_F32, l->kept, d, l->features},
        {"labels", ARRAY_I32, l->kept, 0, l->labels},
        {"taken", ARRAY_F64, l->classes, 0, l->taken},
        {"asked", ARRAY_F64, l->classes, 0, l->asked},
        {"accuracy", ARRAY_F64, 1, 0, &l->accuracy},
        {"score", ARRAY_F64, 1, 0, &l->score},
        {"score_deviation", ARRAY_F64, 1, 0, &l->score_deviation}};
    memcpy(parts, all, sizeof all);
}

static drift_status read_look(drift_context *ctx, const array_list *list,
                              const network *n, const images *x, look *out)
{
    drift_status status = DRIFT_OK;
    const array *mu = array_list_find(list, "mu");
    part parts[LOOK_PARTS];
    TRY(look_new(ctx, x->count, mu && mu->ndim == 1 ? mu->dim[0] : 0,
                 (size_t)n->classes, out));
    parts_of_look(out, parts);
    for (size_t i = 0; i < LOOK_PARTS; i++)
        TRY(take(ctx, list, &parts[i]));
    for (size_t i = 0; i < out->kept; i++)
        if (out->labels[i] < 0 || out->labels[i] >= x->classes)
            FAIL(ctx, DRIFT_ERROR_FORMAT, "a label is %d", (int)out->labels[i]);
    out->moments.n = x->count;
out:
    if (status != DRIFT_OK)
        look_free(out);
    return status;
}

/* Empty where memory has run out: nothing is kept. */
static void key_of_look(const kept *k, const images *x, char key[DIGEST_TEXT])
{
    digest *d = digest_new();
    key[0] = '\0';
    if (!d)
        return;
    digest_add(d, k->by, sizeof k->by);
    images_digest(x, d);
    digest_finish(d, key);
}

drift_status kept_look(const kept *k, network *n, images *x, const char *kind,
                       look *out)
{
    drift_status status = DRIFT_OK;
    drift_context aside = {0};
    array_list list = {0};
    part parts[LOOK_PARTS];
    char key[DIGEST_TEXT];
    key_of_look(k, x, key);
    int known = read_file(k, &aside, "look", key, &list) &&
                read_look(&aside, &list, n, x, out) == DRIFT_OK;
    array_list_free(&list);
    if (found(k, &aside, known, "look", key, kind, x->count))
        return DRIFT_OK;
    TRY(look_take(n, x, kind, k->o, out));
    parts_of_look(out, parts);
    write_file(k, "look", key, parts, LOOK_PARTS);
out:
    return status;
}

/* -- scores ---------------------------------------------------------------- */

enum { SCORE_PARTS = sizeof(drift_scores) / sizeof(double) }; /* at most */

static size_t parts_of_scores(drift_scores *s, part parts[SCORE_PARTS])
{
    size_t n = 0;
    for (const drift_score_field *f = drift_score_fields(); f->key; f++)
        parts[n++] = (part){f->key, ARRAY_F64, 1, 0, (char *)s + f->offset};
    return n;
}

void kept_key(const kept *k, const images *x, const images *real,
              const look *seen, char key[DIGEST_TEXT])
{
    const int also[] = {images_same_classes(x, real), k->o->quick};
    size_t d = seen->moments.d;
    digest *all = digest_new();
    key[0] = '\0';
    if (!all)
        return;
    digest_add(all, k->by, sizeof k->by);
    images_digest(x, all);
    images_digest(real, all);
    digest_add(all, also, sizeof also);
    /* Those of the real images, or of a reference in their place. */
    digest_add(all, seen->moments.mean, d * sizeof(double));
    digest_add(all, seen->moments.covariance, d * d * sizeof(double));
    digest_finish(all, key);
}

static drift_status read_scores(drift_context *ctx, const array_list *list,
                                drift_scores *out)
{
    drift_status status = DRIFT_OK;
    part parts[SCORE_PARTS];
    size_t n = parts_of_scores(out, parts);
    for (size_t i = 0; i < n; i++)
        TRY(take(ctx, list, &parts[i]));
out:
    return status;
}

int kept_find_scores(const kept *k, const char *key, const char *kind,
                     size_t count, drift_scores *out)
{
    drift_context aside = {0};
    array_list list = {0};
    drift_scores s = {.count = count};
    int known = read_file(k, &aside, "scores", key, &list) &&
                read_scores(&aside, &list, &s) == DRIFT_OK;
    array_list_free(&list);
    if (known)
        *out = s;
    return found(k, &aside, known, "scores", key, kind, count);
}

void kept_save_scores(const kept *k, const char *key, const drift_scores *s)
{
    drift_scores copy = *s;
    part parts[SCORE_PARTS];
    write_file(k, "scores", key, parts, parts_of_scores(&copy, parts));
}
